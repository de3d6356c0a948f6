"""What a provider answered, and what that means: every answer and every network fault becomes a `Sent` here.

Only what surely was not sent is called so; all else is unknown, and unknown is repeated by another route.
"""

import json
import re
import ssl
from dataclasses import dataclass
from typing import Any

import httpx

from monitor.ports import SecretMissing, SendOutcome, Sent

_SAID = 120
_MERE_BREAKS = (
    ssl.SSLEOFError,
    ssl.SSLZeroReturnError,
    ssl.SSLSyscallError,
    ssl.SSLWantReadError,
    ssl.SSLWantWriteError,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status and what was read of the body; `whole` is false when the rest was cut off, dropped or too long."""

    status: int
    body: bytes
    whole: bool

    @property
    def text(self) -> str:
        """The body as text; what is no text is replaced."""
        return self.body.decode("utf-8", "replace")

    def document(self) -> dict[str, Any]:
        """The body as a JSON object; empty when it is none or was cut off."""
        try:
            found = json.loads(self.body) if self.whole else None
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


_BY_STATUS = {
    **dict.fromkeys((400, 413, 414, 422, 431), SendOutcome.REJECTED),
    **dict.fromkeys((408, 425, 429), SendOutcome.TEMPORARY),
    **dict.fromkeys((501, 505, 511), SendOutcome.BROKEN),
    504: SendOutcome.UNKNOWN,
}


def by_status(status: int) -> SendOutcome:
    """What a status means where the provider says nothing better (RFC 9110 §15).

    A 504 comes from something in front that did hand the text on: unknown. A 502 mostly means that it could not. An
    unlisted 4xx and a redirect are about how we ask, not about this text: broken. An unlisted success is no promise.
    """
    known = _BY_STATUS.get(status)
    if known is not None:
        return known
    if status >= 500:
        return SendOutcome.TEMPORARY
    return SendOutcome.BROKEN if status >= 300 else SendOutcome.UNKNOWN


def unanswered(fault: Exception, handed_over: bool) -> Sent:
    """The outcome of a try that ended by a fault instead of an answer."""
    late = isinstance(fault, TimeoutError | httpx.TimeoutException)
    if handed_over:
        said = "intet svar inden for tiden" if late else "forbindelsen faldt, før svaret kom"
        return Sent(SendOutcome.UNKNOWN, said)
    if tls_refused(fault):
        return Sent(SendOutcome.BROKEN, excerpt(f"den sikre forbindelse kan ikke oprettes: {fault}"))
    if isinstance(fault, ValueError | httpx.LocalProtocolError):
        return Sent(SendOutcome.BROKEN, "opsætningen giver en besked, der ikke kan sendes")
    return Sent(SendOutcome.TEMPORARY, "ingen forbindelse inden for tiden" if late else "ingen forbindelse")


def tls_refused(fault: BaseException | None) -> bool:
    """Whether TLS itself refused (certificate, name, version), here or in a cause; a mere break does not count."""
    while fault is not None:
        if isinstance(fault, ssl.SSLError) and not isinstance(fault, _MERE_BREAKS):
            return True
        fault = fault.__cause__ or fault.__context__
    return False


def excerpt(text: str, *hidden: str) -> str:
    """At most 120 printable characters on one line, with the hidden words (numbers, addresses, secrets) left out."""
    short = text[: 4 * _SAID]
    if short.lstrip().startswith("<"):
        return "en HTML-side"
    for word in hidden:
        if word:
            short = re.sub(re.escape(word), "...", short, flags=re.IGNORECASE)
    return " ".join("".join(c if c.isprintable() else " " for c in short).split())[:_SAID]


def lacking(missing: SecretMissing) -> Sent:
    """The outcome when a secret the route needs is in no place secrets come from."""
    return Sent(SendOutcome.BROKEN, excerpt(f"en hemmelighed mangler: {missing}"))
