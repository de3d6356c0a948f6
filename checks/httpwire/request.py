"""A request as a value, and as the bytes that go on the wire (RFC 9112 section 3).

No header can smuggle in another line: names are tokens, values hold no control characters.
"""

import re
from base64 import b64encode
from dataclasses import dataclass, field, replace
from typing import Annotated, Final

from pydantic import AfterValidator, Field, PlainValidator, StringConstraints, model_validator

from checks.httpwire.address import Url, parse
from monitor.core.fault import ProbeFault
from monitor.core.finding import Reason
from monitor.plan.settings import SecretName, Strict
from monitor.ports import ProbeContext

_VALUE: Final = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
_FRAMING: Final = frozenset({"connection", "content-length", "transfer-encoding", "expect", "upgrade"})
_HARMLESS: Final = frozenset({"accept", "accept-language", "user-agent"})
_DEFAULTS: Final = {"User-Agent": "Omsorgsvagt", "Accept": "*/*", "Accept-Encoding": "identity"}


def header_value(value: str) -> str:
    """The value unchanged. Raises ValueError when it could not stand in one header line."""
    if not _VALUE.fullmatch(value):
        raise ValueError("a header's value is one line of Latin-1 text")
    return value


def in_header(value: str, reason: Reason = Reason.CONTENT) -> str:
    """As `header_value` for what is known only while probing. Raises ProbeFault, without the value."""
    try:
        return header_value(value)
    except ValueError:
        raise ProbeFault(reason, "en værdi til en header", "tegn der ikke kan stå der") from None


def _header_name(name: str) -> str:
    if name.lower() in _FRAMING:
        raise ValueError(f"{name} is set by the probe itself")
    return name


HeaderName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$"), AfterValidator(_header_name)
]
HeaderValue = Annotated[str, Field(max_length=4096), AfterValidator(header_value)]
Address = Annotated[Url, PlainValidator(lambda text: text if isinstance(text, Url) else parse(str(text)))]
"""A setting that holds an http or https address."""


class Auth(Strict):
    """How a request says who it is: `user` with `password` (RFC 7617), or `bearer` (RFC 6750); both name a secret."""

    user: str = ""
    password: SecretName | None = None
    bearer: SecretName | None = None

    @model_validator(mode="after")
    def _one(self) -> "Auth":
        if bool(self.user and self.password) == bool(self.bearer) or ":" in self.user:
            raise ValueError("write either user and password, or bearer; password and bearer are names of secrets")
        return self

    def value(self, context: ProbeContext) -> str:
        """The Authorization header's value. Raises SecretMissing, and ProbeFault SECRET for one no header can hold."""
        if self.bearer:
            return in_header(f"Bearer {context.secret(self.bearer)}", Reason.SECRET)
        pair = f"{self.user}:{context.secret(self.password or '')}"
        return "Basic " + b64encode(pair.encode()).decode("ascii")


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `headers` may hold secrets, so they are in no repr."""

    method: str
    url: Url = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)

    def with_header(self, name: str, value: str) -> "Request":
        """The same request with a header more."""
        return replace(self, headers=(*self.headers, (name, value)))

    def with_body(self, body: bytes) -> "Request":
        """The same request with this body."""
        return replace(self, body=body)

    def moved(self, url: Url, method: str) -> "Request":
        """The request a redirection asks for: on another origin only harmless headers go along, and never a body."""
        home = url.origin == self.url.origin
        headers = self.headers if home else tuple(h for h in self.headers if h[0].lower() in _HARMLESS)
        if method == self.method and home:
            return Request(method, url, headers, self.body)
        return Request(method, url, tuple(h for h in headers if h[0].lower() != "content-type"))

    def raw(self) -> bytes:
        """The bytes to send; the connection is asked to close after the answer."""
        given = {name.lower() for name, _ in self.headers}
        lines = [f"{self.method} {self.url.target} HTTP/1.1"]
        if "host" not in given:
            lines.append(f"Host: {self.url.authority}")
        lines += [f"{name}: {value}" for name, value in _DEFAULTS.items() if name.lower() not in given]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.body or self.method in {"POST", "PUT"}:
            lines.append(f"Content-Length: {len(self.body)}")
        lines += ["Connection: close", "", ""]
        return "\r\n".join(lines).encode("latin-1") + self.body
