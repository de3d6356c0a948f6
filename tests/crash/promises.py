"""What is promised of a service that is killed, judged by what people got and by nothing else.

No alarm is lost; what was under way at a kill comes at most once more, and says so; nobody is told for the other
period; whoever got an alarm gets the all-clear, once, and nobody else does.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf

from tests.crash.plan import DAY, DAY_LATER, MAILS, NIGHT, NIGHT_LATER, STEP
from tests.crash.sinks import Told

Way = tuple[str, str]
"""An address and its channel."""
BY_DAY: frozenset[Way] = frozenset({(DAY, "sms"), (MAILS[DAY], "mail"), (DAY_LATER, "sms")})
BY_NIGHT: frozenset[Way] = frozenset({(NIGHT, "sms"), (MAILS[NIGHT], "mail"), (NIGHT_LATER, "sms")})
_NUMBER = re.compile(r"\b\d\d-(?:\d{4,}|M\w+)\b")
_ALONE = re.compile(r"\b(S\d\d)\b.*?\b[Hh]ændelse (\d\d-\w+)", re.DOTALL)
_LISTED = re.compile(r"\b(S\d\d) (\d\d-\w+)")
_LISTED_IN_MAIL = re.compile(r"^(\d\d-\w+)  (S\d\d):", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Mention:
    """One message's word on one system: an alarm or an all-clear, marked as repeated or not."""

    at: float
    way: Way
    system: str
    number: str
    clear: bool
    marked: bool


@dataclass(slots=True)
class Outage:
    """One system's outage: from when to when it was really down (wall clock)."""

    system: str
    began: float
    ended: float | None = None


@dataclass(slots=True)
class Judgement:
    """How often each promise was broken, in words; and what there was to count."""

    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    clears: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    alarms: int = 0
    all_clears: int = 0
    marked: int = 0
    again: int = 0
    """Copies after the first; a marked one may be the first, where the kill came before it was taken."""
    after_one_kill: int = 0
    """The most copies of different words that one kill brought about: so many were under way."""
    own: int = 0

    @property
    def broken(self) -> list[str]:
        """Every promise that was broken."""
        return [*self.lost, *self.wrong, *self.twice, *self.clears, *self.other]


def mentions(told: Told) -> list[Mention]:
    """What one message says of the watched systems; nothing for what it says of the service itself."""
    to = told.to if "@" in told.to else f"+{told.to.lstrip('+')}"
    head = told.text.partition("\n")[0] if told.channel == "mail" else told.text
    pairs = _LISTED.findall(told.text) if told.channel == "sms" else []
    if told.channel == "mail" and "m.fl." in head:
        pairs = [(system, number) for number, system in _LISTED_IN_MAIL.findall(told.text)]
    if not pairs:
        pairs = _ALONE.findall(head)[:1]
    clear, marked = "OPPE IGEN" in head, "(gentaget)" in head
    return [Mention(told.at, (to, told.channel), system, number, clear, marked) for system, number in pairs]


def expected(outage: Outage, changes: float, now: float) -> frozenset[Way]:
    """Who must have heard of an outage by `now`, whatever happened to the service.

    Across the change of period those of the ended one may have heard; when exactly it was found nobody can say.
    """
    return BY_NIGHT if outage.began >= changes or (outage.ended or now) > changes else BY_DAY


def judge(outages: Sequence[Outage], told: Iterable[Told], kills: Sequence[float], changes: float) -> Judgement:
    """All promises at once."""
    found = Judgement()
    all_of_it: list[Mention] = []
    for message in told:
        said = mentions(message)
        all_of_it += said
        found.own += not said
        if not said and not _NUMBER.search(message.text):
            found.other.append(f"nobody knows what this is of: {message.text[:80]!r}")
    of: dict[str, list[Mention]] = defaultdict(list)
    for one in all_of_it:
        of[one.system.lower()].append(one)
    found.marked = sum(one.marked for one in all_of_it)
    for outage in outages:
        alarmed = {one.way for one in of[outage.system] if not one.clear}
        found.lost += [f"{outage.system}: {way} never heard of it" for way in expected(outage, changes, inf) - alarmed]
        _one(found, outage, of[outage.system], changes)
    _copies(found, all_of_it, kills)
    for system in of.keys() - {outage.system for outage in outages}:
        found.wrong.append(f"{system} was never down, and somebody was told")
    return found


def _one(found: Judgement, outage: Outage, said: Sequence[Mention], changes: float) -> None:
    alarmed = {one.way for one in said if not one.clear}
    cleared = {one.way for one in said if one.clear}
    numbers = {one.number for one in said}
    if len(numbers) > 1:
        found.other.append(f"{outage.system}: one outage, {len(numbers)} incidents: {sorted(numbers)}")
    for one in said:
        if wrong := _wrong(outage, one, changes):
            found.wrong.append(f"{outage.system}: {one.way} {wrong}")
    if outage.ended is not None and cleared != alarmed:
        found.clears.append(f"{outage.system}: alarmed {sorted(alarmed)}, cleared {sorted(cleared)}")


def _wrong(outage: Outage, one: Mention, changes: float) -> str:
    """Why this word should not have come to this person then; empty when it should."""
    if one.at < outage.began:
        return "was told before it was down"
    if one.clear:
        return "was told it is well while it was down" if outage.ended is None or one.at < outage.ended else ""
    if one.way in BY_NIGHT and one.at < changes:
        return "was told before the night began"
    if one.way in BY_DAY and outage.began >= changes:
        return "was told by day of what began by night"
    if one.way == (DAY_LATER, "sms") and outage.began > changes - STEP:
        return "was told by a step that the change of period has dropped"
    return ""


def _copies(found: Judgement, said: Sequence[Mention], kills: Sequence[float]) -> None:
    caused: Counter[float] = Counter()
    copies: Mapping[tuple[Way, str, bool], list[Mention]] = defaultdict(list)
    for one in sorted(said, key=lambda one: one.at):
        copies[one.way, one.number, one.clear].append(one)
    for (way, number, clear), each in copies.items():
        found.alarms += not clear
        found.all_clears += clear
        found.again += len(each) - 1
        what = f"{number} {'all-clear' if clear else 'alarm'} to {way}"
        if sum(not one.marked for one in each) > 1:
            found.twice.append(f"{what}: {len(each)} copies, not all marked")
        for before, after in pairwise(each):
            between = [kill for kill in kills if before.at <= kill <= after.at]
            caused.update(between[:1])
            if not between:
                found.twice.append(f"{what}: repeated, and nobody was killed in between")
    found.after_one_kill = max(caused.values(), default=0)
