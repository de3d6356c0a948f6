"""What must not be read on a page: numbers, addresses, and the civil registration numbers people write by habit.

Pages and API are open to staff: who has been told is a role there, and a number is never whole.
"""

import re

from monitor.core.plan import ChannelName

_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
# Eight digits as Danish numbers are written, together or in pairs, with or without the country before them.
_PHONE = re.compile(r"(?<![\w+-])(?:(?:\+|00)\d{2} ?)?\d{2} ?\d{2} ?\d{2} ?\d{2}(?![\w-])")
_CPR = re.compile(r"(?<!\d)(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d{2}[- ]?\d{4}(?!\d)")
_DOTS = "••••••"


def masked_address(channel: ChannelName, to: str) -> str:
    """An address nobody can write or call from what is shown: `+45••••••01`, `n••••••@eksempel.example`."""
    if channel is ChannelName.MAIL:
        name, _, domain = to.partition("@")
        return f"{name[:1]}{_DOTS}@{domain}"
    return f"{to[:3]}{_DOTS}{to[-2:]}" if len(to) > 8 else _DOTS


def masked(text: str) -> str:
    """A text without telephone numbers, mail addresses and civil registration numbers."""
    text = _MAIL.sub(f"{_DOTS}@{_DOTS}", text)
    text = _CPR.sub(f"{_DOTS}-••••", text)
    return _PHONE.sub(_DOTS, text)


def holds_cpr(text: str) -> bool:
    """True where the text holds what looks like a civil registration number (DDMMYY-NNNN)."""
    return _CPR.search(text) is not None
