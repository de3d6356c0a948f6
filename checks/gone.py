"""What the missing of a fleet come to, in the few words an SMS has: counts and what they share, never a device."""

from monitor.core.finding import Reason
from monitor.core.fleet import FleetSight, Trait
from monitor.core.trait import NAMES

_VALUE = 24
_NEARLY_ALL = 0.8


def gone(sight: FleetSight, reason: Reason) -> str:
    """`740 af 2000, 98 % har operatør X`; by the early sign how many there may be: `34 af 2000, op til 740 med …`."""
    said = f"{sight.homes.all} af {sight.watched}"
    trait = sight.trait
    if trait is None:
        return said
    if reason is Reason.EARLY and trait.of_missing >= _NEARLY_ALL:
        return f"{said}, op til {sight.reach.all} med {_named(trait)}"
    return f"{said}, {min(max(round(100 * trait.of_missing), 1), 100)} % har {_named(trait)}"


def _named(trait: Trait) -> str:
    value = trait.value if len(trait.value) <= _VALUE else trait.value[: _VALUE - 1] + "."
    return f"{NAMES.get(trait.attribute, trait.attribute[:16])} {value}"
