"""What an HTTP answer must be like, and holding one against it: for `http`, `flow` and `phoniro`.

Every expectation is judged and told, held or missed, in the order an operator asks: status, headers, content, time.
"""

import html
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, PlainValidator

from checks import jsonpath
from checks.failure import outcome_of, short
from checks.httpwire.decode import text_of
from checks.httpwire.follow import Reply
from checks.pattern import Pattern, PatternText
from monitor.core.finding import Held, Miss, Outcome, Reason, Verdict
from monitor.plan.settings import Seconds, Strict

_SHOWN: Final = frozenset({"content-type", "server", "cache-control", "x-powered-by", "via", "retry-after"})
_TITLE: Final = re.compile(r"<title[^>]{0,200}>([^<]{1,400})", re.IGNORECASE)
_EXCERPT: Final = 40
_SIGHT: Final = 65_536


@dataclass(frozen=True, slots=True)
class Statuses:
    """The statuses that are right. `label` is what the operator wrote."""

    label: str
    codes: frozenset[int]


def statuses(value: object) -> Statuses:
    """From 200, 2xx or a list of these. Raises ValueError with a right example."""
    if isinstance(value, Statuses):
        return value
    words = [str(word).strip().lower() for word in (value if isinstance(value, list | tuple) else [value])]
    codes: set[int] = set()
    for word in words:
        if re.fullmatch(r"[1-5]xx", word):
            codes.update(range(int(word[0]) * 100, int(word[0]) * 100 + 100))
        elif re.fullmatch(r"[1-5]\d\d", word):
            codes.add(int(word))
        else:
            raise ValueError(f"{word[:20]!r} is not a status; write for instance 200, 2xx or [200, 204]")
    if not codes:
        raise ValueError("at least one status is needed; write for instance 200")
    return Statuses(" eller ".join(words), frozenset(codes))


def _several(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


Patterns = Annotated[tuple[PatternText, ...], BeforeValidator(_several), Field(max_length=20)]


class Latency(Strict):
    """Bounds in seconds: longer than `degraded_over` is WARN, longer than `fail_over` is FAIL."""

    degraded_over: Seconds | None = None
    fail_over: Seconds | None = None


class Expect(Latency):
    """What one answer must be like. Unless said otherwise any status of success will do."""

    status: Annotated[Statuses, PlainValidator(statuses)] = statuses("2xx")
    header: dict[str, PatternText] = Field(default={}, max_length=20)
    """By name: a text somewhere in the value (upper and lower case alike), or a /regex/."""
    body: Patterns = ()
    not_body: Patterns = ()
    values: dict[jsonpath.PathText, jsonpath.RuleText] = Field(default={}, alias="json", max_length=20)


def look(expect: Expect, reply: Reply) -> Iterator[Miss | Held]:
    """Each expectation, held or missed. Pure; bounded in time by the body's limit and by `checks.pattern`."""
    seen = f"status {reply.status}"
    wanted = f"status {expect.status.label}"
    yield Held(wanted, seen) if reply.status in expect.status.codes else Miss(Reason.STATUS, wanted, seen)
    yield from (_header(name, pattern, reply) for name, pattern in expect.header.items())
    if expect.values:
        yield from _json(expect, reply)
    if expect.body or expect.not_body:
        text = text_of(reply.body, reply.header("content-type") or "")
        yield from (_body(pattern, text) for pattern in expect.body)
        yield from (_not_body(pattern, text) for pattern in expect.not_body)


def _header(name: str, pattern: Pattern, reply: Reply) -> Miss | Held:
    value = reply.header(name)
    wanted = f"{name}: {pattern.label}"
    if value is None:
        return Miss(Reason.HEADER, wanted, "mangler")
    holds = pattern.found(value) if pattern.regex else pattern.label.lower() in value.lower()
    # Only headers that name software and form: others carry sessions, tokens and addresses.
    seen = short(value, _EXCERPT) if name.lower() in _SHOWN else "en anden værdi"
    return Held(wanted) if holds else Miss(Reason.HEADER, wanted, seen)


def _json(expect: Expect, reply: Reply) -> Iterator[Miss | Held]:
    document = document_of(reply)
    if document is jsonpath.ABSENT:
        yield Miss(Reason.CONTENT, "JSON", content_of(reply))
        return
    yield from (jsonpath.held(rule, path, document) for path, rule in expect.values.items())


def _body(pattern: Pattern, text: str) -> Miss | Held:
    wanted = f"teksten »{pattern.label}«"
    return Held(wanted) if pattern.found(text) else Miss(Reason.BODY, wanted, title_of(text) or "ikke fundet")


def _not_body(pattern: Pattern, text: str) -> Miss | Held:
    wanted = f"ikke teksten »{pattern.label}«"
    return Miss(Reason.BODY, wanted, title_of(text) or "fundet") if pattern.found(text) else Held(wanted)


def document_of(reply: Reply) -> Any:
    """The body as JSON (RFC 8259), or ABSENT when it is none; one nested too deep is none either."""
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        return jsonpath.ABSENT


def content_of(reply: Reply) -> str:
    """What kind of content an answer holds, in short words, with a page's title."""
    text = text_of(reply.body[:_SIGHT], reply.header("content-type") or "")
    if not text.strip():
        return "intet indhold"
    if "<html" in text[:2048].lower() or "html" in (reply.header("content-type") or "").lower():
        return " ".join(filter(None, ("HTML", title_of(text))))
    return "andet indhold"


def title_of(text: str) -> str:
    """A page's title in quotes, at most 40 characters; empty when there is none."""
    found = _TITLE.search(text, 0, _SIGHT)
    title = short(" ".join(html.unescape(found[1]).split()), _EXCERPT) if found else ""
    return f"»{title}«" if title else ""


def pace(took: float, *bounds: Latency) -> tuple[Outcome, list[Miss | Held]]:
    """How a duration in seconds is judged by each of `bounds`: the worst of OK, WARN and FAIL, and what to tell."""
    graded = [(Outcome.FAIL, bound.fail_over) for bound in bounds] + [
        (Outcome.WARN, bound.degraded_over) for bound in bounds
    ]
    set_ones = [(outcome, limit) for outcome, limit in graded if limit is not None]
    for outcome, limit in set_ones:
        if took > limit:
            return outcome, [Miss(Reason.SLOW, f"svar inden {_seconds(limit)}", _seconds(took))]
    return Outcome.OK, [Held(f"svar inden {_seconds(limit)}", _seconds(took)) for _, limit in set_ones[-1:]]


def _seconds(value: float) -> str:
    return f"{value:.3g} s".replace(".", ",")


def conclude(told: Iterable[Miss | Held], paced: Outcome = Outcome.OK) -> Verdict:
    """The verdict over all expectations: the first miss that is not mere slowness decides, then the pace."""
    results = list(told)
    misses = tuple(one for one in results if isinstance(one, Miss))
    held = tuple(one for one in results if isinstance(one, Held))
    hard = next((miss for miss in misses if miss.reason is not Reason.SLOW), None)
    return Verdict(outcome_of(hard.reason) if hard else paced, misses, held)
