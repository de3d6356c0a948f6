"""`omsorgsvagt`: run the service, ask it, try a check, look at the plan.

A command's module is loaded when that command is called: the service must not carry what the others need.
"""

import gc
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from monitor import __version__
from monitor.cli import frame

_ELSEWHERE = {
    "plan": "monitor.cli.plan:plan",
    "incidents": "monitor.cli.incidents:incidents",
    "devices": "monitor.cli.devices:devices",
    "maintenance": "monitor.cli.maintenance:maintenance",
    "mute": "monitor.cli.maintenance:mute",
    "unmute": "monitor.cli.maintenance:unmute",
    "alarm": "monitor.cli.alarm:alarm",
    "db": "monitor.cli.database:database",
    "check": "monitor.cli.status:check",
    "status": "monitor.cli.status:status",
}
"""Command → module and what in it: a group of commands, or one command's function."""


class _Commands(TyperGroup):
    """The commands of this module, and those that are loaded when they are called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All of them, in the order shown."""
        return [*super().list_commands(ctx), *_ELSEWHERE]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name; None when there is none."""
        place = _ELSEWHERE.get(cmd_name)
        return super().get_command(ctx, cmd_name) if place is None else _load(cmd_name, place)


def _load(name: str, place: str) -> Any:
    module, _, attribute = place.partition(":")
    found = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        command: Any = typer.main.get_group(found)
    else:
        alone = typer.Typer(add_completion=False)
        alone.command()(found)
        command = typer.main.get_command(alone)
    command.name = name
    return command


app = typer.Typer(cls=_Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.command()
def run(config: frame.Config = None) -> None:
    """Run the service in the foreground (systemd does the rest)."""
    # What is made while starting stays; looking for garbage in it took a fifth of the time. `serve` turns it on again.
    gc.disable()
    # structlog and httpx take rich along where they can, for a terminal the service has not: 40 ms and 4 MB (measured).
    # None here is the import system's own word for "not to be found" (Python reference, 5.3.1).
    sys.modules["rich"] = None  # type: ignore[assignment]
    from monitor.cli.run import serve

    serve(frame.settings(config))


@app.command()
def demo(
    scene: Annotated[
        str, typer.Option(help="What breaks: nexus, maintenance, phoniro, noedkald, operator or linje.")
    ] = "nexus",
    keep: Annotated[Path | None, typer.Option(help="Keep the demo's files in this folder.")] = None,
    stay: Annotated[bool, typer.Option(help="Leave everything running at the end, to look around.")] = False,
) -> None:
    """Show an outage from fault to phone: lab and service started, one system broken and mended, live."""
    from monitor.cli.demo import play

    raise typer.Exit(play(scene, keep, stay=stay))


@app.command()
def version(as_json: frame.Json = False) -> None:
    """The version that is installed."""
    frame.answer(as_json, {"version": __version__}, lambda: __version__)


def main() -> None:
    """The entry point."""
    app()
