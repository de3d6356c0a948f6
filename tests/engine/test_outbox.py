"""The order of a queue: alarms first, nobody before his turn, nothing forgotten, and cheap however long."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.finding import SystemName
from monitor.core.plan import ChannelName, PersonId, Severity
from monitor.core.reasons import Kind
from monitor.core.records import Incident, IncidentId, Notice, NoticeId, NoticeState
from monitor.engine.ledger import Ledger
from monitor.engine.outbox import Outbox

START = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)
SMS = ChannelName.SMS


def notice(ident: str, kind: Kind = Kind.ALARM, person: str = "p", age: float = 0.0) -> Notice:
    created = START + timedelta(seconds=age)
    return Notice(NoticeId(ident), ident, IncidentId("i"), kind, PersonId(person), SMS, "to", "text", created)


class Desk:
    """A ledger with an open incident, an outbox over it, and when each notice may be tried."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.ledger.put([Incident(IncidentId("i"), "26-0001", SystemName("s"), Severity.DOWN, START, START, START)])
        self.waits: dict[str, datetime] = {}
        self.under_way: set[NoticeId] = set()
        self.box = Outbox(self.ledger, SMS, lambda notice, now: self.waits.get(notice.id, now))
        self.now = START
        self.asked = 0

    def take(self) -> str | None:
        taken = self.box.take(self.now, self.now.timestamp(), self.under_way.__contains__)
        return None if taken is None else taken.id

    def sent(self, ident: str, state: NoticeState = NoticeState.ACCEPTED) -> None:
        settled = replace(self.ledger.queue[NoticeId(ident)], state=state)
        self.ledger.put([settled])
        self.box.ended(settled)


def test_alarms_then_what_follows_then_reminders_each_by_age() -> None:
    desk = Desk()
    kinds = [Kind.REMINDER, Kind.TASK, Kind.ALARM, Kind.ALL_CLEAR, Kind.WORSENED]
    desk.ledger.put([notice(f"{kind}{age}", kind, f"{kind}", age) for kind in kinds for age in (1, 0)])
    order = []
    while (taken := desk.take()) is not None:
        order.append(taken)
    first, then = ["alarm0", "worsened0", "alarm1", "worsened1"], ["all_clear0", "task0", "all_clear1", "task1"]
    assert order == [*first, *then, "reminder0", "reminder1"]


def test_what_must_wait_comes_when_its_time_has_come() -> None:
    desk = Desk()
    desk.waits["a"] = START + timedelta(seconds=5)
    desk.ledger.put([notice("a"), notice("b")])
    assert (desk.take(), desk.take()) == ("b", None)
    desk.now += timedelta(seconds=5)
    assert desk.take() == "a"


def test_an_all_clear_waits_behind_its_alarm_and_goes_when_that_is_settled() -> None:
    desk = Desk()
    desk.ledger.put([notice("a"), notice("clear", Kind.ALL_CLEAR, age=1), notice("other", Kind.ALL_CLEAR, "q", 2)])
    assert (desk.take(), desk.take(), desk.take()) == ("a", "other", None)
    desk.box.ended(desk.ledger.queue[NoticeId("a")])
    assert desk.take() == "a", "it was not taken: its turn comes again"
    desk.sent("a")
    assert (desk.take(), desk.take()) == ("clear", None)


def test_an_all_clear_also_goes_when_its_alarm_has_failed_for_good() -> None:
    desk = Desk()
    desk.ledger.put([notice("a"), notice("clear", Kind.ALL_CLEAR, age=1)])
    assert desk.take() == "a"
    desk.sent("a", NoticeState.FAILED)
    assert desk.take() == "clear"


def test_what_is_under_way_is_not_taken_twice() -> None:
    desk = Desk()
    desk.ledger.put([notice("a")])
    desk.under_way.add(NoticeId("a"))
    assert desk.take() is None
    desk.under_way.clear()
    desk.box.ended(notice("a"))
    assert desk.take() == "a"


def test_what_fell_over_rests_before_it_is_tried_again() -> None:
    desk = Desk()
    desk.ledger.put([notice("a")])
    assert desk.take() == "a"
    desk.box.ended(notice("a"), START + timedelta(seconds=5))
    assert desk.take() is None
    desk.now += timedelta(seconds=5)
    assert desk.take() == "a"


def test_what_was_lost_from_the_order_is_found_again_within_half_a_minute() -> None:
    desk = Desk()
    desk.ledger.put([notice("a")])
    assert (desk.take(), desk.take()) == ("a", None)
    desk.now += timedelta(seconds=29)
    assert desk.take() is None
    desk.now += timedelta(seconds=1)
    assert desk.take() == "a"


def test_new_routes_are_looked_at_at_once() -> None:
    desk = Desk()
    desk.waits["a"] = START + timedelta(seconds=300)
    desk.ledger.put([notice("a")])
    assert desk.take() is None
    desk.waits.clear()
    assert desk.take() is None
    desk.box.anew()
    assert desk.take() == "a"


def test_a_queue_of_fifteen_thousand_is_not_gone_over_for_each_that_is_sent() -> None:
    desk, looks = Desk(), list[str]()

    def looked_at(notice: Notice, now: datetime) -> datetime:
        looks.append(notice.id)
        return now

    desk.box.ready_at = looked_at
    desk.ledger.put([notice(f"n{i:05d}", person=f"p{i % 7}") for i in range(15_000)])
    for _ in range(15_000):
        taken = desk.take()
        assert taken is not None
        desk.sent(taken)
    assert desk.take() is None
    assert len(looks) == 15_000
    assert not desk.ledger.unsent and not desk.ledger.queue


def in_bundle(desk: Desk, *idents: str) -> None:
    """These go with a bundle that waits."""
    bundle = replace(notice("bundle/alarm/b", Kind.BUNDLE), id=NoticeId("b"), incident=None)
    desk.ledger.put([bundle, *(replace(desk.ledger.queue[NoticeId(i)], bundle=bundle.id) for i in idents)])


def test_what_is_in_a_bundle_is_passed_over_and_its_all_clears_wait_for_it() -> None:
    desk = Desk()
    desk.ledger.put([notice("a"), notice("a2", age=1), notice("other", age=2), notice("clear", Kind.ALL_CLEAR, age=3)])
    in_bundle(desk, "a", "a2", "other")
    assert (desk.take(), desk.take()) == ("b", None)
    settled = replace(desk.ledger.queue[NoticeId("b")], state=NoticeState.ACCEPTED, settled=desk.now)
    desk.ledger.put(desk.ledger.carried([settled]))
    assert [n.id for n in desk.ledger.queue.values()] == ["clear"]
    desk.box.ended(settled)
    assert desk.take() == "clear"


def test_members_whose_bundle_is_taken_apart_have_their_turn_at_once() -> None:
    desk = Desk()
    desk.ledger.put([notice("a"), notice("a2", age=1)])
    in_bundle(desk, "a", "a2")
    assert desk.take() == "b"
    ended = replace(desk.ledger.queue[NoticeId("b")], state=NoticeState.FAILED)
    freed = [replace(one, bundle=None) for one in desk.ledger.members_of(ended)]
    desk.ledger.put(desk.ledger.carried([*freed, ended]))
    for ident in ("a", "a2"):
        assert desk.take() == ident
        desk.sent(ident)
    assert desk.take() is None
    assert not desk.ledger.together.members
    assert NoticeId("b") not in desk.ledger.notices


def test_a_bundle_goes_before_reminders_when_it_holds_alarms() -> None:
    desk = Desk()
    desk.ledger.put([notice("r", Kind.REMINDER), notice("a", age=5)])
    in_bundle(desk, "a")
    assert (desk.take(), desk.take(), desk.take()) == ("b", "r", None)


acts = st.lists(st.tuples(st.sampled_from(["put", "take", "sent", "wait", "ended"]), st.integers(0, 8)), max_size=60)


def happens(desk: Desk, what: str, number: int) -> None:
    ident = NoticeId(f"n{number}")
    queued = desk.ledger.queue.get(ident)
    if what == "put" and ident not in desk.ledger.notices:
        kind = Kind.ALARM if number % 3 else Kind.ALL_CLEAR
        desk.ledger.put([notice(ident, kind, f"p{number % 2}", number)])
    elif what == "take":
        desk.take()
    elif what == "wait":
        desk.waits[ident] = desk.now + timedelta(seconds=number)
    elif queued is not None:
        desk.sent(ident) if what == "sent" else desk.box.ended(queued)


@given(acts)
def test_whatever_happens_everything_queued_gets_its_turn_in_the_end(happenings: list[tuple[str, int]]) -> None:
    desk = Desk()
    for what, number in happenings:
        happens(desk, what, number)
    for _ in range(20):
        desk.now += timedelta(seconds=31)
        while (one := desk.take()) is not None:
            desk.sent(one)
    assert not desk.ledger.queue


def test_what_waits_behind_a_notice_that_is_settled_elsewhere_goes_at_the_next_look() -> None:
    desk = Desk()
    alarm, clear = notice("alarm"), notice("clear", Kind.ALL_CLEAR, age=1)
    desk.waits["alarm"] = START + timedelta(hours=1)
    desk.ledger.put([alarm, clear])
    assert desk.take() is None

    # By a receipt, between two tries.
    desk.ledger.put([replace(alarm, state=NoticeState.ACCEPTED)])

    assert desk.take() == "clear"
