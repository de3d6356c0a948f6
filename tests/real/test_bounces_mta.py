"""An alarm by mail through a real OpenSMTPD that cannot deliver it: it comes back, and its reader is told by SMS."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.channels.mail import Channel, Settings
from monitor.core.ladder import rung
from monitor.core.plan import RouteName
from monitor.core.records import Notice
from monitor.engine.receipts import Receipts
from monitor.intake.bounces import Bounces
from monitor.ports import ChannelContext
from tests.support.mta import BOX, Mta, available, mail_folder, mta
from tests.support.plans import MAIL, small_plan, step, with_steps
from tests.support.smsfake import secret
from tests.support.story import Story, story

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not available(), reason="OpenSMTPD runs as root, in a mount namespace of its own"),
]

PLAN = with_steps(small_plan(), "nedbrud_dag", step(0, "nexus_support", by=(MAIL,)))
REFUSED = "550 5.1.1 No such mailbox here"


@dataclass
class Post:
    """A story whose mails leave by a real server, and the mailbox they come back to."""

    story: Story
    server: Mta
    bounces: Bounces
    maildir: Path

    @property
    def notice(self) -> Notice:
        return next(one for one in self.story.engine.desk.ledger.notices.values() if one.channel is MAIL)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Read the mailbox until it holds."""
        deadline = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < deadline, rung(self.notice)
            await self.bounces.turn()
            await self.story.engine.turn()


@asynccontextmanager
async def post(tmp: Path, **says: str) -> AsyncIterator[Post]:
    # The mails are of today, whatever the story's day is.
    def now() -> datetime:
        return datetime.now(UTC)

    with mail_folder() as maildir:
        async with mta(tmp, maildir) as server, story(tmp, datetime(2026, 3, 5, 10, 0), PLAN) as s:
            server.sink.says |= says
            given = {"name": "relay", "smtp": server.address, "security": "none", "sender": BOX}
            route = Settings.model_validate({**given, "bounces": {"maildir": maildir}, "receipts": "yes"})
            channel = Channel(route, ChannelContext(secret, now, route.timeout))
            s.engine.senders[MAIL].routes[RouteName("relay")] = channel
            await s.down("noedkald-1")
            yield Post(s, server, Bounces(Receipts(s.engine.desk), lambda: (route,), secret, now), maildir)


async def test_a_mail_that_cannot_be_delivered_is_told_by_sms_and_its_address_flagged(tmp_path: Path) -> None:
    async with post(tmp_path, RCPT=REFUSED) as p:
        assert rung(p.notice) == "accepted"
        await p.until(lambda: rung(p.notice) != "accepted")

        assert (rung(p.notice), p.notice.undelivered) == ("undelivered", "5.0.0")
        p.story.expect("nexus", "Noedkald: NEDE")
        p.story.expect("it", "mailadressen virker ikke")
        assert [row.person for row in p.story.engine.desk.ledger.flags.rows.values()] == ["nexus"]
        await p.until(lambda: [path.name[-4:] for path in (p.maildir / "cur").iterdir()] == [":2,S"])


async def test_a_mail_that_arrived_is_confirmed(tmp_path: Path) -> None:
    async with post(tmp_path) as p:
        await p.until(lambda: rung(p.notice) == "delivered")

        assert len(p.server.sink.taken) == 1
        p.story.done()
