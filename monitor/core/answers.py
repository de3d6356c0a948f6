"""Answers by SMS: the codes people are told, what their replies mean, and how many are listened to.

Only the word and the code count, only together and with nothing else: what is not clearly an answer is none, since an
acknowledgement that nobody meant stops an alarm.
"""

import hmac
import re
import unicodedata
from collections import deque
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from monitor.core.plan import PersonId
from monitor.core.reasons import HumanState, Kind
from monitor.core.records import IncidentId

CODES = 10_000
LONGEST = 160
"""Characters of a reply looked at; a longer one is no answer."""
MOST = 5
"""Answers sent to a number, and wrong codes taken from it, in WINDOW."""
WINDOW = timedelta(hours=1)
ASKING = frozenset(
    {
        Kind.ALARM,
        Kind.WORSENED,
        Kind.REOPENED,
        Kind.UNSTABLE,
        Kind.NO_NEWS,
        Kind.REROUTED,
        Kind.REMINDER,
        Kind.HANDOVER,
        Kind.PROGRESS,
    }
)
"""The notices that ask for an answer."""

_WORDS: Mapping[str, HumanState] = {
    **dict.fromkeys(("ok", "okay", "ja", "kvit", "kvitter", "kvittér", "kvitteret", "set"), HumanState.SEEN),
    **dict.fromkeys(("arbejder", "igang"), HumanState.WORKING),
    **dict.fromkeys(("nøddrift", "noeddrift", "nöddrift"), HumanState.FALLBACK),
}
_CODE = re.compile(r"[0-9]{4}")
_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_BETWEEN = re.compile(r"[\s.,:;!#*\"'()-]*")
_NUMBER = re.compile(r"[1-9][0-9]{6,14}")


class Verdict(StrEnum):
    """What became of a reply: the metric's word."""

    ACKNOWLEDGED = "acknowledged"
    ALREADY = "already"
    NOTED = "noted"
    """Nothing new, in answer to our question: somebody is still at it."""
    CLOSED = "closed"
    """The code belongs to an incident that is over."""
    WRONG_CODE = "wrong_code"
    NOT_UNDERSTOOD = "not_understood"
    OTHER_NUMBER = "other_number"
    """From a number that has not been told of anything still open."""
    TOO_MANY = "too_many"
    """So many wrong codes have come from the number that none is taken for a while."""


@dataclass(frozen=True, slots=True)
class Said:
    """A reply as it was understood."""

    human: HumanState
    code: str


def code_of(key: bytes, incident: IncidentId, person: PersonId, taken: Container[str]) -> str:
    """The four digits for a person in an incident: the same each time, and none of those `taken`.

    HMAC-SHA256 over both ids, so that nobody without the key can work one out from another. Should all be taken (they
    are not: a person would have 10,000 open incidents), the first is given again.
    """
    first = int.from_bytes(hmac.digest(key, f"code/{incident}/{person}".encode(), sha256)[:8], "big") % CODES
    found = (f"{(first + turn) % CODES:04d}" for turn in range(CODES))
    return next((code for code in found if code not in taken), f"{first:04d}")


def understood(text: str, keyword: str = "") -> Said | None:
    """What a reply says, None when it is not clearly an answer.

    A word and a code in either order; large or small letters, any spaces, a full stop, full-width letters and invisible
    marks do not matter. `keyword` (what some providers have people write first) may stand in front.
    """
    if len(text) > LONGEST:
        return None
    plain = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) not in ("Cf", "Cc"))
    plain = unicodedata.normalize("NFC", plain).casefold()
    tokens = _TOKEN.findall(plain)
    if _BETWEEN.fullmatch(_TOKEN.sub("", plain)) is None:
        return None
    if keyword and tokens[:1] == [keyword.casefold()]:
        del tokens[0]
    if len(tokens) != 2:
        return None
    word, code = tokens if not tokens[0].isdecimal() else reversed(tokens)
    human = _WORDS.get(word)
    return Said(human, code) if human is not None and _CODE.fullmatch(code) else None


def e164(number: str) -> str:
    """A number as gateways write it (`4512345678`, `+45…`, `0045…`) in E.164 with its plus; empty when it is none."""
    bare = number.strip().removeprefix("+").removeprefix("00")
    return f"+{bare}" if _NUMBER.fullmatch(bare) else ""


@dataclass(slots=True)
class Patience:
    """What one number may still do: each instant is kept until it is WINDOW old, at most MOST of each."""

    wrong: deque[datetime] = field(default_factory=lambda: deque(maxlen=MOST))
    answered: deque[datetime] = field(default_factory=lambda: deque(maxlen=MOST))

    def exhausted(self, now: datetime) -> bool:
        """True while no code is taken from it: a code has four digits, and guessing must not find it."""
        return _full(self.wrong, now)

    def may_answer(self, now: datetime) -> bool:
        """True while it may be sent another answer; then that answer is counted."""
        if _full(self.answered, now):
            return False
        self.answered.append(now)
        return True


def _full(times: deque[datetime], now: datetime) -> bool:
    while times and not timedelta(0) <= now - times[0] < WINDOW:
        times.popleft()
    return len(times) >= MOST
