"""Check kind `fleet`: whether the many report, and what those that do not have in common (DESIGN §3, DOMAIN §4).

Nothing is asked of anybody: the picture is what the devices' own reports make of it. A share has to sink well under
its threshold before it counts as mended, so that a backlog that comes in gusts does not go up and down.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from checks.gone import gone
from checks.share import Share
from monitor.core.finding import Held, Miss, Outcome, Reason, Verdict
from monitor.core.fleet import WORK, DeviceState, FleetSight
from monitor.core.fleet_words import FLAGS
from monitor.core.plan import FleetName, Severity
from monitor.plan.settings import CheckSettings, Seconds
from monitor.ports import ProbeContext

_MENDED = 0.7
"""Of its threshold: what a share must sink under to be well again."""


class Settings(CheckSettings):
    """Silence: `degraded_over` and `down_over` of those watched are silent, `at_least` so many; `early`: also what is
    missed before a deadline. Work (`of: work`): more than `work_over` have a low battery or the like.
    """

    kind: Literal["fleet"]
    fleet: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
    of: Literal["silence", "work"] = "silence"
    degraded_over: Share = 0.05
    down_over: Share = 0.20
    work_over: Share = 0.10
    at_least: Annotated[int, Field(ge=1)] = 3
    early: bool = True
    every: Annotated[Seconds, Field(gt=0)] = 10.0
    confirm: Annotated[int, Field(ge=1, le=100)] = 1

    @model_validator(mode="before")
    @classmethod
    def _work_is_no_outage(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("of") == "work":
            return {"warn_means": Severity.ADVISORY, "fail_means": Severity.ADVISORY, **given}
        return given

    @model_validator(mode="after")
    def _ordered(self) -> "Settings":
        if self.down_over < self.degraded_over:
            raise ValueError("down_over is under degraded_over; write the greater share in down_over")
        return self

    @property
    def looks_at(self) -> FleetName:
        """The fleet."""
        return FleetName(self.fleet)


@dataclass(frozen=True, slots=True)
class Look:
    """The fleet now (None: not known here), what was found the last time, and since when many have been missing."""

    sight: FleetSight | None
    before: Outcome = Outcome.OK
    since: datetime | None = None


async def probe(settings: Settings, context: ProbeContext) -> Look:
    """The fleet as it is at this moment."""
    sight, now = context.fleet(settings.fleet), context.now()
    many = sight is not None and sight.missing_share > _MENDED * settings.degraded_over
    since = (context.memory.get("since") or now) if many else None
    look = Look(sight, context.memory.get("before", Outcome.OK), since)
    if sight is not None:
        _facts(sight, context.facts)
    context.memory.update(before=judge(settings, look, now).outcome, since=since)
    return look


def _facts(sight: FleetSight, facts: dict[str, float | str]) -> None:
    facts.update({f"devices_{state}": float(count) for state, count in sight.counts.items()})
    facts["homes_missing"], facts["homes_critical"] = float(sight.homes.all), float(sight.homes.critical)


def judge(settings: Settings, look: Look, now: datetime) -> Verdict:
    """What the picture means. Pure."""
    sight = look.sight
    if sight is None or not sight.watched:
        return Verdict(Outcome.UNKNOWN, (Miss(Reason.EMPTY),))
    if settings.of == "work":
        return _work(settings, sight, look.before)
    return _silence(settings, sight, look, now)


def _silence(settings: Settings, sight: FleetSight, look: Look, now: datetime) -> Verdict:
    silent = sight.counts.get(DeviceState.SILENT, 0)
    outcome = _outcome(settings, sight.silent_share, silent, look.before)
    reason = Reason.SILENT
    if settings.early and sight.signs:
        # A sign is of those that had a beat due until now: it weighs what its group would be without them all.
        early = _outcome(settings, _expected(sight), settings.at_least, look.before)
        early = Outcome.WARN if early is Outcome.OK else early
        if _RANK[early] > _RANK[outcome]:
            outcome, reason = early, Reason.EARLY
    if outcome is Outcome.OK:
        return Verdict(Outcome.OK, (), (Held("enhederne melder sig", f"{silent} af {sight.watched} er tavse"),))
    since = datetime.fromtimestamp(sight.since, UTC) if sight.since is not None else look.since or now
    return Verdict(outcome, (Miss(reason, seen=gone(sight, reason)),), began=min(since, now))


def _work(settings: Settings, sight: FleetSight, before: Outcome) -> Verdict:
    """A low battery in many homes is work for many, and no outage."""
    limit = settings.work_over * (_MENDED if before is Outcome.WARN else 1.0)
    worst = max(WORK, key=sight.share_of)
    count = sight.flags.get(worst, 0)
    seen = f"{count} af {sight.watched} {FLAGS[worst]}"
    if count >= settings.at_least and sight.share_of(worst) > limit:
        return Verdict(Outcome.WARN, (Miss(Reason.WORN, f"højst {settings.work_over:.0%}", seen),))
    return Verdict(Outcome.OK, (), (Held(f"højst {settings.work_over:.0%} skal ses til", seen),))


_RANK = {Outcome.OK: 0, Outcome.WARN: 1, Outcome.FAIL: 2}


def _outcome(settings: Settings, share: float, count: int, before: Outcome) -> Outcome:
    """How bad a share is; what has been bad stays so until the share has sunk well under the threshold."""
    if count < settings.at_least:
        return Outcome.OK
    if share > settings.down_over * (_MENDED if before is Outcome.FAIL else 1.0):
        return Outcome.FAIL
    bad = before in (Outcome.WARN, Outcome.FAIL)
    return Outcome.WARN if share > settings.degraded_over * (_MENDED if bad else 1.0) else Outcome.OK


def _expected(sight: FleetSight) -> float:
    """The share of the fleet that will be missing, by the early signs: of each group the part that is gone."""
    counts = (max(sign.part * sign.size, sign.missing) for sign in sight.signs)
    return max(counts, default=0.0) / sight.watched
