"""Check kind `sip`: OPTIONS (RFC 3261 §11) over UDP, TCP or TLS.

Any final answer shows that the stack lives, a refusal as well, but for those by which it says that it is sick.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from checks.sip_client import Draft, transact
from checks.sip_peer import PeerSettings, Uri
from monitor.core import sip
from monitor.core.finding import Held, Miss, Outcome, Reason, Verdict
from monitor.plan.settings import CheckSettings, Seconds
from monitor.ports import ProbeContext

_SICK = frozenset({408, 480, 503})
_Code = Annotated[int, Field(ge=200, le=699)]


class Settings(CheckSettings, PeerSettings):
    """`caller` is who asks; `sick` the codes that mean failure."""

    kind: Literal["sip"]
    caller: Uri = "sip:omsorgsvagt@anonymous.invalid"
    sick: Annotated[frozenset[_Code], Field(max_length=20)] = _SICK
    degraded_over: Seconds | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The final answer's code, and seconds from the first request to it."""

    status: int
    took: float = 0.0


async def probe(settings: Settings, context: ProbeContext) -> Answered:
    """Ask and wait for a final answer. Raises OSError, ssl.SSLError, ProbeFault; the caller bounds the waiting."""
    draft = Draft("OPTIONS", settings.target, settings.caller, (("Accept", "application/sdp"),))
    answer, took = await transact(settings.peer, draft, context)
    context.facts["status"] = answer.status
    if rport := sip.via(answer).param("rport"):
        context.facts["rport"] = rport[:5]
    return Answered(answer.status, took)


def judge(settings: Settings, answered: Answered, now: datetime) -> Verdict:
    """FAIL for a code that means sick, WARN when slow. Pure; `now` plays no part."""
    del now
    seen, limit = f"status {answered.status}", settings.degraded_over
    if answered.status in settings.sick:
        alive = f"ikke status {', '.join(map(str, sorted(settings.sick)))}"
        return Verdict(Outcome.FAIL, (Miss(Reason.SICK, alive, seen),))
    held = (Held("svar på OPTIONS", seen),)
    if limit is not None and answered.took > limit:
        return Verdict(Outcome.WARN, (Miss(Reason.SLOW, f"under {limit:g} s", f"{answered.took:.1f} s"),), held)
    return Verdict(Outcome.OK, (), held)
