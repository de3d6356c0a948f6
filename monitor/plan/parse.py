"""Turns a part of a file into a validated value, and a model's complaints into faults with file and line.

No fault repeats a value that stands under a key that names a secret.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from monitor.plan.faults import meant, parted
from monitor.plan.part import Part
from monitor.plan.settings import LOOKUP_NAME

Model = TypeVar("Model", bound=BaseModel)

SECRETISH = re.compile(
    r"(?:^|[_.-])(?:token|password|passwd|passphrase|secret|api[_-]?key|authorization|private[_-]?key)$",
    re.IGNORECASE,
)
"""Keys whose value names a secret, or is one written in clear."""

IN_CLEAR = "this looks like a secret written in clear"
NAME_IT = "Write the name it is looked up by, for instance gatewayapi_token, and give the secret outside these files"

_SHOWN = 60
_USER = re.compile(r"://[^/\s@]*@")


def parse(model: type[Model], part: Part) -> Model | None:
    """The part as a model; None when it does not fit, with every reason told."""
    if isinstance(part.node.value, list) or (isinstance(part.node.value, str) and part.node.value != ""):
        part.wrong("must be a mapping of names", f"Write {{{', '.join(_keys(model))}}}")
        return None
    try:
        return model.model_validate(part.plain or {})
    except ValidationError as exc:
        for error in exc.errors(include_url=False):
            _tell(error, model, part)
        return None


def _tell(error: Mapping[str, Any], model: type[BaseModel], part: Part) -> None:
    loc = tuple(error["loc"])
    kind = error["type"]
    spot = _reach(part, loc)
    if kind == "missing":
        spot.wrong(f"the key '{loc[-1]}' is missing", "", key=True)
        return
    if kind == "extra_forbidden":
        key = str(loc[-1])
        spot.wrong(f"there is no key '{key[:_SHOWN]}' here", meant(key, _keys(_model_at(model, loc[:-1]))), key=True)
        return
    wrong, mend = _words(error, _secret(loc))
    spot.wrong(wrong, mend, key=loc[-1:] == ("[key]",))


def _reach(part: Part, loc: Iterable[str | int]) -> Part:
    """The part a location names; the names of union members and validators in it lead nowhere and are passed over."""
    for step in loc:
        part = part.get(step) or part
    return part


def _secret(loc: tuple[Any, ...]) -> bool:
    return any(isinstance(step, str) and SECRETISH.search(step) for step in loc)


def _keys(model: type[BaseModel] | None) -> tuple[str, ...]:
    if model is None:
        return ()
    return tuple(field.alias or name for name, field in model.model_fields.items())


def _model_at(model: type[BaseModel], loc: tuple[Any, ...]) -> type[BaseModel] | None:
    """The model a location lies in, as far as the annotations tell."""
    current: type[BaseModel] | None = model
    for step in loc:
        if current is None or not isinstance(step, str):
            continue
        field = current.model_fields.get(step)
        current = _model_in(field.annotation) if field else current
    return current


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(inner) for inner in get_args(annotation))
    return next((each for each in found if each is not None), None)


def _words(error: Mapping[str, Any], secret: bool) -> tuple[str, str]:
    """What is wrong and how to mend it, from pydantic's error."""
    text = error["input"] if isinstance(error["input"], str) and not secret else None
    given = "the value" if text is None else "'" + _USER.sub("://…@", text)[:_SHOWN] + "'"
    if error.get("ctx", {}).get("pattern") == LOOKUP_NAME:
        return IN_CLEAR, NAME_IT
    told = _TOLD.get(error["type"])
    if told is not None:
        return told(given, error.get("ctx", {}))
    if error["type"] in ("value_error", "assertion_error"):
        said = str(error["msg"]).split(", ", 1)[-1]
        wrong, mend = parted(_USER.sub("://…@", said))
        return (f"{given} is not right" if secret else wrong), mend
    said = str(error["msg"]).replace("Input should ", "must ").replace("String should ", "must ")
    return f"{given} is not right: {said[:1].lower()}{said[1:]}", ""


def _literal(given: str, ctx: Mapping[str, Any]) -> tuple[str, str]:
    words = [word.strip("'") for word in re.split(r", | or ", str(ctx["expected"]))]
    return f"{given} is not one of the words used here", meant(given.strip("'"), words)


def _pattern(given: str, ctx: Mapping[str, Any]) -> tuple[str, str]:
    pattern = str(ctx["pattern"])
    signs = "digits, - and _" if "-]" in pattern else "digits and _"
    plain = pattern.startswith(("^[a-z", "[a-z"))
    return f"{given} is not written rightly", f"Use small letters a-z, {signs}" if plain else f"It must match {pattern}"


def _said(wrong: str, mend: str) -> Callable[[str, Mapping[str, Any]], tuple[str, str]]:
    """A fixed wording with the value given and pydantic's figures filled in."""
    return lambda given, ctx: (wrong.format(given=given, **ctx), mend.format(**ctx))


_LIST = _said("must be a list", "Write the items in [ ] or each on its own line after '- '")
_MAPPING = _said("must be a mapping of names", "Write 'name: value', one a line")
_WHOLE = _said("{given} is not a whole number", "Write it in digits")
_TOLD: dict[str, Callable[[str, Mapping[str, Any]], tuple[str, str]]] = {
    "literal_error": _literal,
    "enum": _literal,
    "string_pattern_mismatch": _pattern,
    "int_parsing": _WHOLE,
    "int_type": _WHOLE,
    "int_from_float": _WHOLE,
    "float_parsing": _said("{given} is not a number", "Write for instance 2.5"),
    "bool_parsing": _said("{given} is neither yes nor no", "Write yes or no"),
    "string_type": _said("must be a text", "Write one value here, not a list or a mapping"),
    "string_too_long": _said("the text is longer than {max_length} characters", "Shorten it"),
    "string_too_short": _said("the text is shorter than {min_length} characters", "Write it out"),
    "too_short": _said("there is nothing here", "Give at least {min_length}"),
    "too_long": _said("there are more than {max_length} here", "Remove some"),
    "greater_than": _said("{given} is too little", "It must be more than {gt:g}"),
    "greater_than_equal": _said("{given} is too little", "It must be at least {ge:g}"),
    "less_than": _said("{given} is too much", "It must be less than {lt:g}"),
    "less_than_equal": _said("{given} is too much", "It must be at most {le:g}"),
    "list_type": _LIST,
    "tuple_type": _LIST,
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
}
