"""What every command shares: its options, its exit codes, and how an error is told to an operator.

An error says what is wrong and how to mend it on standard error, and nothing else; the answer is on standard output.
"""

import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from monitor.clock import Clock
from monitor.secrets import Secrets

if TYPE_CHECKING:
    from monitor.plan.load import Loaded
    from monitor.settings import ServiceSettings

FINE, FOUND, COULD_NOT = 0, 1, 2
_DATABASE = "OMSORGSVAGT_DATABASE_URL"
_SETTINGS = {
    _DATABASE: "Write sqlite+aiosqlite:///FILE or postgresql+asyncpg://USER:PASSWORD@HOST/NAME",
    "OMSORGSVAGT_LISTEN": "Write an address and a port, for instance 127.0.0.1:8424",
    "OMSORGSVAGT_LOG": "Write json or text",
    "OMSORGSVAGT_KEEP_DAYS": "Write a number of days, at least 30",
    "OMSORGSVAGT_PUBLIC_URL": "Write the address people open, for instance https://vagt.eksempel.example",
}
"""How to mend what the environment says of the service."""

Config = Annotated[Path | None, typer.Option("--config", help="The configuration folder.", show_default="config")]
Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]


def settings(config: Path | None) -> "ServiceSettings":
    """The service's settings, with the folder the command names; or an end that says what is wrong."""
    from pydantic import ValidationError

    from monitor.settings import ServiceSettings

    try:
        found = ServiceSettings()
    except ValidationError as error:
        fail("\n".join(_setting_fault(one["loc"][0], one["input"]) for one in error.errors()))
    return found if config is None else found.model_copy(update={"config": config})


def _setting_fault(place: int | str, given: Any) -> str:
    name = str(place) if str(place).isupper() else f"OMSORGSVAGT_{str(place).upper()}"
    shown = "what is given" if name == _DATABASE else f"'{str(given)[:80]}'"
    return f"{name}: {shown} cannot be used. {_SETTINGS.get(name, 'Correct it, or leave it out')}"


def secrets() -> Secrets:
    """Secrets as the service finds them."""
    return Secrets(os.environ)


def today() -> date:
    """The local day; rosters and holidays are worked out around it."""
    return Clock().now().astimezone().date()


def loaded(config: Path | None, *, prove: bool = False, day: date | None = None) -> "Loaded":
    """The configuration, or an end with every fault told."""
    from monitor.build import read
    from monitor.plan.faults import PlanFaults

    folder = settings(config).config
    if not folder.is_dir():
        fail(f"{folder}: there is no such folder. Name the configuration folder with --config DIR")
    try:
        return read(folder, day or today(), prove=prove)
    except PlanFaults as faults:
        for fault in faults.faults:
            typer.echo(str(fault), err=True)
        count = len(faults.faults)
        fail(f"{count} {'fault' if count == 1 else 'faults'}; nothing was loaded")


def fail(text: str) -> NoReturn:
    """Could not run: say why, exit 2."""
    typer.echo(text, err=True)
    raise typer.Exit(COULD_NOT)


def answer(as_json: bool, data: Any, text: Callable[[], str]) -> None:
    """The answer, for a machine or for a person."""
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2, default=str) if as_json else text())
