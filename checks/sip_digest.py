"""Digest access authentication (RFC 7616, RFC 2617, for SIP RFC 3261 §22 and RFC 8760): from a challenge to an answer.

The first challenge that can be met is met, as the server ordered them; one not fully understood is passed over.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from monitor.core import sip

ANSWERED_BY: Final = {
    401: ("WWW-Authenticate", "Authorization"),
    407: ("Proxy-Authenticate", "Proxy-Authorization"),
}
"""By status: the header that holds challenges, and the one the answer goes in."""
_LONGEST: Final = 512
_PARAM: Final = re.compile(r'\s*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))\s*(?:,|$)', re.ASCII)
_HASHES: Final = {
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
}
_SESSION: Final = "-SESS"


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are to the server."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Asking:
    """The request that an answer is made for; `cnonce` is fresh each time."""

    method: str
    uri: str
    body: bytes
    cnonce: str


def answer(refused: sip.Response, login: Login, asking: Asking) -> tuple[str, str] | None:
    """The header that answers a 401 or 407; None where no challenge of it can be met."""
    asked_in, answered_in = ANSWERED_BY[refused.status]
    found = (_answered(challenge, login, asking) for challenge in _challenges(refused.all(asked_in)))
    value = next(filter(None, found), None)
    return (answered_in, value) if value else None


def _challenges(headers: Iterable[str]) -> Iterable[Mapping[str, str]]:
    """Parameters by lower-case name. In SIP each header holds one challenge (RFC 3261 §20.44)."""
    for header in headers:
        scheme, _, rest = header.partition(" ")
        params = _params(rest) if scheme.lower() == "digest" else None
        if params and "realm" in params and "nonce" in params:
            yield params


def _params(text: str) -> dict[str, str] | None:
    """None where something else stands between the parameters, one comes twice, or one is too long."""
    params: dict[str, str] = {}
    place = 0
    while place < len(text):
        found = _PARAM.match(text, place)
        if not found or found[1].lower() in params or len(found[2] or found[3] or "") > _LONGEST:
            return None
        # The text between the quotes as it stands is both what is hashed and what is sent back (RFC 7616 §3.4).
        params[found[1].lower()] = found[2] if found[2] is not None else found[3]
        place = found.end()
    return params


def _answered(challenge: Mapping[str, str], login: Login, asking: Asking) -> str | None:
    algorithm = challenge.get("algorithm", "MD5")
    hashed = _HASHES.get(algorithm.upper().removesuffix(_SESSION))
    qop = _protection(challenge)
    if hashed is None or qop is None:
        return None
    said = {
        "username": f'"{login.user}"',
        "realm": f'"{challenge["realm"]}"',
        "nonce": f'"{challenge["nonce"]}"',
        "uri": f'"{asking.uri}"',
        "response": f'"{_response(challenge, login, asking, qop, hashed)}"',
    }
    if "algorithm" in challenge:
        said["algorithm"] = algorithm
    if "opaque" in challenge:
        said["opaque"] = f'"{challenge["opaque"]}"'
    if qop or algorithm.upper().endswith(_SESSION):
        said["cnonce"] = f'"{asking.cnonce}"'
    if qop:
        said |= {"qop": qop, "nc": "00000001"}
    return "Digest " + ", ".join(f"{name}={value}" for name, value in said.items())


def _protection(challenge: Mapping[str, str]) -> str | None:
    """The `qop` to use: '' where none is offered (RFC 2617), None where none that is offered is known."""
    offered = [one.strip().lower() for one in challenge.get("qop", "").split(",") if one.strip()]
    return next((one for one in ("auth", "auth-int") if one in offered), None) if offered else ""


def _response(
    challenge: Mapping[str, str], login: Login, asking: Asking, qop: str, hashed: Callable[[bytes], str]
) -> str:
    """RFC 7616 §3.4.1–3.4.3."""

    def joined(*parts: str) -> str:
        return hashed(":".join(parts).encode())

    nonce = challenge["nonce"]
    secret = joined(login.user, challenge["realm"], login.password)
    if challenge.get("algorithm", "").upper().endswith(_SESSION):
        secret = joined(secret, nonce, asking.cnonce)
    entity = (hashed(asking.body),) if qop == "auth-int" else ()
    request = joined(asking.method, asking.uri, *entity)
    return joined(secret, nonce, *(("00000001", asking.cnonce, qop) if qop else ()), request)
