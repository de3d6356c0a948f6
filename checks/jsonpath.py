"""Finding one value in a JSON document and holding it against what the operator wrote.

A path is names and numbers (`_links.home.href`, `items[0].name`); a value is shown only when it can be nobody's.
"""

import json
import re
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, PlainValidator, model_validator

from checks.pattern import PatternText
from monitor.core.finding import Held, Miss, Reason
from monitor.plan.settings import Strict

_STEP: Final = re.compile(r"\.?([^.\[\]\"]{1,100})|\[(\d{1,6})\]|\[\"([^\"]{1,100})\"\]")
_HARMLESS: Final = re.compile(
    r"-?\d{1,5}(\.\d{1,6})?|true|false|null|ok|up|down|pass|warn|fail(ed|ure)?|error|ready|starting|stopp(ed|ing)"
    r"|(un)?healthy|(un)?available|degraded|maintenance|(in)?active|running|unknown|green|yellow|red|(dis)?connected",
    re.IGNORECASE,
)
_DEPTH: Final = 20


class _Absent:
    """Nothing stands at the path."""


ABSENT: Final = _Absent()


@dataclass(frozen=True, slots=True)
class Path:
    """Where a value stands: member names and element numbers in order."""

    label: str
    steps: tuple[str | int, ...]

    def of(self, document: Any) -> Any:
        """The value, or ABSENT."""
        value = document
        for step in self.steps:
            value = _member(value, step)
        return value


def _member(value: Any, step: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(step, ABSENT)
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return value[step]
    return ABSENT


def path(text: object) -> Path:
    """The path behind a text. Raises ValueError with a right example."""
    label = str(text)
    rest = label.removeprefix("$")
    steps: list[str | int] = []
    while rest:
        step = _STEP.match(rest)
        if step is None or len(steps) == _DEPTH:
            raise ValueError(f'{label[:80]!r} is not a path; write for instance items[0].name or ["a.b"].c')
        steps.append(int(step[2]) if step[2] else step[1] or step[3])
        rest = rest[step.end() :]
    return Path(label, tuple(steps))


def _rule(value: object) -> object:
    """A bare value is the one to match."""
    return value if isinstance(value, dict | JsonRule) else {"is": value}


class JsonRule(Strict):
    """What a value must be: `is` a text or /regex/, between `min` and `max`, of at least `items` elements, or there."""

    match: PatternText | None = None
    min: float | None = None
    max: float | None = None
    items: int | None = None
    exists: bool = True

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        """`is` is the word in the plan and no name in Python."""
        if not isinstance(value, dict):
            return value
        return {("match" if key == "is" else key): one for key, one in value.items()}

    @property
    def label(self) -> str:
        """The rule in short words."""
        words = [self.match.label] if self.match else []
        words += [f"mindst {self.min:g}"] if self.min is not None else []
        words += [f"højst {self.max:g}"] if self.max is not None else []
        words += [f"mindst {self.items} elementer"] if self.items is not None else []
        return " og ".join(words) or ("findes" if self.exists else "findes ikke")

    def holds(self, value: Any) -> bool:
        """Whether a value, or ABSENT, is as the rule says."""
        if value is ABSENT or not self.exists:
            return (value is not ABSENT) == self.exists
        return self._matches(value) and self._within(value) and self._long(value)

    def _matches(self, value: Any) -> bool:
        if self.match is None:
            return True
        text = as_text(value)
        if text is None:
            return False
        return self.match.found(text) if self.match.regex else text == self.match.label

    def _within(self, value: Any) -> bool:
        if self.min is None and self.max is None:
            return True
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)

    def _long(self, value: Any) -> bool:
        return self.items is None or (isinstance(value, list | dict) and len(value) >= self.items)


PathText = Annotated[Path, PlainValidator(path)]
RuleText = Annotated[JsonRule, BeforeValidator(_rule)]


def as_text(value: Any) -> str | None:
    """A scalar as the operator would write it (`true`, `null`, `3`); None for an object, a list or nothing."""
    if value is ABSENT or isinstance(value, dict | list):
        return None
    return value if isinstance(value, str) else json.dumps(value)


def held(rule: JsonRule, where: Path, document: Any) -> Miss | Held:
    """Hold one rule against a document."""
    value = where.of(document)
    wanted = f"{where.label} {rule.label}"
    return Held(wanted, shown(value)) if rule.holds(value) else Miss(Reason.JSON, wanted, shown(value))


def shown(value: Any) -> str:
    """A value fit to be shown: a small number or a word of health, of anything else only that it is another.

    A number of ten digits may be a person's, and a single word a name.
    """
    text = as_text(value)
    if text is not None:
        return text if _HARMLESS.fullmatch(text) else "en anden værdi"
    return "mangler" if value is ABSENT else f"{len(value)} elementer"
