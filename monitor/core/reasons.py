"""The named reasons: why something is sent, why it is withheld, what a line of the timeline says, how far people are.

Each is the timeline's word and the metric's label; a new reason is one line here and one in `monitor.core.words`.
"""

from enum import StrEnum


class HumanState(StrEnum):
    """How far people are (DESIGN §3, Acknowledging)."""

    UNSEEN = "unseen"
    SEEN = "seen"
    WORKING = "working"
    FALLBACK = "fallback"
    """Nøddrift is in force."""
    RESOLVED = "resolved"


class Hold(StrEnum):
    """Why an incident's notices are withheld as a whole."""

    PARENT_PENDING = "parent_pending"
    PARENT_DOWN = "parent_down"
    MAINTENANCE = "maintenance"
    """Announced work: what it comes to is told when it ends."""
    MUTED = "muted"
    """Somebody has asked for silence, with a reason and an end."""


class Kind(StrEnum):
    """Why a notice is sent: the timeline's word and the metric's label."""

    ALARM = "alarm"
    WORSENED = "worsened"
    REOPENED = "reopened"
    UNSTABLE = "unstable"
    REMINDER = "reminder"
    HANDOVER = "handover"
    TASK = "task"
    NOBODY_ON_DUTY = "nobody_on_duty"
    TAKEN = "taken"
    """Somebody else has it."""
    ANSWER = "answer"
    """What came of a person's own reply."""
    PROGRESS = "progress"
    """Whoever has it has said nothing for a while: is there news?"""
    NO_NEWS = "no_news"
    """Nobody said anything more: the chain starts again."""
    REROUTED = "rerouted"
    """Work is announced on a critical system: whoever answers for the work is told instead of the chain."""
    EASED = "eased"
    """Better than before the announced work, but not well."""
    DEAD_ADDRESS = "dead_address"
    """A carrier says that an address is no more: for the plan's owner."""
    BUNDLE = "bundle"
    """Several words for one person in one message."""
    SILENT_DEVICE = "silent_device"
    """One device marked critical is silent."""
    STRAY_ALARM = "stray_alarm"
    """A person's call came here, where nobody answers calls."""
    WORKLIST = "worklist"
    """The working day's list of devices to look after."""
    ALL_CLEAR = "all_clear"
    TEST = "test"
    PULSE = "pulse"
    """For nobody: shows that what is decided still comes out at the other end (`monitor.engine.pulse`)."""


class Entry(StrEnum):
    """What a line of the timeline says."""

    OPENED = "opened"
    WORSENED = "worsened"
    EASED = "eased"
    BACK = "back"
    REOPENED = "reopened"
    UNSTABLE = "unstable"
    RECOVERED = "recovered"
    CLOSED = "closed"
    PERIOD = "period"
    STEP_DROPPED = "step_dropped"
    NOBODY_ON_DUTY = "nobody_on_duty"
    QUEUED = "queued"
    WITHHELD = "withheld"
    ACCEPTED = "accepted"
    NOT_ACCEPTED = "not_accepted"
    GAVE_UP = "gave_up"
    ACKNOWLEDGED = "acknowledged"
    NOTE = "note"
    HUMAN = "human"
    TASK_DONE = "task_done"
    NOT_RECORDED = "not_recorded"
    RELEASED = "released"
    NOT_WATCHED = "not_watched"
    DELIVERED = "delivered"
    NOT_DELIVERED = "not_delivered"
    OVERDUE = "overdue"
    """No receipt came in time."""
    NO_NEWS = "no_news"
    CLOCK = "clock"
    """The clock was set; the outage's times were moved along."""
