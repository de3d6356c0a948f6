"""The other end of a canary's way: an export's file, a mailbox or a webhook, and when something last came out of it.

Only the lines with the marker are looked at, and of these no more than a digest is kept: an export names citizens.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from checks.newest import matching, reading, whole
from monitor.core.bounce import readable
from monitor.core.canary import Course
from monitor.core.fault import ProbeFault
from monitor.core.finding import Reason
from monitor.mailbox.aside import Aside
from monitor.mailbox.box import Box
from monitor.mailbox.place import Place
from monitor.plan.settings import SecretName
from monitor.ports import ProbeContext

_TAIL: Final = 1024 * 1024
"""Octets of each file that are read, from its end."""
_FILES: Final = 3
"""Of the files that fit, so many of the newest are read: an export begins a new one at midnight."""
_LARGEST: Final = 64 * 1024
REF: Final = "{ref}"


class Outlet(Place):
    """One of `file` (a path, `*` in names), `maildir` or `imap` (a mailbox of its own), and `webhook`.

    `marker` is what only the test unit's lines or mails hold; with `{ref}` in it just the one message is recognised.
    In a file each message is a line of its own. A webhook is `POST /api/v1/canaries/<name>` with the secret `token`.
    """

    file: Annotated[Path, AfterValidator(whole)] | None = None
    webhook: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,47}$")] | None = None
    token: SecretName = "canary_token"  # noqa: S105 - the name it is looked up by
    marker: Annotated[str, Field(pattern=r"^[^\x00-\x1f]{0,100}$")] = ""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        given = [one for one in (self.file, self.maildir, self.imap, self.webhook) if one is not None]
        if len(given) != 1:
            raise ValueError("not one of file, maildir, imap and webhook; write for instance file: /srv/export/*.csv")
        return self

    @property
    def place(self) -> Place:
        """The mailbox."""
        return Place.model_validate({name: getattr(self, name) for name in Place.model_fields})


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a file: its whole lines, and when it was changed (UTC)."""

    lines: tuple[bytes, ...]
    changed: datetime


async def look(outlet: Outlet, marker: str, course: Course, context: ProbeContext) -> datetime | None:
    """When one came out that had not been seen at the last look; None: none. Raises ProbeFault, OSError, SecretMissing.

    What is there at the very first look was there before, and does not count.
    """
    wanted = marker.replace(REF, course.ref) if course.flying or REF not in marker else ""
    if outlet.webhook is not None:
        return _called(outlet.webhook, context)
    if outlet.file is not None:
        return await _exported(outlet.file, wanted, REF in marker, context)
    return await _written(outlet, wanted, context)


def _called(name: str, context: ProbeContext) -> datetime | None:
    last: datetime | None = context.canary(name)
    before = context.memory.get("called")
    context.memory["called"] = last
    return last if last != before else None


async def _exported(pattern: Path, wanted: str, by_ref: bool, context: ProbeContext) -> datetime | None:
    earlier = context.memory.get("look")
    if isinstance(earlier, Aside) and earlier.hangs:
        raise ProbeFault(Reason.TIMEOUT, "filsystemet svarer", "hænger siden en tidligere måling")
    now = context.now()
    looked: datetime = context.memory.get("looked", now)
    context.memory["looked"] = now
    if not wanted:
        return None
    aside = context.memory["look"] = Aside(partial(_tails, pattern), "look")
    tails = await aside.answer()
    tally = _tally(tails, wanted.encode())
    before: Mapping[bytes, int] | None = Counter() if by_ref else context.memory.get("tally")
    context.memory["tally"] = tally
    if before is None or not any(count > before.get(line, 0) for line, count in tally.items()):
        return None
    changed = max((tail.changed for tail in tails if _tally((tail,), wanted.encode())), default=now)
    # Not before the last look, or it would have been seen then; by another machine's clock not after now.
    return min(now, max(changed, looked))


def _tails(pattern: Path) -> tuple[Tail, ...]:
    """Blocks. The newest files that fit, from their ends; a first line that is cut off is left out."""
    with reading():
        found = sorted(((path.stat().st_mtime, path) for path in matching(pattern) if path.is_file()), reverse=True)
        return tuple(_tail(path, changed) for changed, path in found[:_FILES])


def _tail(path: Path, changed: float) -> Tail:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL))
        # Without NUL: so what is written in UTF-16 reads as the plain letters in it.
        lines = file.read(_TAIL).replace(b"\0", b"").splitlines()
    at = datetime.fromtimestamp(min(max(changed, 0.0), 4_102_444_800.0), UTC)
    return Tail(tuple(lines[1:] if size > _TAIL else lines), at)


def _tally(tails: tuple[Tail, ...], wanted: bytes) -> Counter[bytes]:
    lines = (line for tail in tails for line in tail.lines if _holds(line, wanted))
    return Counter(blake2b(line, digest_size=16).digest() for line in lines)


async def _written(outlet: Outlet, wanted: str, context: ProbeContext) -> datetime | None:
    box: Box = context.memory.setdefault("box", Box(outlet.place, context.secret, context.now))
    now, found = context.now(), None
    for letter in await box.read(_LARGEST, now - timedelta(days=1)):
        box.handled(letter)
        if wanted and _holds(readable(letter.raw), wanted.encode()):
            found = max(found or letter.at, min(letter.at, now))
    return found


def _holds(text: bytes, wanted: bytes) -> bool:
    """Whether it stands there by itself, not as a part of a longer number or word."""
    return re.search(rb"(?<![0-9A-Za-z])" + re.escape(wanted) + rb"(?![0-9A-Za-z])", text) is not None
