"""What may be announced: whether a withholding that somebody asks for can be granted.

Nothing without an owner, an end and a reason; nothing for ever; nothing that would leave a critical system silent.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from monitor.core.plan import OWN_SYSTEMS, Plan, RoleId
from monitor.core.withholding import LONGEST_MUTE, LONGEST_WORK, Sort, Withholding

FURTHEST = timedelta(days=400)
MOST_SYSTEMS = 50


class Refused(StrEnum):
    """Why not."""

    NO_SYSTEM = "no_system"
    OWN_SYSTEM = "own_system"
    """What must itself be told cannot be withheld: our line, the alarm path, the service."""
    ONE_SYSTEM = "one_system"
    """A mute is for one system."""
    BACKWARDS = "backwards"
    PAST = "past"
    TOO_LONG = "too_long"
    TOO_FAR = "too_far"
    NO_OWNER = "no_owner"
    NO_REASON = "no_reason"
    NO_ROLE = "no_role"
    NO_PHONE = "no_phone"
    """Nobody who could be told of a critical system instead has a phone."""
    TOO_MANY = "too_many"
    NOT_THERE = "not_there"
    OVER = "over"


def refused(window: Withholding, plan: Plan, now: datetime) -> Refused | None:
    """Why a withholding cannot be granted, None when it can."""
    return _unnamed(window, plan) or _untimely(window, now) or _unheard(window, plan)


def _unnamed(window: Withholding, plan: Plan) -> Refused | None:
    names = window.names
    if not names or len(names) > MOST_SYSTEMS or any(name not in plan.systems for name in names):
        return Refused.NO_SYSTEM
    if any(name in OWN_SYSTEMS for name in names):
        return Refused.OWN_SYSTEM
    if window.kind is Sort.MUTE and len(names) > 1:
        return Refused.ONE_SYSTEM
    if not window.owner.strip():
        return Refused.NO_OWNER
    return None if window.reason.strip() else Refused.NO_REASON


def _untimely(window: Withholding, now: datetime) -> Refused | None:
    if window.end <= window.start:
        return Refused.BACKWARDS
    if window.end <= now:
        return Refused.PAST
    if window.end - window.start > (LONGEST_MUTE if window.kind is Sort.MUTE else LONGEST_WORK):
        return Refused.TOO_LONG
    return Refused.TOO_FAR if window.end - now > FURTHEST else None


def _unheard(window: Withholding, plan: Plan) -> Refused | None:
    if window.tell and window.tell not in plan.roles:
        return Refused.NO_ROLE
    if any(plan.systems[name].critical for name in window.names) and not has_phone(plan, window.tell):
        return Refused.NO_PHONE
    return None


def has_phone(plan: Plan, tell: str) -> bool:
    """Whether anybody who ever has this role (empty: the plan's owner) can be told by SMS."""
    role = plan.roles[RoleId(tell) if tell else plan.owner]
    people = (*role.always, *(shift.person for shift in role.shifts))
    return any(plan.people[person].sms for person in people)
