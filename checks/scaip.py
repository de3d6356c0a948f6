"""Check kind `scaip`: a heartbeat to a nødkald receiver from an agreed test unit (SS 91100:2014, CLC/TS 50134-9).

Only an acknowledgement of this heartbeat with status number 0 is good; a SIP 200 alone is an outage (DOMAIN §4).
"""

import secrets
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from checks.scaip_client import CARRIED, Exchange
from checks.sip_client import Draft, Line, opened
from checks.sip_digest import ANSWERED_BY, Login
from checks.sip_peer import PeerSettings, Transport, Uri, bracketed
from checks.sip_server import ears
from checks.trust import Port
from monitor.core import scaip
from monitor.core.finding import Held, Miss, Outcome, Phase, Reason, Verdict
from monitor.core.scaip import Mrs, Snu
from monitor.plan.settings import CheckSettings, Seconds, SecretName
from monitor.ports import ProbeContext

_NOT_LET_IN: Final = frozenset({*ANSWERED_BY, 403, 404})
_NOT_UNDERSTOOD: Final = frozenset({400, 413, 415, 416, 420, 513})
_SICK: Final = frozenset({408, 480, 503})
_OUR_FAULT: Final = frozenset({Snu.TOO_LONG, Snu.FORMAT, Snu.CONTENT, Snu.TAG_MISSING})
_WORDS: Final = {
    Snu.TOO_LONG: "for lang",
    Snu.FORMAT: "forkert format",
    Snu.CONTENT: "forkert indhold",
    Snu.HOLD: "vent",
    Snu.NOT_TREATED: "ikke behandlet",
    Snu.BUSY: "optaget",
    Snu.TAG_MISSING: "felt mangler",
    Snu.UNDEFINED: "uden grund",
}
_EXPECTED: Final = "kvittering (mrs) med snu 0"


class Settings(CheckSettings, PeerSettings):
    """`cid`, `dty` and `did` are the test unit agreed with whoever runs the receiver; nothing else is ever sent.

    `caller` is the From address (`cid` at our own address by default). `listen` is a port of ours, UDP and TCP, where
    the acknowledgement may come as well as on the line it was asked on. `user` (the `cid` by default) and `password`
    answer a digest challenge.
    """

    kind: Literal["scaip"]
    cid: Annotated[str, Field(pattern=r"^[0-9]{1,16}$")]
    dty: Annotated[str, Field(pattern=r"^[0-9]{1,4}$")] = "0031"
    did: Annotated[str, Field(pattern=r"^[0-9a-zA-Z]{1,8}$")] = "01"
    caller: Uri | None = None
    listen: Port | None = None
    user: Annotated[str, Field(pattern=r"^[0-9A-Za-z._~+@-]{1,64}$")] | None = None
    password: SecretName | None = None
    degraded_over: Seconds | None = None

    @model_validator(mode="after")
    def _listens_in_the_clear(self) -> Self:
        if self.listen and self.transport is Transport.TLS:
            raise ValueError("over tls the acknowledgement comes on the same connection; leave out listen")
        return self


@dataclass(frozen=True, slots=True)
class Answered:
    """The SIP answer's code (0: the acknowledgement came before it), the `mrs` and the seconds until it came."""

    status: int
    mrs: Mrs | None = None
    took: float = 0.0
    others: int = 0
    unreadable: int = 0


async def probe(settings: Settings, context: ProbeContext) -> Answered:
    """Send one heartbeat and wait for its acknowledgement. Raises OSError, ssl.SSLError, SecretMissing, ProbeFault."""
    user, password = settings.user or settings.cid, settings.password
    login = Login(user, context.secret(password)) if password else None
    context.facts["ref"] = ref = secrets.token_hex(8).upper()
    exchange = Exchange(ref, login, context)
    until = context.monotonic() + _patience(context.timeout)
    async with opened(settings.peer, context) as line:
        with ExitStack() as stack, context.phase(Phase.PROCESSING):
            heard = stack.enter_context(ears(line.ours[0], settings.listen)) if settings.listen else None
            await exchange.run(line, drafted(settings, ref, line), heard, until)
    return Answered(exchange.status, exchange.mrs, exchange.took, exchange.others, exchange.unreadable)


def _patience(timeout: float) -> float:
    """A second of the timeout is kept for telling what was seen: a bare 200 is another fault than silence."""
    return max(timeout / 2, timeout - 1.0)


def drafted(settings: Settings, ref: str, line: Line) -> Draft:
    """The MESSAGE (RFC 3428) with the heartbeat in it; no Contact, which RFC 3428 §4 forbids."""
    host, port = line.ours
    caller = settings.caller or f"sip:{settings.cid}@{bracketed(host)}:{settings.listen or port}"
    body = scaip.heartbeat(ref=ref, cid=settings.cid, dty=settings.dty, did=settings.did)
    return Draft("MESSAGE", settings.target, caller, (("Content-Type", scaip.MEDIA_TYPE),), body)


def judge(settings: Settings, answered: Answered, now: datetime) -> Verdict:
    """OK for snu 0, WARN when it was slow, UNKNOWN where it is our heartbeat that is refused, else FAIL. Pure."""
    del now
    if answered.mrs is None:
        miss = _unacknowledged(answered)
    elif answered.mrs.snu != Snu.OK:
        miss = _refused(answered.mrs.snu)
    else:
        took, limit = f"{answered.took:.2f} s", settings.degraded_over
        held = (Held(_EXPECTED, f"efter {took}"),)
        if limit is None or answered.took <= limit:
            return Verdict(Outcome.OK, (), held)
        return Verdict(Outcome.WARN, (Miss(Reason.SLOW, f"under {limit:g} s", took),), held)
    ours = miss.reason in {Reason.CREDENTIALS, Reason.PROBE_REFUSED}
    return Verdict(Outcome.UNKNOWN if ours else Outcome.FAIL, (miss,))


def _refused(snu: int) -> Miss:
    said = f"snu {snu} ({_WORDS[Snu(snu)]})" if snu in _WORDS else f"snu {snu}"
    return Miss(Reason.PROBE_REFUSED if snu in _OUR_FAULT else Reason.SICK, _EXPECTED, said)


def _unacknowledged(answered: Answered) -> Miss:
    if answered.status in CARRIED:
        how = "kun for andre" if answered.others else "uforståeligt" if answered.unreadable else "ikke"
        return Miss(Reason.REPLY, _EXPECTED, f"svarede SIP {answered.status}, men kvitterede {how}")
    seen = f"status {answered.status}"
    if answered.status in _NOT_LET_IN:
        return Miss(Reason.CREDENTIALS, "adgang for prøveenheden", seen)
    if answered.status in _NOT_UNDERSTOOD:
        return Miss(Reason.PROBE_REFUSED, "prøvebeskeden taget imod", seen)
    return Miss(Reason.SICK if answered.status in _SICK else Reason.STATUS, "status 200", seen)
