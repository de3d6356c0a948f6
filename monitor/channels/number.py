"""Telephone numbers, sender names and references, in the forms the SMS providers take.

Numbers inside are E.164 with its plus; only the last step to a provider writes them otherwise.
"""

import hashlib
import hmac
import re
from typing import Annotated

from pydantic import Field

Sender = Annotated[str, Field(pattern=r"^(\+?[0-9]{3,15}|[0-9A-Za-z][0-9A-Za-z ._&-]{0,10})$")]
"""What the receiver sees as sender: at most 11 letters and digits (cannot be replied to), or a number."""

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_PLAIN = re.compile(r"[0-9A-Za-z._-]+")


def is_number(number: str) -> bool:
    """Whether it is an E.164 number with its plus (ITU-T E.164: at most 15 digits)."""
    return _E164.fullmatch(number) is not None


def digits(number: str) -> str:
    """The number without its plus: the msisdn most providers take."""
    return number.lstrip("+")


def forms(number: str) -> tuple[str, ...]:
    """The ways a provider may write the number back, longest first; none of them may stand in a log."""
    bare = digits(number)
    return (bare, bare[-8:]) if len(bare) > 8 else (bare,)


def reference(key: str, longest: int = 64) -> str:
    """What a provider is given as our reference: the key where it fits in `longest` plain characters, else its digest.

    The same key always gives the same reference, so a receipt can be matched, and a key that holds more than letters,
    digits and `._-` (a person's id, a slash) does not reach the provider.
    """
    if len(key) <= longest and _PLAIN.fullmatch(key):
        return key
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[: min(longest, 32)]


def receipt_token(secret: str, route: str, ident: str) -> str:
    """What a receipt's address carries to show that it is one of ours: made with a secret, for one text alone.

    The address stands in the logs of whoever calls it, so it holds nothing that opens another text's receipt.
    """
    return hmac.digest(secret.encode(), f"{route}/{ident}".encode(), "sha256").hex()[:32]
