"""Looks a loaded plan over for what is allowed and yet wrong: duties with gaps, things nobody uses, cards too long.

Everything here is a warning: the plan works, but not as somebody would expect.
"""

import textwrap
from collections.abc import Iterator
from datetime import time, timedelta
from itertools import islice

from monitor.core.calendar import Calendar
from monitor.core.plan import Plan, Role, RoleId
from monitor.plan.faults import Fault
from monitor.plan.load import PLAN, SYSTEMS, Loaded
from monitor.plan.rosters import gaps

DAYS = 28
"""How far ahead a roster must be filled."""
CARD_LINES = 58
CARD_COLUMNS = 95
"""What an A4 page holds at a size one can read at arm's length."""
HASTE = 0.2
"""Looking more often than so many seconds apart is a load on what is looked at, and no watch."""


def lint(loaded: Loaded) -> list[Fault]:
    """The warnings of the load and those of a closer look, in that order."""
    found = list(loaded.warnings)
    found += [_fault(loaded, PLAN, *told) for told in (*_gaps(loaded), *_unused(loaded.plan))]
    found += [_fault(loaded, SYSTEMS, *told) for told in _hasty(loaded.plan)]
    for path, text in loaded.cards.items():
        lines = sum(max(1, len(textwrap.wrap(line, CARD_COLUMNS))) for line in text.splitlines())
        if lines > CARD_LINES:
            wrong = f"takes {lines} lines of {CARD_COLUMNS} signs, an A4 page holds {CARD_LINES}"
            found.append(_fault(loaded, path, "", wrong, "Shorten it: a card is read standing up"))
    return found


def _fault(loaded: Loaded, file: str, where: str, wrong: str, mend: str) -> Fault:
    return Fault(str(loaded.folder / file), 0, 0, where, wrong, mend)


def _gaps(loaded: Loaded) -> Iterator[tuple[str, str, str]]:
    calendar = loaded.plan.calendar
    for role in loaded.plan.roles.values():
        if role.from_roster:
            yield from _gaps_of(role, loaded, calendar)


def _gaps_of(role: Role, loaded: Loaded, calendar: Calendar) -> Iterator[tuple[str, str, str]]:
    start = calendar.instant(loaded.today, time(0))
    end = calendar.instant(loaded.today + timedelta(days=DAYS), time(0))
    for begins, ends in islice(gaps(role.shifts, start, end), 3):
        first, last = calendar.local(begins), calendar.local(ends)
        wrong = f"nobody has this duty from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}"
        yield f"roles.{role.id}.roster", wrong, "Fill the roster, or alarms of these hours skip the step"


def _hasty(plan: Plan) -> Iterator[tuple[str, str, str]]:
    for rule in plan.checks.values():
        soonest = min(rule.every, rule.retry_every)
        if soonest < HASTE:
            wrong, mend = f"asks again after {soonest * 1000:g} ms", "Give every and retry_every at least 1s"
            yield f"checks.{rule.name}", wrong, mend


def _unused(plan: Plan) -> Iterator[tuple[str, str, str]]:
    steps = [step for chain in plan.chains for step in chain.steps]
    told = {role for step in steps for role in step.tell} | {plan.owner}
    told |= {RoleId(window.tell) for windows in plan.windows.values() for window in windows if window.tell}
    for role in plan.roles:
        if role not in told:
            yield f"roles.{role}", "no step tells this role", "Put it into a chain, or remove it"
    for task in plan.tasks:
        if task not in {step.task for step in steps}:
            yield f"tasks.{task}", "no step hands this task to anybody", "Put it into a chain, or remove it"
    duties = {p for role in plan.roles.values() for p in (*role.always, *(shift.person for shift in role.shifts))}
    for person in plan.people:
        if person not in duties:
            yield f"people.{person}", "has no role and is never told", "Give a role, or remove the entry"
