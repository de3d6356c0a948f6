"""Scenario 19 with a carrier that stays silent: killed at any count, what is overdue goes other ways, each way once."""

import asyncio
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.ladder import root
from monitor.core.records import Notice
from tests.stories.test_killed_anywhere import PLAN, MortalStory
from tests.support.carriers import telling
from tests.support.plans import SMS

SILENT = telling(PLAN, "primary")
DOWN = {"noedkald-1": (20, 260)}


async def course(kill_at: frozenset[int]) -> MortalStory:
    told = MortalStory(SILENT, kill_at)
    await told.world(DOWN, 500)
    await told.kill()
    return told


def held(told: MortalStory) -> None:
    rows: list[Notice] = list(told.rows[Notice].values())
    kills = len(told.fate.kill_at)
    assert len({n.key for n in rows}) == len(rows)
    words = Counter((root(n), route) for route, n in _taken(told))
    assert max(words.values()) <= 1 + kills, "each route carries the same words once, and once more for each kill"
    alarms = [n for n in rows if n.kind == "alarm" and n.channel is SMS and n.after is None and n.incident is not None]
    for notice in (n for n in alarms if n.overdue is not None):
        instead = {n.channel for n in rows if n.after == notice.id}
        mailed = any(n.person == notice.person and n.channel is not SMS for n in rows if n.kind == "alarm")
        assert SMS in instead, "the other route"
        assert mailed, "the other channel"
    people = {n.person for _, n in _taken(told) if n.kind == "alarm"}
    assert {"nexus", "leder", "sektion"} <= people
    assert not told.engine.desk.ledger.queue


def _taken(told: MortalStory) -> list[tuple[str, Notice]]:
    notices = {n.id: n for n in told.rows[Notice].values()}
    return [(name, notices[m.key]) for name, phone in told.phones.items() for m in phone.got]


@settings(max_examples=25)
@given(st.frozensets(st.integers(1, 200), max_size=6))
def test_killed_anywhere_the_ladder_goes_on_and_repeats_nothing_for_want_of_memory(kill_at: frozenset[int]) -> None:
    held(asyncio.run(course(kill_at)))


def test_without_a_kill_something_is_overdue() -> None:
    told = asyncio.run(course(frozenset()))
    held(told)
    assert [n.person for n in told.rows[Notice].values() if n.overdue is not None and n.kind == "alarm"]
