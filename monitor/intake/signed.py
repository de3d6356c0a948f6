"""GatewayAPI's signatures: the classic API's `X-Gwapi-Signature`, a JSON Web Token (RFC 7519) whose claims repeat the
body, and the current API's `Signature`, a digest of the body as it is.

Only HS256 (RFC 7518 §3.2) and `v1` (HMAC-SHA-256 in hex) are known here, whatever a call says of itself; what is not
signed is not read.
"""

import base64
import binascii
import hmac
import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

LONGEST = 8 * 1024
_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
"""RFC 7515 §2 and §7.1: three parts in base64url without padding."""


class Unsigned(ValueError):
    """No token, a broken one, or one signed with another secret. The text never holds any of it."""


def claims(token: str, secret: str) -> Mapping[str, Any]:
    """What a token claims. Raises Unsigned; an empty secret opens nothing."""
    if not secret:
        raise Unsigned("no secret")
    if len(token) > LONGEST or _TOKEN.fullmatch(token) is None:
        raise Unsigned("no token")
    signed, _, signature = token.rpartition(".")
    head, _, body = signed.partition(".")
    expected = hmac.digest(secret.encode(), signed.encode(), sha256)
    # Compared before anything is read: a stranger's token reaches no parser.
    if not hmac.compare_digest(_decoded(signature), expected):
        raise Unsigned("signature")
    if _object(head).get("alg") != "HS256":
        raise Unsigned("algorithm")
    return _object(body)


def sealed(body: bytes, signature: str, secret: str) -> Mapping[str, Any]:
    """The JSON object a signed body holds. Raises Unsigned; an empty secret opens nothing."""
    if not secret:
        raise Unsigned("no secret")
    expected = f"v1={hmac.digest(secret.encode(), body, sha256).hex()}"
    if not hmac.compare_digest(signature.encode("utf-8", "replace"), expected.encode()):
        raise Unsigned("signature")
    return _read(body)


def _decoded(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unsigned("encoding") from error


def _object(part: str) -> dict[str, Any]:
    return _read(_decoded(part))


def _read(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Unsigned("content") from error
    if not isinstance(found, dict):
        raise Unsigned("content")
    return found
