"""Shows what the plan would do: at an instant, for a system in a state, who is called, when, how and why.

It reckons with what the engine itself reckons with (`monitor.core.escalation`), so what is shown is what would happen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from monitor.core.calendar import Calendar
from monitor.core.finding import SystemName
from monitor.core.plan import Chain, Plan, RoleId, Severity
from monitor.core.stretches import Firing, Stretch, firings
from monitor.plan.faults import Fault
from monitor.plan.load import Loaded
from monitor.plan.show_windows import windows_notes

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_INDENT = "            "


@dataclass(frozen=True, slots=True)
class Called:
    """One person a step calls. `addresses` by channel, masked unless asked otherwise."""

    person: str
    name: str
    role: str
    addresses: dict[str, str]


@dataclass(frozen=True, slots=True)
class ShownStep:
    """A step with its clock time. `dropped` says that the period ends before; `gaps` name roles nobody has then."""

    at: datetime
    after: float
    called: tuple[Called, ...]
    gaps: tuple[str, ...]
    repeat: float
    unacknowledged_only: bool
    task: str
    dropped: bool


@dataclass(frozen=True, slots=True)
class ShownChain:
    """A chain as it would run. `period` empty: it stands beside the periods."""

    chain: str
    period: str
    steps: tuple[ShownStep, ...]


@dataclass(frozen=True, slots=True)
class Description:
    """What would happen. `why` says why the period is what it is; `then` names what follows when it ends."""

    at: datetime
    system: str
    title: str
    severity: str
    period: str
    why: str
    until: datetime | None
    then: str
    chains: tuple[ShownChain, ...]
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For `--json`; instants as local time with their offset."""
        found: dict[str, Any] = _plain(asdict(self))
        return found


def describe(plan: Plan, at: datetime, system: str, severity: Severity, masked: bool = True) -> Description:
    """What the plan does when `system` is found `severity` at `at`. Raises KeyError for an unknown system."""
    calendar, known = plan.calendar, plan.systems[SystemName(system)]
    period, until = calendar.period_at(at), calendar.next_change(at)
    bound = plan.chain_for(period, known.id, severity)
    following = plan.chain_for(calendar.period_at(until), known.id, severity) if until else None
    found = [_chain(plan, bound, at, until, masked)] if bound else []
    found += [_chain(plan, chain, at, None, masked) for chain in plan.standing_chains(known.id, severity)]
    then = f"{calendar.period_at(until)}: {following.id if following else 'no chain'}" if until else ""
    until = calendar.local(until) if until else None
    notes = (*windows_notes(plan, known, at), *_notes(plan, at, found))
    chains = tuple(found)
    return Description(
        calendar.local(at), known.id, known.title, severity.word, period, why(calendar, at), until, then, chains, notes
    )


def why(calendar: Calendar, at: datetime) -> str:
    """Why an instant lies in its period."""
    local = calendar.local(at)
    window = calendar.window_at(at)
    if window is not None:
        start, end = calendar.local(window[0]), calendar.local(window[1])
        return f"in its hours, {_DAYS[start.weekday()]} {start:%H:%M} to {end:%H:%M}"
    closing = calendar.closing(local.date())
    if closing is not None and local.time() >= closing.start:
        since = f" from {closing.start:%H:%M}" if closing.start.hour or closing.start.minute else " all day"
        return f"closed{since}: {closing.name}"
    return f"outside all hours of {_DAYS[local.weekday()]}"


def _chain(plan: Plan, chain: Chain, at: datetime, end: datetime | None, masked: bool) -> ShownChain:
    stretch = Stretch("", chain, chain.period, at, end)
    steps = tuple(_step(plan, firing, end, masked) for firing in firings(plan, stretch, None))
    return ShownChain(chain.id, chain.period or "", steps)


def _step(plan: Plan, firing: Firing, end: datetime | None, masked: bool) -> ShownStep:
    step = firing.step
    called = []
    for person_id, role_id in firing.people:
        person = plan.people[person_id]
        addresses = {str(channel): person.address(channel) for channel in step.by if person.address(channel)}
        shown = {channel: mask(address) if masked else address for channel, address in addresses.items()}
        called.append(Called(person.id, person.name, plan.roles[role_id].title, shown))
    return ShownStep(
        plan.calendar.local(firing.at),
        step.after,
        tuple(called),
        tuple(_title(plan, role_id) for role_id in firing.gaps),
        step.repeat,
        step.unacknowledged_only,
        plan.tasks[step.task].title if step.task else "",
        end is not None and firing.at >= end,
    )


def _title(plan: Plan, role_id: RoleId) -> str:
    return plan.roles[role_id].title


def _notes(plan: Plan, at: datetime, chains: list[ShownChain]) -> Iterator[str]:
    if not chains:
        yield "no chain covers this: nobody is told until the next period"
    for role in plan.roles.values():
        last = max((shift.end for shift in role.shifts), default=at)
        if role.from_roster and last <= at:
            yield f"the roster of {role.title} is worked out to {plan.calendar.local(last):%Y-%m-%d} only"
    years = {day.year for day in plan.calendar.holidays}
    if years and plan.calendar.local(at).year not in years:
        yield f"public holidays are worked out for {min(years)} to {max(years)} only"


def mask(address: str) -> str:
    """Enough of an address to know it by: `+45*****001`, `a***@eksempel.example`."""
    local, at, domain = address.partition("@")
    if at:
        return f"{local[:1]}***@{domain}"
    return f"{address[:3]}{'*' * max(0, len(address) - 6)}{address[-3:]}"


def show_text(shown: Description) -> str:
    """The description as lines for a terminal."""
    lines = [f"{_when(shown.at)}: {shown.period} ({shown.why})"]
    if shown.until:
        lines.append(f"until {_when(shown.until)}, then {shown.then}")
    lines.append(f"{shown.title}, {shown.severity}:")
    for chain in shown.chains:
        beside = "" if chain.period else ", beside the periods, from the outage's beginning"
        lines.append(f"  chain {chain.chain}{beside}")
        for step in chain.steps:
            lines += _step_lines(step, shown.at)
    lines += [f"note: {note}" for note in shown.notes]
    return "\n".join(lines)


def _step_lines(step: ShownStep, at: datetime) -> list[str]:
    clock = f"{step.at:%H:%M}" if step.at - at < timedelta(days=1) and step.at.date() == at.date() else _when(step.at)
    head = f"    {clock}  "
    if step.dropped:
        return [f"{head}(dropped: the period ends before)"]
    marks = ["unless acknowledged"] if step.unacknowledged_only else []
    marks += [f"again every {span(step.repeat)} until acknowledged"] if step.repeat else []
    marks += [f"task: {step.task}"] if step.task else []
    lines = [head + "; ".join(marks)] if marks else [head.rstrip()]
    for one in step.called:
        ways = ", ".join(f"{channel} {address}" for channel, address in one.addresses.items())
        lines.append(f"{_INDENT}{one.role}: {one.name} ({ways or 'no address'})")
    lines += [f"{_INDENT}{role}: NOBODY ON DUTY" for role in step.gaps]
    return lines


def span(seconds: float) -> str:
    """`90.0` → `1m30s`."""
    parts = ((3600, "h"), (60, "m"), (1, "s"))
    text, rest = "", int(seconds)
    for size, unit in parts:
        if rest >= size:
            text, rest = f"{text}{rest // size}{unit}", rest % size
    return text or "0s"


def _when(at: datetime) -> str:
    return f"{_DAYS[at.weekday()]} {at:%Y-%m-%d %H:%M}"


def check_text(loaded: Loaded, warnings: Sequence[Fault] | None = None) -> str:
    """What was loaded, and every warning: the load's own, or those given (`monitor.plan.lint` looks closer)."""
    plan = loaded.plan
    lines = [str(warning) for warning in (loaded.warnings if warnings is None else warnings)]
    count = len(lines)
    told = "no warnings" if not count else f"{count} warning{'s' if count > 1 else ''}"
    lines.append(
        f"{plan.municipality}: {len(plan.systems)} systems, {len(plan.checks)} checks, {len(plan.people)} people,"
        f" {len(plan.roles)} roles, {len(plan.chains)} chains, {len(plan.routes)} routes; {told}"
    )
    lines.append(f"digest {loaded.digest[:12]}")
    return "\n".join(lines)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, datetime) else value
