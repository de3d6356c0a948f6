"""Bounces in a Maildir: those of our own mails become receipts, all else is counted, set aside and harmless."""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

import pytest
import structlog

from monitor.channels.mail import Settings
from monitor.core.ladder import rung
from monitor.core.records import Notice
from monitor.engine.receipts import Receipts
from monitor.intake.bounces import Bounces
from monitor.mailbox.letters import AT_ONCE
from monitor.plan.settings import RouteSettings
from tests.support.bounces import dsn, told
from tests.support.plans import MAIL, small_plan, step, with_steps
from tests.support.smsfake import secret
from tests.support.story import Story, story

THURSDAY_AT_TEN = datetime(2026, 3, 5, 10, 0)
PLAN = with_steps(small_plan(), "nedbrud_dag", step(0, "nexus_support", by=(MAIL,)))


def relay(name: str, maildir: Path) -> Settings:
    return Settings.model_validate(
        {"name": name, "smtp": "relay.example:587", "sender": "vagt@eksempel.example", "bounces": {"maildir": maildir}}
    )


@dataclass
class Post:
    """A story whose alarm a relay has taken, and the mailbox where it may come back."""

    story: Story
    bounces: Bounces
    folder: Path
    serial: count  # type: ignore[type-arg]

    def lay(self, mail: bytes, name: str = "", part: str = "new", age: float = 1.0) -> Path:
        path = self.folder / part / (name or f"{next(self.serial)}.M1P1.mx")
        path.write_bytes(mail)
        at = self.story.clock.at.timestamp() - age
        os.utime(path, (at, at))
        return path

    @property
    def notice(self) -> Notice:
        return next(one for one in self.story.engine.desk.ledger.notices.values() if one.channel is MAIL)

    async def turn(self) -> None:
        await self.bounces.turn()
        await self.story.engine.turn()

    def counted(self, verdict: str) -> float:
        sample = self.story.engine.desk.metrics.registry.get_sample_value
        return sample("omsorgsvagt_receipts_total", {"route": "relay", "verdict": verdict}) or 0.0

    def lying(self, part: str) -> list[str]:
        return sorted(path.name for path in (self.folder / part).iterdir())


@asynccontextmanager
async def post(tmp: Path, *more: RouteSettings) -> AsyncIterator[Post]:
    folder = tmp / "Maildir"
    for part in ("new", "cur", "tmp"):
        (folder / part).mkdir(parents=True)
    async with story(tmp, THURSDAY_AT_TEN, PLAN) as s:
        await s.down("noedkald-1")
        s.expect("nexus", "Noedkald er NEDE", channel=MAIL)
        routes = (relay("relay", folder), *more)
        yield Post(s, Bounces(Receipts(s.engine.desk), lambda: routes, secret, s.clock.now), folder, count(1_000))


async def test_a_mail_that_came_back_is_told_by_sms_and_its_address_is_flagged(tmp_path: Path) -> None:
    async with post(tmp_path) as p:
        p.lay(dsn("failed", "5.1.1", ident=p.notice.id))
        await p.turn()

        p.story.expect("nexus", "Noedkald: NEDE")
        assert (rung(p.notice), p.notice.undelivered) == ("undelivered", "5.1.1")
        (flag,) = p.story.engine.desk.ledger.flags.rows.values()
        assert (flag.person, flag.channel, flag.route) == ("nexus", MAIL, "relay")
        p.story.expect("it", "mailadressen virker ikke")
        p.story.expect("it", "mailadressen virker ikke", channel=MAIL)
        (line,) = p.story.timeline("not_delivered")
        assert line.text == "mail til Nexus ad relay: adressen findes ikke mere (svar: 5.1.1)"
        assert p.counted("taken") == 1


@pytest.mark.parametrize(
    ("action", "status", "stands", "verdict"),
    [
        ("delayed", "4.4.1", "accepted", "underway"),
        ("delivered", "2.0.0", "delivered", "taken"),
        ("failed", "4.4.7", "undelivered", "taken"),
    ],
)
async def test_what_else_a_report_may_say(tmp_path: Path, action: str, status: str, stands: str, verdict: str) -> None:
    async with post(tmp_path) as p:
        p.lay(dsn(action, status, ident=p.notice.id))
        await p.turn()

        assert (rung(p.notice), p.counted(verdict)) == (stands, 1)
        assert not p.story.engine.desk.ledger.flags.rows
        p.story.forget()


STRANGERS = {
    "a report on another's mail": dsn("failed", "5.1.1"),
    "a report with the incident's thread": dsn("failed", "5.1.1", ident="26-0001"),
    "a report with the sms's shape": dsn("failed", "5.1.1", ident="019cbd3e-0000-00000001"),
    "a text from a mail system": told("MAILER-DAEMON@relay.example"),
}


@pytest.mark.parametrize("name", STRANGERS)
async def test_a_stranger_s_bounce_is_counted_and_changes_nothing(tmp_path: Path, name: str) -> None:
    async with post(tmp_path) as p:
        before = p.notice
        p.lay(STRANGERS[name])
        await p.turn()
        await p.turn()

        assert p.notice == before
        assert (p.counted("unknown"), p.counted("taken")) == (1, 0)
        assert p.lying("new") == []
        assert p.lying("cur") == ["1000.M1P1.mx:2,S"]


async def test_a_forger_cannot_speak_of_an_sms(tmp_path: Path) -> None:
    async with post(tmp_path) as p:
        p.lay(dsn("failed", "4.4.7", ident=p.notice.id))
        await p.turn()
        sms = next(one for one in p.story.engine.desk.ledger.notices.values() if one.channel is not MAIL)
        p.lay(dsn("delivered", "2.0.0", ident=sms.id))
        await p.turn()

        assert (p.counted("unknown"), rung(sms)) == (1, "accepted")
        p.story.forget()


async def test_what_people_write_is_no_bounce(tmp_path: Path) -> None:
    async with post(tmp_path) as p:
        p.lay(told("leder@eksempel.example", f"In-Reply-To: <{p.notice.id}@eksempel.example>"))
        await p.turn()

        assert (rung(p.notice), p.counted("no_receipt")) == ("accepted", 1)


async def test_each_is_taken_once_and_only_moved(tmp_path: Path) -> None:
    async with post(tmp_path) as p:
        mail = dsn("delivered", "2.0.0", ident=p.notice.id)
        p.lay(mail, "1000.M1P1.mx")
        p.lay(mail, "1001.M1P1.mx:2,F", part="cur")
        p.lay(mail, "1002.M1P1.mx:2,S", part="cur")
        p.lay(mail, "1003.M1P1.mx", age=4 * 86_400)
        for _ in range(3):
            await p.turn()

        assert (p.counted("taken"), p.counted("already")) == (1, 1)
        assert p.lying("cur") == ["1000.M1P1.mx:2,S", "1001.M1P1.mx:2,FS", "1002.M1P1.mx:2,S"]
        assert p.lying("new") == ["1003.M1P1.mx"]
        assert (p.folder / "cur" / "1000.M1P1.mx:2,S").read_bytes() == mail


async def test_after_a_restart_what_was_handled_and_not_yet_marked_changes_nothing(tmp_path: Path) -> None:
    async with post(tmp_path) as p:
        p.lay(dsn("failed", "5.1.1", ident=p.notice.id))
        await p.turn()
        p.story.forget()
        await p.story.restart()
        p.bounces = Bounces(
            Receipts(p.story.engine.desk), lambda: (relay("relay", p.folder),), secret, p.story.clock.now
        )
        await p.turn()

        assert p.counted("already") == 1


async def test_what_is_no_mail_is_left_alone(tmp_path: Path) -> None:
    async with post(tmp_path) as p:
        (p.folder / "new" / "1000.dir").mkdir()
        os.mkfifo(p.folder / "new" / "1001.fifo")
        (tmp_path / "secret").write_bytes(dsn("delivered", "2.0.0", ident=p.notice.id))
        (p.folder / "new" / "1002.link").symlink_to(tmp_path / "secret")
        p.lay(b"", "1003.empty")
        p.lay(os.urandom(3_000_000), "1004.binary")
        p.lay(dsn("delivered", "2.0.0", ident=p.notice.id), ".1005.hidden")
        await p.turn()

        assert rung(p.notice) == "accepted"
        assert p.counted("no_receipt") == 2
        assert len(p.lying("new")) == 6


async def test_thousands_are_read_some_at_a_time(tmp_path: Path) -> None:
    async with post(tmp_path) as p:
        for number in range(2_000):
            p.lay(b"From: a@b.example\n\nspam", f"1{number:05d}.mx")
        p.lay(dsn("delivered", "2.0.0", ident=p.notice.id), "200000.mx")
        began = time.process_time()
        await p.turn()
        await p.turn()

        assert p.counted("no_receipt") == 2 * AT_ONCE
        assert len(p.lying("cur")) == AT_ONCE
        assert time.process_time() - began < 5
        assert rung(p.notice) == "accepted"


async def test_a_mailbox_that_cannot_be_read_is_said_once_and_holds_no_other_up(tmp_path: Path) -> None:
    gone = relay("second", tmp_path / "none")
    async with post(tmp_path, gone) as p:
        p.lay(dsn("delivered", "2.0.0", ident=p.notice.id))
        with structlog.testing.capture_logs() as logs:
            await p.turn()
            sample = p.story.engine.desk.metrics.registry.get_sample_value
            assert sample("omsorgsvagt_bounces_read", {"route": "second"}) == 0
            await p.turn()
            for part in ("new", "cur"):
                (tmp_path / "none" / part).mkdir(parents=True)
            await p.turn()

        assert [sample("omsorgsvagt_bounces_read", {"route": one}) for one in ("relay", "second")] == [1, 1]
        assert rung(p.notice) == "delivered"
        assert [(one["event"], one["route"]) for one in logs if "bounces" in one["event"]] == [
            ("bounces_not_read", "second"),
            ("bounces_read_again", "second"),
        ]


async def test_nothing_a_mail_says_is_logged(tmp_path: Path) -> None:
    async with post(tmp_path) as p:
        p.lay(dsn("failed", "5.1.1", ident=p.notice.id, diagnostic="smtp; 550 <borger@eksempel.example> gone"))
        with structlog.testing.capture_logs() as logs:
            await p.turn()

        assert "borger" not in repr(logs)
        assert "borger" not in repr(p.story.entries())
        p.story.forget()
