"""`omsorgsvagt`: run the service, ask it, try a check, look at the plan."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from monitor import __version__
from monitor.cli import frame
from monitor.cli.alarm import alarm
from monitor.cli.database import database
from monitor.cli.incidents import incidents
from monitor.cli.plan import plan
from monitor.cli.status import check, status

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(plan, name="plan", help="The plan: check, show, prove.")
app.add_typer(incidents, name="incidents", help="Incidents: list, show, acknowledge, note, tick a task off.")
app.add_typer(alarm, name="alarm", help="The alarm path.")
app.add_typer(database, name="db", help="The database.")
app.command()(check)
app.command()(status)


@app.command()
def version() -> None:
    """The version that is installed."""
    typer.echo(__version__)


@app.command()
def run(config: frame.Config = None) -> None:
    """Run the service in the foreground (systemd does the rest)."""
    import uvloop

    from monitor import logs
    from monitor.app import Service
    from monitor.watchdog import Watchdog

    chosen = frame.settings(config)
    logs.configure(chosen.log)
    loaded = frame.loaded(config)
    chosen.state.mkdir(parents=True, exist_ok=True)
    watchdog = Watchdog.from_environment(os.environ)
    service = Service(chosen, loaded, frame.secrets(), watchdog)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(service.run())


@app.command()
def demo(
    scene: Annotated[str, typer.Option(help="What to break: nexus, maintenance, phoniro, noedkald or linje.")] = "nexus",
    keep: Annotated[Path | None, typer.Option(help="Keep the demo's files in this folder.")] = None,
    stay: Annotated[bool, typer.Option(help="Leave everything running at the end, to look around.")] = False,
) -> None:
    """Show an outage from fault to phone: lab and service started, one system broken and mended, live."""
    from monitor.cli.demo import play

    raise typer.Exit(play(scene, keep, stay=stay))


def main() -> None:
    """The entry point."""
    app()
