"""Small kinds and ways for loading a plan without the real ones, and the loading itself."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from monitor.plan.load import Aids, Loaded, load
from monitor.plan.settings import CheckSettings, RouteSettings, Seconds, SecretName, Strict

GOOD = Path(__file__).parent / "good"
TODAY = date(2026, 3, 1)


class Expect(Strict):
    status: int = 200


class Look(CheckSettings):
    kind: Literal["look"]
    url: str
    token: SecretName | None = None
    degraded_over: Seconds | None = None
    expect: Expect = Expect()
    headers: dict[str, str] = Field(default_factory=dict)


class Text(RouteSettings):
    via: Literal["text"] = "text"
    password: SecretName = "text_password"


class Letter(RouteSettings):
    via: Literal["letter"] = "letter"
    letter: Annotated[str, Field(min_length=3)]


KINDS: dict[str, type[CheckSettings]] = {"look": Look}
VIAS: dict[str, tuple[str, type[RouteSettings]]] = {"text": ("sms", Text), "letter": ("mail", Letter)}
AIDS = Aids(tuple(KINDS), tuple(VIAS), texts=False)


def loaded(folder: Path, today: date = TODAY, aids: Aids = AIDS) -> Loaded:
    return load(folder, KINDS.__getitem__, VIAS.__getitem__, today, aids)
