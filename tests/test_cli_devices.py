"""`omsorgsvagt devices` before a running service: lists taken whole or not at all, tokens shown once."""

import hashlib
import json
from pathlib import Path

from monitor.core.fleet import DeviceState
from tests.support.fleet_site import fleet_terminal
from tests.support.terminal import terminal

HEAD = "id;cid;critical;vendor;operator\n"


def lines(*numbers: int) -> str:
    return "".join(f"d{n};{990000 + n};{'ja' if n == 1 else ''};A;X\n" for n in numbers)


async def test_a_list_is_imported_listed_and_imported_again(tmp_path: Path) -> None:
    file = tmp_path / "liste.csv"
    async with fleet_terminal(tmp_path) as place:
        file.write_text(HEAD + lines(*range(5000)), encoding="utf-8")
        dry = await place.run("import", str(file), "--fleet", "kald", "--dry-run")
        assert (dry.exit_code, dry.stdout) == (0, "kald: 5000 would be new, 0 would be changed, 0 as before\n")
        assert len(place.fleet.devices) == 0

        first = await place.run("import", str(file), "--fleet", "kald")
        assert (first.exit_code, first.stdout) == (0, "kald: 5000 new, 0 changed, 0 as before\n")
        file.write_text(HEAD + lines(*range(3000)), encoding="utf-8")
        again = await place.run("import", str(file), "--fleet", "kald", "--remove-missing", "--json")
        assert json.loads(again.stdout) == {"new": 0, "changed": 0, "same": 3000, "removed": 2000, "dry_run": False}
        assert len(place.fleet.devices) == 3000

        place.fleet.beat([1])
        ok = await place.run("list", "--fleet", "kald", "--state", "ok")
        assert ok.exit_code == 0
        assert ok.stdout.startswith("d1 ")
        assert ok.stdout.rstrip().endswith("vendor=A operator=X critical")
        every = await place.run("list", "--json")
        (fleet,) = json.loads(every.stdout)
        assert (fleet["name"], fleet["devices"], fleet["states"]["new"]) == ("kald", 3000, 2999)


async def test_lines_that_are_wrong_are_all_told_and_nothing_is_changed(tmp_path: Path) -> None:
    file = tmp_path / "liste.csv"
    bad = "".join(f"æ{n};;;;\n" for n in range(150))
    file.write_text(HEAD + lines(1, 2) + bad, encoding="utf-8")
    async with fleet_terminal(tmp_path) as place:
        result = await place.run("import", str(file), "--fleet", "kald")

        told = result.stderr.splitlines()
        assert result.exit_code == 1
        assert told[0] == f"{file}: line 4: the id 'æ0' cannot be used. Use 1 to 64 letters a-z, digits and . _ : -"
        assert told[-2:] == [f"{file}: and 50 more", "150 lines are wrong; nothing was changed"]
        assert len(told) == 102
        assert len(place.fleet.devices) == 0


async def test_a_list_that_would_empty_the_registry_is_stopped(tmp_path: Path) -> None:
    file = tmp_path / "liste.csv"
    async with fleet_terminal(tmp_path) as place:
        file.write_text(HEAD + lines(*range(40)), encoding="utf-8")
        await place.run("import", str(file), "--fleet", "kald")
        file.write_text(HEAD + lines(1), encoding="utf-8")
        result = await place.run("import", str(file), "--fleet", "kald", "--remove-missing")

        assert result.exit_code == 2
        assert "would take out 39 of 40 devices: is this the whole list?" in result.stderr
        assert len(place.fleet.devices) == 40


async def test_a_token_opens_until_it_is_revoked(tmp_path: Path) -> None:
    file = tmp_path / "liste.csv"
    file.write_text(HEAD + lines(1), encoding="utf-8")
    async with fleet_terminal(tmp_path) as place:
        await place.run("import", str(file), "--fleet", "kald")
        token = (await place.run("enrol", "kald", "d1", "--note", "prøve")).stdout.strip()
        tokens = place.fleet.story.engine.fleets.tokens

        assert tokens == {hashlib.sha256(token.encode()).digest(): ("kald", "d1")}
        revoked = await place.run("revoke", "kald", "d1")
        assert (revoked.exit_code, revoked.stdout) == (0, "1 revoked\n")
        assert tokens == {}
        assert (await place.run("revoke", "kald", "d1")).exit_code == 1
        unknown = await place.run("enrol", "kald", "d9")
        assert unknown.exit_code == 2
        assert unknown.stderr == "Der er ingen enhed d9 i kald 'omsorgsvagt devices list' names the fleets\n"


async def test_a_device_is_muted_for_a_while_and_why(tmp_path: Path) -> None:
    file = tmp_path / "liste.csv"
    file.write_text(HEAD + lines(1), encoding="utf-8")
    async with fleet_terminal(tmp_path) as place:
        await place.run("import", str(file), "--fleet", "kald")
        muted = await place.run("mute", "d1", "--fleet", "kald", "--for", "2h", "--why", "på ferie")
        assert (muted.exit_code, muted.stdout) == (0, "d1: muted until 2026-03-05T11:00:00Z\n")
        assert place.fleet.devices.state(0) is DeviceState.MUTED
        wrong = await place.run("mute", "d1", "--fleet", "kald", "--for", "to timer", "--why", "ferie")
        assert (wrong.exit_code, wrong.stderr) == (
            2, "--for: 'to timer' is not a duration; write for instance 30s, 5m or 1h30m\n",
        )  # fmt: skip


async def test_a_fleet_or_a_file_that_is_not_there(tmp_path: Path) -> None:
    async with fleet_terminal(tmp_path) as place:
        fleet = await place.run("import", "x.csv", "--fleet", "andre")
        assert (fleet.exit_code, fleet.stderr) == (
            2, "Der er ingen enhedsgruppe andre 'omsorgsvagt devices list' names the fleets\n",
        )  # fmt: skip
        file = await place.run("import", "x.csv", "--fleet", "kald")
        assert (file.exit_code, file.stderr) == (2, "x.csv: there is no such file. Name a CSV file\n")


def test_without_the_service_it_says_so(tmp_path: Path) -> None:
    result = terminal(tmp_path, OMSORGSVAGT_LISTEN="127.0.0.1:9").run("devices", "list")

    assert result.exit_code == 2
    assert "the service does not answer on 127.0.0.1:9" in result.stderr
    assert "systemctl start omsorgsvagt" in result.stderr
