"""Whoever is to notice that we are silent: an address outside that expects to hear from us.

The address is itself the key to the watch there, so it may be a secret looked up by name; no fault repeats it.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from monitor.plan.parse import parse
from monitor.plan.part import Part
from monitor.plan.settings import Seconds, SecretName, Strict

_ADDRESS = re.compile(r"https?://(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z.-]+)(?::\d{1,5})?(?:[/?][!-~]*)?")
LONGEST = 500


def is_address(text: str) -> bool:
    """True for an address a sign of life can be sent to: http or https, no user, no fragment."""
    return len(text) <= LONGEST and "#" not in text and _ADDRESS.fullmatch(text) is not None


def _address(text: str) -> str:
    if text and not is_address(text):
        raise ValueError("this is no address; write for instance https://hc.example/ping/… with no user in it")
    return text


class DeadMan(Strict):
    """Where signs of life go (any address of the kind Healthchecks gives), and how often, seconds."""

    url: Annotated[str, AfterValidator(_address), Field(repr=False)] = ""
    secret: SecretName | None = None
    """What the address is looked up by, instead of `url`."""
    every: Annotated[Seconds, Field(ge=2, le=300)] = 60.0
    timeout: Annotated[Seconds, Field(gt=0, le=30)] = 10.0
    fail: bool = False
    """After two turns withheld, say so at `<address>/fail`; otherwise silence is the sign."""

    @model_validator(mode="after")
    def _one(self) -> "DeadMan":
        if bool(self.url) == (self.secret is not None):
            raise ValueError("give either url or secret; write for instance secret: dead_man_url")
        return self


def dead_man(part: Part | None) -> DeadMan | None:
    """The entry `dead_man` of plan.yaml; None where there is none, or it is wrong and has been told."""
    return parse(DeadMan, part) if part is not None else None
