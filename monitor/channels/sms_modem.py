"""SMS by an own GSM modem, through the folders of gammu-smsd's FILES backend: it works when the internet does not.

A text is laid in the outbox whole or not at all; accepted is the moment smsd has moved it to `sent`.

Context: the daemon takes seconds for a text, and while it sends, the file still lies in the outbox. Choice: we wait for
`sent` (the network took it: accepted) or `error` (smsd gave up; it says not whether number or network is to blame:
temporary). When the time is up, the text is taken out again; was it never read, it is temporary, else unknown. Reading
is seen by the file's access time, set to the epoch before: Linux renews it also under `relatime`. Price: under
`noatime` every text that waits too long is unknown; and smsd may finish one we have taken out.

Context: a file without a byte order mark is read in the daemon's locale, and under the C locale smsd cuts the text at
the first æ. Choice: UTF-16 with a mark. Price: none seen.
"""

import asyncio
import errno
import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from monitor.channels.answer import excerpt
from monitor.channels.number import is_number, reference
from monitor.channels.smsd_outbox import EPOCH, lay, longest_wait
from monitor.core.gsm import transliterate
from monitor.plan.settings import RouteSettings, Seconds
from monitor.ports import ChannelContext, Health, Message, SendOutcome, Sent

_LOOK_EVERY = 0.2
_STUCK = 180.0
"""Seconds; smsd takes a text within its turn, and a whole queue within a minute or two."""
_MENDABLE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.EROFS})


class Settings(RouteSettings):
    """The folders of smsd's `outboxpath`, `sentsmspath` and `errorsmspath`; all three differ."""

    via: Literal["modem"] = "modem"
    independent: bool = True
    timeout: Annotated[Seconds, Field(gt=0, le=60)] = 30.0
    outbox: Path = Path("/var/spool/gammu/outbox")
    sent: Path = Path("/var/spool/gammu/sent")
    error: Path = Path("/var/spool/gammu/error")
    receipt: bool = True
    """Ask the network for a receipt."""
    flash: bool = False
    replies: bool = False
    """People can answer: smsd lays their texts in `inbox`, as text files."""
    receipts: bool = False
    """smsd lays status reports in `inbox` (its `DeliveryReport = sms`): they name a number, not a text."""
    inbox: Path = Path("/var/spool/gammu/inbox")


class Channel:
    """One route by a modem."""

    def __init__(self, settings: Settings, context: ChannelContext) -> None:
        self._settings = settings
        self._now = context.now

    async def send(self, message: Message) -> Sent:
        """Send one text. The receipt's key is the file's name."""
        if not is_number(message.to):
            return Sent(SendOutcome.REJECTED, "ikke et telefonnummer")
        content = b"\xfe\xff" + transliterate(message.text).encode("utf-16-be")
        name, laid = "", False
        try:
            name = self._name(message)
            async with asyncio.timeout(self._settings.timeout):
                await asyncio.to_thread(lay, self._settings.outbox, name, content)
                laid = True
                return await self._watch(name)
        except TimeoutError:
            return self._withdraw(name) if laid else Sent(SendOutcome.UNKNOWN, "disken svarede ikke inden for tiden")
        except OSError as fault:
            if laid:
                return Sent(SendOutcome.UNKNOWN, excerpt(f"mapperne kan ikke læses: {fault.strerror}"))
            outcome = SendOutcome.BROKEN if fault.errno in _MENDABLE else SendOutcome.TEMPORARY
            return Sent(outcome, excerpt(f"kan ikke skrive i modemmets udbakke: {fault.strerror}"))

    async def health(self) -> Health:
        """Whether texts can be laid and are taken. An empty outbox says nothing of a daemon that has nothing to do."""
        try:
            async with asyncio.timeout(self._settings.timeout):
                waits = await asyncio.to_thread(longest_wait, self._settings.outbox, self._now().timestamp())
        except TimeoutError:
            return Health(False, "disken svarer ikke")
        except OSError as fault:
            return Health(False, excerpt(f"modemmets udbakke kan ikke bruges: {fault.strerror}"))
        return Health(False, "modemmet tager ingen beskeder") if waits > _STUCK else Health(None, "udbakken er i orden")

    async def close(self) -> None:
        """Nothing is held open."""

    def _name(self, message: Message) -> str:
        """`OUT<priority><date>_<time>_<serial>_<number>_<note>.txt<flags>`, never one that is or was there."""
        settings = self._settings
        stamp = f"{self._now():%Y%m%d_%H%M%S}"
        flags = "d" * settings.receipt + "f" * settings.flash
        note = reference(message.key, 40).replace("_", "-").replace(".", "-")
        serial = 0
        while True:
            name = f"OUT{'A' if message.urgent else 'N'}{stamp}_{serial:02d}_{message.to}_{note}.txt{flags}"
            if not any((folder / name).exists() for folder in (settings.outbox, settings.sent, settings.error)):
                return name
            serial += 1

    async def _watch(self, name: str) -> Sent:
        """Look until the file has left the outbox."""
        while (self._settings.outbox / name).exists():  # noqa: ASYNC110 - smsd tells by moving the file, and only so
            await asyncio.sleep(_LOOK_EVERY)
        return self._moved(name)

    def _moved(self, name: str) -> Sent:
        if (self._settings.sent / name).exists():
            return Sent(SendOutcome.ACCEPTED, "sendt af modemmet", name)
        if (self._settings.error / name).exists():
            return Sent(SendOutcome.TEMPORARY, "modemmet opgav at sende")
        return Sent(SendOutcome.UNKNOWN, "beskeden forsvandt fra modemmets udbakke")

    def _withdraw(self, name: str) -> Sent:
        """Take the file out again; was it surely never read, it was not sent."""
        out = self._settings.outbox / f".{name}"
        try:
            (self._settings.outbox / name).rename(out)
            status = out.stat()
            kept = os.statvfs(out).f_flag & os.ST_NOATIME
            out.unlink()
        except FileNotFoundError:
            return self._moved(name)
        except OSError as fault:
            return Sent(SendOutcome.UNKNOWN, excerpt(f"kan ikke tages ud af modemmets udbakke: {fault.strerror}"))
        if status.st_atime_ns != EPOCH or kept:
            return Sent(SendOutcome.UNKNOWN, "modemmet blev ikke færdigt inden for tiden")
        return Sent(SendOutcome.TEMPORARY, "modemmet tog den ikke inden for tiden")
