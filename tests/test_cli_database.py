"""`incidents list|show` read the database with the service down too; `db` makes, copies and looks through it."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.core.records import Row
from monitor.settings import ServiceSettings
from monitor.store.schema import HEAD
from monitor.store.store import Store
from tests.store.rows import AT, a_line, a_notice, a_task, an_incident
from tests.support.terminal import Terminal, terminal

RECOVERED = an_incident("0196a1", "26-0002", recovered=AT + timedelta(hours=1))
CLOSED = an_incident("0196a2", "26-0003", recovered=AT + timedelta(hours=1), closed=AT + timedelta(hours=2))


def kept(folder: Path, rows: Sequence[Row]) -> Terminal:
    """A terminal before a database with these rows."""
    at = terminal(folder)
    at.state.mkdir()
    settings = ServiceSettings.model_validate({"STATE_DIRECTORY": at.state, "database_url": ""})
    asyncio.run(_save(settings.database, rows))
    return at


async def _save(url: str, rows: Sequence[Row]) -> None:
    store = Store(url)
    await store.open()
    await store.save(rows)
    await store.close()


def test_no_incidents(tmp_path: Path) -> None:
    at = kept(tmp_path, [])
    result = at.run("incidents", "list")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "no incidents\n", "")
    assert at.read("incidents", "list") == (0, [])


def test_an_open_incident_is_exit_1(tmp_path: Path) -> None:
    at = kept(tmp_path, [an_incident(cause="svarer ikke"), RECOVERED, CLOSED])

    result = at.run("incidents", "list")
    code, found = at.read("incidents", "list")

    assert (result.exit_code, code) == (1, 1)
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["26-0003", "26-0002", "26-0001"]
    assert result.stdout.splitlines()[-1].split()[1:5] == ["2026-03-05", "11:00", "noedkald", "NEDE"]
    assert "open" in result.stdout and "recovered" in result.stdout and "closed" in result.stdout
    assert found[-1]["severity"] == "down"
    assert found[0]["closed"] == "2026-03-05T12:00:00+00:00"


@pytest.mark.parametrize("over", [RECOVERED, CLOSED])
def test_incidents_that_are_over_are_exit_0(tmp_path: Path, over: Row) -> None:
    assert kept(tmp_path, [over]).run("incidents", "list").exit_code == 0


def test_the_newest_only(tmp_path: Path) -> None:
    at = kept(tmp_path, [RECOVERED, CLOSED])
    assert [one["number"] for one in at.read("incidents", "list", "--limit", "1")[1]] == ["26-0003"]


def test_one_incident_with_its_timeline_and_tasks(tmp_path: Path) -> None:
    tasks = [a_task(), a_task("t2", done=AT, done_by="Vagten")]
    at = kept(tmp_path, [an_incident(), a_line(), a_line("l2", at=AT + timedelta(minutes=1)), a_notice(), *tasks])

    result = at.run("incidents", "show", "26-0001")
    code, found = at.read("incidents", "show", "26-0001")

    assert (result.exit_code, code) == (0, 0)
    assert "  05/03 11:00:00  " in result.stdout
    assert "  05/03 11:01:00  " in result.stdout
    assert [line for line in result.stdout.splitlines() if "[" in line] == ["  [ ] ring", "  [x] ring Vagten"]
    assert [line["entry"] for line in found["timeline"]] == ["opened", "opened"]
    assert found["notices"] == [{"kind": "alarm", "person": "nexus_support", "channel": "sms", "state": "queued"}]
    assert {"task": "ring", "done": "2026-03-05T10:00:00+00:00", "done_by": "Vagten"} in found["tasks"]


def test_times_are_those_people_speak_of(tmp_path: Path) -> None:
    summer = replace(an_incident(), began=AT.replace(month=7))
    assert "2026-07-05 12:00" in kept(tmp_path, [summer]).run("incidents", "list").stdout


def test_an_incident_that_is_not_there(tmp_path: Path) -> None:
    result = kept(tmp_path, []).run("incidents", "show", "26-0099")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "there is no incident 26-0099. 'omsorgsvagt incidents list' names them\n"


@pytest.mark.parametrize("words", [("list",), ("show", "26-0001")])
def test_looking_makes_no_database(tmp_path: Path, words: tuple[str, ...]) -> None:
    at = terminal(tmp_path)
    at.state.mkdir()

    result = at.run("incidents", *words)

    assert result.exit_code == 2
    assert result.stderr.startswith(f"{at.state}/omsorgsvagt.db: there is no database. Set STATE_DIRECTORY")
    assert list(at.state.iterdir()) == []


def test_a_database_that_is_none(tmp_path: Path) -> None:
    at = terminal(tmp_path)
    at.state.mkdir()
    (at.state / "omsorgsvagt.db").write_bytes(b"noget andet " * 100)

    result = at.run("incidents", "list")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("the database cannot be read: omsorgsvagt.db: file is not a database")


def test_the_schema_is_made_and_then_left_alone(tmp_path: Path) -> None:
    at = terminal(tmp_path)

    first, second, data = at.run("db", "upgrade"), at.run("db", "upgrade"), at.read("db", "upgrade")

    assert (first.exit_code, first.stdout) == (0, f"schema {HEAD}\n")
    assert (second.exit_code, second.stdout) == (0, f"schema {HEAD}\n")
    assert data == (0, {"schema": HEAD})
    with closing(sqlite3.connect(at.state / "omsorgsvagt.db")) as file:
        assert file.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]


def test_a_schema_from_a_newer_program(tmp_path: Path) -> None:
    at = kept(tmp_path, [])
    with closing(sqlite3.connect(at.state / "omsorgsvagt.db", isolation_level=None)) as file:
        file.execute("UPDATE alembic_version SET version_num = '9999'")

    result = at.run("db", "upgrade")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("the database cannot be upgraded: the database has schema '9999'")
    assert "run the newer program" in result.stderr


def test_a_state_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("en fil")
    result = terminal(tmp_path).run("db", "upgrade")
    assert result.exit_code == 2
    assert "Set STATE_DIRECTORY" in result.stderr


def test_a_copy_is_made_and_told(tmp_path: Path) -> None:
    at = kept(tmp_path, [an_incident(), a_line()])
    copy = tmp_path / "copy.db"

    result = at.run("db", "backup", str(copy))

    assert result.exit_code == 0
    assert result.stdout == f"{copy}: {copy.stat().st_size / 1e6:.1f} MB, schema {HEAD}, whole\n"
    assert copy.stat().st_mode & 0o777 == 0o600
    again = at.run("db", "backup", str(copy))
    assert (again.exit_code, again.stdout) == (2, "")
    assert again.stderr.startswith(f"no copy was made: {copy} is there already. Take another name")
    told = {"file": str(copy), "bytes": copy.stat().st_size, "schema": HEAD}
    assert at.read("db", "backup", str(copy), "--force") == (0, told)


def test_a_damaged_database_is_found_and_not_copied(tmp_path: Path) -> None:
    at = kept(tmp_path, [an_incident(), *(a_line(f"l{n}") for n in range(200))])
    assert at.run("db", "check").stdout == f"{at.state / 'omsorgsvagt.db'}: whole\n"
    with (at.state / "omsorgsvagt.db").open("r+b") as file:
        file.seek(8192)
        file.write(b"kradset over " * 3_000)

    result, looked = at.run("db", "backup", str(tmp_path / "copy.db")), at.run("db", "check")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("no copy was made: ")
    assert looked.exit_code == 1 and "Page 3" in looked.stdout
    assert not (tmp_path / "copy.db").exists()


def test_postgresql_copies_itself(tmp_path: Path) -> None:
    url = {"OMSORGSVAGT_DATABASE_URL": "postgresql+asyncpg://vagt:hemmelig@db.example/vagt"}

    at = terminal(tmp_path)

    result, looked = at.run("db", "backup", "copy.db", **url), at.run("db", "check", **url)

    assert (result.exit_code, result.stdout) == (2, "")
    assert "pg_dump --format=custom --file=copy.db --dbname='postgresql://vagt@db.example/vagt'" in result.stderr
    assert looked.exit_code == 2 and "pg_amcheck" in looked.stderr
    assert "hemmelig" not in result.stderr + looked.stderr


def test_no_database_is_not_copied(tmp_path: Path) -> None:
    result = terminal(tmp_path).run("db", "backup", str(tmp_path / "copy.db"))
    assert result.exit_code == 2
    assert "there is no database yet" in result.stderr
