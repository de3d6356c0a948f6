"""The pulse: goes the way of an alarm, through the real engine and store, and nobody ever sees it."""

from datetime import datetime
from pathlib import Path

from monitor.core.plan import ChannelName
from monitor.core.reasons import Kind
from monitor.core.records import NoticeState
from monitor.engine.pulse import Pulse
from monitor.ports import SendOutcome
from tests.support.plans import small_plan
from tests.support.story import Story, story

THURSDAY_AT_TEN = datetime(2026, 3, 5, 10, 0)


async def beaten(s: Story, pulse: Pulse) -> dict[ChannelName, bool]:
    await pulse.beat()
    await s.engine.turn()
    return await pulse.back(0)


async def test_it_comes_out_of_every_channel_and_nobody_gets_anything(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        pulse = Pulse(s.engine.desk)
        for _ in range(5):
            assert await beaten(s, pulse) == {ChannelName.SMS: True, ChannelName.MAIL: True}
        ledger = s.engine.desk.ledger
        assert not ledger.queue and not ledger.notices and not ledger.attempts and not ledger.unsent
        assert not s.phones["primary"].tried  # type: ignore[index]
        shown = s.engine.desk.metrics.expose().decode()
        assert '="puls"' not in shown
        assert "omsorgsvagt_notices_total{" not in shown and "omsorgsvagt_notice_delivery_seconds_count{" not in shown
        await s.mind()
        kept = await s.store._engine.run(
            lambda connection: connection.exec_driver_sql("select state, delivered from notices").all()
        )
        assert [row[0] for row in kept] == [NoticeState.ACCEPTED.value] * 2
        assert all(row[1] for row in kept)


async def test_a_channel_that_does_not_empty_its_queue_gives_none_back(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        pulse = Pulse(s.engine.desk)
        s.engine.senders[ChannelName.MAIL].stopping = True
        assert await beaten(s, pulse) == {ChannelName.SMS: True, ChannelName.MAIL: False}
        assert s.engine.desk.ledger.oldest_unsent() is None
        s.engine.senders[ChannelName.MAIL].stopping = False
        assert await beaten(s, pulse) == {ChannelName.SMS: True, ChannelName.MAIL: True}


async def test_one_of_an_earlier_beat_does_not_count(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        pulse = Pulse(s.engine.desk)
        await pulse.beat()
        old = [n for n in s.engine.desk.ledger.queue.values() if n.kind is Kind.PULSE]
        await s.engine.turn()
        await pulse.beat()
        s.engine.desk.pulsed(old[0])
        assert await pulse.back(0) == {ChannelName.SMS: False, ChannelName.MAIL: False}
        await s.engine.turn()


async def test_it_does_not_wait_behind_a_long_queue_nor_hold_it_up(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.TEMPORARY
        await s.down("noedkald-1", every=0)
        pulse = Pulse(s.engine.desk)
        assert await beaten(s, pulse) == {ChannelName.SMS: True, ChannelName.MAIL: True}
        for name in ("primary", "modem"):
            s.route(name).outcome = SendOutcome.ACCEPTED
        await s.later(30, step=5)
        s.expect("nexus", "Noedkald NEDE")
        s.forget()


async def test_one_left_by_a_former_run_goes_with_the_next(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN, small_plan()) as s:
        await Pulse(s.engine.desk).beat()
        await s.restart(away=5)
        await s.engine.turn()
        assert not s.engine.desk.ledger.queue
        assert await beaten(s, Pulse(s.engine.desk)) == {ChannelName.SMS: True, ChannelName.MAIL: True}


async def test_without_a_store_it_still_beats(tmp_path: Path) -> None:
    async with story(tmp_path, THURSDAY_AT_TEN) as s:
        s.engine.desk.journal.degraded = True
        assert all((await beaten(s, Pulse(s.engine.desk))).values())
        await s.engine.mind()
