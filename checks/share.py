"""A share of the many, as the configuration writes it: `5 %`. Kept as a number from 0 to 1."""

from typing import Annotated, Any

from pydantic import BeforeValidator


def share(value: Any) -> float:
    """A share from `5 %`. Raises ValueError naming a right example."""
    number, sign, rest = str(value).strip().replace(",", ".").partition("%")
    try:
        found = float(number) / 100
    except ValueError:
        found = -1.0
    if not sign or rest or not 0 <= found <= 1:
        raise ValueError(f"'{str(value)[:40]}' is not a share; write for instance 5 %")
    return found


Share = Annotated[float, BeforeValidator(share)]
