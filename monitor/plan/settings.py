"""The shapes every configured thing shares: strict, frozen, parsed once from text."""

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from monitor.core.plan import FleetName, Severity

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")


def seconds(value: Any) -> float:
    """Seconds from `30s`, `1h30m`, `500ms`, `21d`. Raises ValueError naming a right example."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    text = str(value).strip()
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration; write for instance 30s, 5m or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def severity(value: Any) -> Severity:
    """The severity behind its word. Raises ValueError naming the words there are."""
    if isinstance(value, Severity):
        return value
    words = {each.word: each for each in Severity}
    if not isinstance(value, str) or value not in words:
        raise ValueError(f"{value!r} is not a severity; write {', '.join(words)}")
    return words[value]


SeverityWord = Annotated[Severity, BeforeValidator(severity)]
Seconds = Annotated[float, BeforeValidator(seconds), Field(ge=0, le=400 * 86400)]
LOOKUP_NAME = r"^[a-z][a-z0-9_]{0,63}$"
SecretName = Annotated[str, Field(pattern=LOOKUP_NAME)]
"""What a secret is looked up by: environment OMSORGSVAGT_<NAME>, OMSORGSVAGT_<NAME>_FILE, or a systemd credential."""


class Strict(BaseModel):
    """Unknown keys are refused, values are frozen; scalars arrive as text and are converted here."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, coerce_numbers_to_str=True)


class CheckSettings(Strict):
    """What every check has, whatever its kind (DESIGN §3, Probing). Durations in seconds."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
    kind: str
    every: Annotated[Seconds, Field(gt=0)] = 30.0
    timeout: Annotated[Seconds, Field(gt=0, le=120)] = 10.0
    confirm: Annotated[int, Field(ge=1, le=100)] = 3
    retry_every: Annotated[Seconds, Field(gt=0)] = 5.0
    recover: Annotated[int, Field(ge=1, le=100)] = 2
    title: str = ""
    canary: bool = False
    """Only under `egen_linje`: a look at something outside that is up whenever our own line is."""
    warn_means: SeverityWord = Severity.DEGRADED
    fail_means: SeverityWord = Severity.DOWN
    """What a warning and a failure of this check mean for its system; a kind may set other defaults."""

    @property
    def looks_at(self) -> FleetName | None:
        """The fleet a check of kind `fleet` looks at; None for every other."""
        return None


Keyword = Annotated[str, Field(pattern=r"^[0-9A-Za-zÆØÅæøå]{0,8}$")]
"""What people must write first for their reply to reach us, on a number shared with others."""


class RouteSettings(Strict):
    """What every route of a channel has."""

    via: str
    name: Annotated[str, Field(pattern=r"^[a-z0-9_-]{0,40}$")] = ""
    independent: bool = False
    """This route does not share our internet line (a GSM modem): it goes first when we are blind."""
    timeout: Annotated[Seconds, Field(gt=0, le=60)] = 5.0
