"""`plan check` warns of addresses a carrier calls dead, at their line; a missing or broken database is no fault."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.core.plan import ChannelName, PersonId
from monitor.core.records import AddressRow
from monitor.store.store import Store
from tests.support.terminal import Terminal, terminal

NUMBER = "+4500000001"
SINCE = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)


@pytest.fixture
def at(tmp_path: Path) -> Terminal:
    return terminal(tmp_path)


def flag(at: Terminal, address: str = NUMBER, cleared: datetime | None = None) -> None:
    """What the service would have kept."""

    async def keep() -> None:
        at.state.mkdir(exist_ok=True)
        store = Store(f"sqlite+aiosqlite:///{at.state / 'omsorgsvagt.db'}")
        await store.open()
        row = AddressRow(
            f"vagt/sms/{address}", PersonId("vagt"), ChannelName.SMS, address, SINCE, SINCE, "dead", "x", cleared
        )
        await store.save([row])
        await store.close()

    asyncio.run(keep())


def dead(at: Terminal) -> list[dict[str, object]]:
    code, found = at.read("plan", "check")
    assert code == 1, "the small plan has warnings of its own"
    return [one for one in found["warnings"] if "its carrier has refused" in str(one["wrong"])]


def test_a_dead_number_is_warned_of_at_its_line(at: Terminal) -> None:
    flag(at)
    [warning] = dead(at)
    assert f"{warning['file']}:{warning['line']}" == at.place("plan.yaml", f'sms: "{NUMBER}"')
    assert warning["where"] == "people.vagt.sms"
    assert warning["wrong"] == "its carrier has refused this address since 2026-03-05 10:00"
    assert NUMBER not in str(warning)


def test_one_that_works_again_or_is_no_more_in_the_plan_is_not(at: Terminal) -> None:
    flag(at, cleared=SINCE)
    assert dead(at) == []
    flag(at, address="+4500000099")
    assert dead(at) == []


@pytest.mark.parametrize("content", [None, b"", b"no database at all" * 100])
def test_without_a_database_that_can_be_read_nothing_is_known(at: Terminal, content: bytes | None) -> None:
    at.state.mkdir()
    file = at.state / "omsorgsvagt.db"
    if content is not None:
        file.write_bytes(content)
    assert dead(at) == []
    assert file.exists() == (content is not None), "whoever looks makes no database"
    assert content is None or not content or file.read_bytes() == content
