"""Scenarios 19 and 23 together: killed before or after any write or handing over while many are told as one.

No outage is left out of what somebody hears, nobody hears it twice unless we were killed, and the all-clear matches.
"""

import asyncio
from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.plan import Plan
from monitor.core.reasons import Kind
from monitor.core.records import Incident, Notice, NoticeState
from tests.stories.test_killed_anywhere import MortalStory
from tests.support.plans import MAIL, SMS, small_plan, step, with_steps, with_systems

MANY = 5
DOWN = {f"s{number}-1": (20, 260) for number in range(MANY)}


def plan() -> Plan:
    both = step(0, "nexus_support", "afdelingsledelse", by=(SMS, MAIL), repeat=120.0)
    return with_systems(with_steps(small_plan(), "nedbrud_dag", both), MANY)


def said(told: MortalStory) -> list[tuple[str, Notice]]:
    """Each word the carriers have taken, with the key of the message it was in, in the order they were taken."""
    rows = told.rows[Notice]
    known: dict[str, Notice] = {notice.id: notice for notice in rows.values()}
    found = []
    for phone in told.phones.values():
        for message in phone.got:
            sent = known[message.key]
            inside = [one for one in rows.values() if sent.kind is Kind.BUNDLE and one.bundle == sent.id]
            found += [(message.key, one) for one in (inside or [sent])]
    return found


@settings(max_examples=50, deadline=None)
@given(st.frozensets(st.integers(1, 140), max_size=8))
def test_killed_anywhere_nothing_in_a_bundle_is_lost_and_little_is_repeated(kill_at: frozenset[int]) -> None:
    async def run() -> MortalStory:
        told = MortalStory(plan(), kill_at)
        await told.world(DOWN, 900)
        await told.kill()
        return told

    told = asyncio.run(run())
    words = said(told)
    systems = {i.id: i.system for i in told.rows[Incident].values()}
    for kind in (Kind.ALARM, Kind.ALL_CLEAR):
        heard = {(systems[n.incident], n.person, n.channel) for _, n in words if n.kind is kind and n.incident}
        expected = {(f"s{n}", who, by) for n in range(MANY) for who in ("nexus", "leder") for by in (SMS, MAIL)}
        assert expected <= heard, f"{kind}: {expected - heard} never heard"
    times = Counter(n.key for _, n in words)
    messages = sum(count - 1 for count in Counter(m.key for p in told.phones.values() for m in p.got).values())
    assert messages <= 8 * len(told.fate.kill_at)
    assert all(count <= 1 + len(told.fate.kill_at) for count in times.values())
    assert not told.engine.desk.ledger.queue
    states = {n.state for n in told.rows[Notice].values()}
    assert NoticeState.QUEUED not in states


def test_left_alone_each_person_gets_two_messages_by_each_way_and_the_reminders() -> None:
    async def run() -> MortalStory:
        told = MortalStory(replace(plan(), digest="alone"), frozenset())
        await told.world(DOWN, 900)
        await told.kill()
        return told

    told = asyncio.run(run())
    firsts = [m.subject or m.text for phone in told.phones.values() for m in phone.got]
    heads = Counter(text.split(" siden")[0].split(":")[0] for text in firsts)
    assert heads == {"5 systemer NEDE": 4, "5 systemer STADIG NEDE": 8 - 4, "5 systemer OPPE IGEN": 4}
