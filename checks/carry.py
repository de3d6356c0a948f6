"""Values carried from one step of a flow to the next: taken out of an answer, put into a later request.

A value has a bounded length, is escaped for the place it is put in, and is told to nobody.
"""

import html
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Final
from urllib.parse import quote

from pydantic import Field, model_validator

from checks.expect import document_of
from checks.httpwire.decode import text_of
from checks.httpwire.follow import Reply
from checks.jsonpath import PathText, as_text
from checks.pattern import PatternText
from monitor.core.fault import ProbeFault
from monitor.core.finding import Reason
from monitor.plan.settings import Strict

_PLACE: Final = re.compile(r"\{(secret:)?([a-z][a-z0-9_]{0,63})\}")
_LONGEST: Final = 65_536
_INPUT: Final = re.compile(r"<input\b", re.IGNORECASE)
_ATTRIBUTE: Final = re.compile(r"""([a-z-]{1,20})\s{0,5}=\s{0,5}(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)

ValueName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class Take(Strict):
    """Where a value stands in an answer; exactly one of these is written.

    `json` a path, `header` a name, `regex` a /pattern/ whose first group counts, `cookie` a name, `form` the name of
    an input field on the page (the hidden token of a login form).
    """

    path: PathText | None = Field(default=None, alias="json")
    header: str | None = None
    regex: PatternText | None = None
    cookie: str | None = None
    form: str | None = None

    @model_validator(mode="after")
    def _one(self) -> "Take":
        if sum(one is not None for one in (self.path, self.header, self.regex, self.cookie, self.form)) != 1:
            raise ValueError("write exactly one of json, header, regex, cookie, form")
        if self.regex and self.regex.regex is None:
            raise ValueError("a regex is written between two /, for instance /token=([a-z0-9]{1,64})/")
        return self

    def out_of(self, reply: Reply, cookies: Mapping[str, str | None]) -> str:
        """The value. Raises ProbeFault when it is not there, or longer than a value may be."""
        reason, found = self._found(reply, cookies)
        if found is None:
            raise ProbeFault(reason, "en værdi til næste trin", "mangler i svaret")
        if len(found) > _LONGEST:
            raise ProbeFault(Reason.TOO_LARGE, "en værdi til næste trin", "for lang")
        return found

    def _found(self, reply: Reply, cookies: Mapping[str, str | None]) -> tuple[Reason, str | None]:
        if self.path:
            return Reason.JSON, as_text(self.path.of(document_of(reply)))
        if self.header:
            return Reason.HEADER, reply.header(self.header)
        if self.cookie:
            return Reason.HEADER, cookies.get(self.cookie)
        text = text_of(reply.body, reply.header("content-type") or "")
        return Reason.BODY, self.regex.taken(text) if self.regex else field_of(text, self.form or "")


def field_of(page: str, name: str) -> str | None:
    """The value of the first input field of that name; empty where it has none, None where there is no such field."""
    for place in _INPUT.finditer(page):
        end = page.find(">", place.end(), place.end() + _LONGEST)
        if end < 0:
            return None
        found = {
            match[1].lower(): html.unescape(match[2] or match[3] or match[4] or "")
            for match in _ATTRIBUTE.finditer(page, place.end(), end)
        }
        if found.get("name") == name:
            return found.get("value", "")
    return None


def places(template: str) -> Iterator[tuple[bool, str]]:
    """What a text wants filled in: whether it is a secret, and its name."""
    return ((bool(match[1]), match[2]) for match in _PLACE.finditer(template))


def fill(template: str, values: Mapping[str, str], secret: Callable[[str], str], escape: Callable[[str], str]) -> str:
    """The text with `{name}` and `{secret:name}` filled in, each escaped. Raises SecretMissing."""
    return _PLACE.sub(lambda found: escape(secret(found[2]) if found[1] else values[found[2]]), template)


def in_address(value: str) -> str:
    """Escaped for an address's path or query."""
    return quote(value, safe="")


def in_json(value: str) -> str:
    """Escaped for the inside of a JSON text."""
    return json.dumps(value)[1:-1]


def as_is(value: str) -> str:
    """Not escaped."""
    return value
