"""Replies and receipts by an own GSM modem: the text files gammu-smsd lays in its inbox (gammu-smsd-files(7)).

Each file is read once and moved to `read/` beside it, whatever is in it; a folder that cannot be used is said once.
"""

import asyncio
import codecs
import os
import re
import stat
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import structlog

from monitor.core.answers import LONGEST, e164
from monitor.core.receipts import Delivery, Receipt
from monitor.engine.answers import Answers, Reply
from monitor.engine.receipts import Receipts
from monitor.engine.unconfirmed import oldest
from monitor.plan.settings import RouteSettings

log = structlog.get_logger(__name__)

_EVERY = 1.0
_PATIENCE = 5.0
_AT_ONCE = 100
_LOOKED_AT = 5_000
_LARGEST = 4 * 1024
_OLD = timedelta(hours=1)
_BEING_WRITTEN = timedelta(seconds=1)
"""smsd writes a file under its last name: one this young may not be whole."""
_NAME = re.compile(r"IN\d{8}_\d{6}_\d{2,4}_(\+?\d{1,20})_\d{2,3}\.txt", re.ASCII)
READ = "read"
_REPORTS = {
    "Delivered": Delivery.DELIVERED,
    "Failed": Delivery.EXPIRED,
    "Pending": Delivery.UNDERWAY,
    "Unknown": Delivery.UNDERWAY,
}
"""With `DeliveryReport = sms` smsd lays a status report there too, and these are its words. It says not why."""

Found = tuple[str, str | None, datetime]
"""A file's number, its text (None: it holds none), and when it was written."""


class Inbox:
    """The loop over the modems' inboxes. `routes` are read at each turn, since the plan may be swapped."""

    def __init__(
        self,
        answers: Answers,
        routes: Callable[[], tuple[RouteSettings, ...]],
        now: Callable[[], datetime],
        receipts: Receipts | None = None,
    ) -> None:
        self._answers = answers
        self._receipts = receipts
        self._routes = routes
        self._now = now
        self._sick: set[str] = set()
        self._reading: dict[str, asyncio.Future[list[Found]]] = {}

    async def cycle(self) -> None:
        """Wait a turn, then read what has come."""
        await asyncio.sleep(_EVERY)
        await self.turn()

    async def turn(self) -> None:
        """Read what lies in each inbox now, at most so many files of each."""
        for route in self._routes():
            if route.via != "modem" or not (getattr(route, "replies", False) or getattr(route, "receipts", False)):
                continue
            for number, text, written in await self._read(route):
                report = _REPORTS.get((text or "").strip())
                if report is not None and number:
                    # Never taken for an answer: its own would be confirmed as well, and so on.
                    await self._confirm(route, number, report, written)
                elif getattr(route, "replies", False):
                    await self._one(route.name, number, text, written)

    async def _read(self, route: Any) -> list[Found]:
        """What has come to one inbox. A disk that does not answer costs one thread, and no other loop its turn."""
        reading = self._reading.pop(route.name, None) or asyncio.get_running_loop().run_in_executor(
            None, _take, Path(route.inbox), self._now()
        )
        await asyncio.wait({reading}, timeout=_PATIENCE)
        if not reading.done():
            self._reading[route.name] = reading
            self._say(route.name, "the disk does not answer")
            return []
        try:
            found = reading.result()
        except OSError as fault:
            self._say(route.name, str(fault.strerror))
            return []
        self._sick.discard(route.name)
        return found

    async def _one(self, route: str, number: str, text: str | None, written: datetime) -> None:
        if text is None or not number:
            self._answers.count(route, "malformed")
        elif self._now() - written > _OLD:
            self._answers.count(route, "expired")
        else:
            await self._answers.take(Reply(route, number, text))

    async def _confirm(self, route: Any, number: str, report: Delivery, written: datetime) -> None:
        if self._receipts is None or not getattr(route, "receipts", False):
            return
        desk = self._answers.desk
        notice = oldest(desk.ledger, route.name, number, self._now())
        if notice is None:
            desk.metrics.receipts.labels(route.name, "unknown").inc()
        elif report.final:
            await self._receipts.take(Receipt(route.name, notice.id, report, written, report.value))

    def _say(self, route: str, wrong: str) -> None:
        if route not in self._sick:
            log.warning("inbox_not_read", route=route, wrong=wrong)
        self._sick.add(route)


def _take(inbox: Path, now: datetime) -> list[Found]:
    """The files there are, each moved aside before it is acted on. Raises OSError for a folder that cannot be used.

    Moved first: a file that stays would be answered again at each turn. Killed between, one reply is lost, and its
    sender is reminded like anybody who has not answered.
    """
    aside = inbox / READ
    with os.scandir(inbox) as entries:
        names = [entry.name for entry in islice(entries, _LOOKED_AT) if entry.name.startswith("IN")]
    found: list[Found] = []
    for name in sorted(names)[:_AT_ONCE]:
        with suppress(FileNotFoundError):
            status = (inbox / name).lstat()
            written = datetime.fromtimestamp(status.st_mtime, UTC)
            if stat.S_ISDIR(status.st_mode) or timedelta(0) <= now - written < _BEING_WRITTEN:
                continue
            aside.mkdir(mode=0o750, exist_ok=True)
            (inbox / name).replace(aside / name)
            found.append((_number(name), _text(aside / name, status), written))
    return found


def _number(name: str) -> str:
    known = _NAME.fullmatch(name)
    return e164(known[1]) if known else ""


def _text(path: Path, status: os.stat_result) -> str | None:
    """A file's text: UTF-16 with its mark as smsd writes foreign letters, else UTF-8; None when it is none."""
    if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
        return None
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        raw = file.read(_LARGEST)
    marked = raw.startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE))
    try:
        return raw.decode("utf-16" if marked else "utf-8-sig")[: LONGEST + 1]
    except UnicodeDecodeError:
        return None
