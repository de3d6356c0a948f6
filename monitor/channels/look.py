"""A look at a provider: a harmless GET, and what its answer says of the route.

Only what the route itself would meet with a text counts against it; an answer nobody expected says nothing.
"""

from typing import Annotated, Any

from pydantic import Field

from monitor.channels.answer import Answer, excerpt
from monitor.channels.provider import HttpSettings
from monitor.ports import Health, SecretMissing, Sent

_REFUSES_US = frozenset({401, 402, 403})


class Account(HttpSettings):
    """A provider that is paid in advance."""

    credit_below: Annotated[float, Field(ge=0, le=1e9)] = 100.0
    """Less credit than this, in the account's own currency, is warned of; 0 for an account that is billed."""

    def with_credit(self, credit: float | None) -> Health:
        """How an account is that answered with this credit; None: it was not understood."""
        if credit is None:
            return Health(None, "svarer uden saldo")
        empty = self.credit_below > 0 >= credit
        return Health(not empty, "kontoen er tom" if empty else f"saldo {credit:.2f}", credit)


def trouble(answer: Answer | Sent, *hidden: str) -> Health | None:
    """What stands in the way by this answer; None when nothing does. `hidden` are words that may not be shown."""
    if isinstance(answer, Sent):
        return Health(False, answer.said)
    if answer.status in _REFUSES_US:
        return Health(False, excerpt(f"{answer.status} vores adgang bliver afvist", *hidden))
    if answer.status >= 500:
        return Health(False, f"{answer.status} svarer med fejl")
    return None if answer.status == 200 else Health(None, f"{answer.status} uventet svar")


def account(answer: Answer | Sent, settings: Account, *hidden: str) -> Health:
    """What a question for the account's credit came to."""
    wrong = trouble(answer, *hidden)
    if wrong or isinstance(answer, Sent):
        return wrong or Health(None)
    return settings.with_credit(amount(answer.document().get("credit")))


def answers(answer: Answer | Sent) -> Health:
    """Whether anybody is there at all: gone is bad, there says nothing of what would become of a text."""
    if isinstance(answer, Answer) and answer.status < 500:
        return Health(None, "svarer")
    return trouble(answer) or Health(None)


def without_secret(missing: SecretMissing) -> Health:
    """The health of a route that lacks a secret it sends with."""
    return Health(False, excerpt(f"en hemmelighed mangler: {missing}"))


def amount(value: Any) -> float | None:
    """A sum of money: a number, or text as Danes write it (`9.843,40`); None when it is neither."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = str(value)
    if isinstance(value, str) and "," in text:
        text = text.replace(".", "").replace(",", ".")
    try:
        found = float(text[:32])
    except ValueError:
        return None
    return found if abs(found) < 1e12 else None
