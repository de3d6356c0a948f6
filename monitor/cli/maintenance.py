"""`maintenance`, `mute`, `unmute`: announce what withholds notices. Checks go on, and the end is told once.

The running service keeps it, so every command asks the service. Times are local, as people say them.
"""

from datetime import UTC, datetime, timedelta
from getpass import getuser
from typing import Annotated, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import typer

from monitor.cli import frame, remote
from monitor.clock import Clock
from monitor.plan.settings import seconds

_ZONE = ZoneInfo("Europe/Copenhagen")
"""The time people speak of; the plan stays with the service."""
_PATH = "/api/v1/maintenance"
_HINT = "'omsorgsvagt maintenance list' names what is announced"
_WRITE = 'write for instance "2026-12-01 22:00"'

maintenance = typer.Typer(no_args_is_help=True, help="Announced work: add, list, cancel, extend.")

Ident = Annotated[str, typer.Argument(help="As 'maintenance list' gives it.")]
Who = Annotated[str, typer.Option(help="Who does it.")]
Why = Annotated[str, typer.Option(help="The reason; people read it on the status page and on the timeline.")]
To = Annotated[str, typer.Option(help='The end, in local time: "2026-12-02 02:00".')]
Lasts = Annotated[str, typer.Option("--for", help="How long instead: 2h, 30m.")]
Tell = Annotated[
    str, typer.Option(help="The role told of a critical system's outage meanwhile; else the plan's owner.")
]


@maintenance.command()
def add(
    systems: Annotated[list[str], typer.Argument(help="The systems worked on.")],
    owner: Annotated[str, typer.Option(help="Who answers for the work.")],
    why: Why,
    start: Annotated[str, typer.Option("--from", help="The beginning, in local time; without it, now.")] = "",
    to: To = "",
    lasts: Lasts = "",
    tell: Tell = "",
    config: frame.Config = None,
    as_json: frame.Json = False,
) -> None:
    """Announce work: notices of these systems wait until it ends."""
    begins = _wall(start) if start else Clock().now()
    asked = {"systems": systems, "start": begins, "end": _end(begins, to, lasts), "owner": owner, "reason": why}
    _begin(config, as_json, asked | ({"tell": tell} if tell else {}))


@maintenance.command("list")
def listing(config: frame.Config = None, as_json: frame.Json = False) -> None:
    """What is announced now and five weeks ahead, and what is withheld now; exit 1 while a window holds."""
    found = remote.get(frame.settings(config), _PATH, _HINT)
    frame.answer(as_json, found, lambda: _text(found))
    raise typer.Exit(frame.FOUND if any(one["holds"] for one in found["windows"]) else frame.FINE)


@maintenance.command()
def cancel(ident: Ident, who: Who, config: frame.Config = None, as_json: frame.Json = False) -> None:
    """End it now, or call it off; a window of the plan too."""
    found = remote.act(frame.settings(config), "DELETE", _of(ident), {"who": who}, _HINT)
    frame.answer(as_json, found, lambda: f"{ident}: ended at {_clock(found['window']['end'])}")


@maintenance.command()
def extend(
    ident: Ident, who: Who, to: To = "", lasts: Lasts = "", config: frame.Config = None, as_json: frame.Json = False
) -> None:
    """Let it end at another time, later or earlier; --for counts from now."""
    body = {"who": who, "end": _json(_end(Clock().now(), to, lasts))}
    found = remote.act(frame.settings(config), "PATCH", _of(ident), body, _HINT)
    frame.answer(as_json, found, lambda: f"{ident}: ends at {_clock(found['window']['end'])}")


def mute(
    system: Annotated[str, typer.Argument(help="The system.")],
    why: Why,
    owner: Annotated[str, typer.Option("--who", help="Who answers for it; else whoever is logged in.")] = "",
    lasts: Lasts = "",
    to: To = "",
    tell: Tell = "",
    config: frame.Config = None,
    as_json: frame.Json = False,
) -> None:
    """Withhold one system's notices for a while, seven days at the most."""
    now = Clock().now()
    asked = {"kind": "mute", "systems": [system], "end": _end(now, to, lasts), "reason": why}
    _begin(config, as_json, asked | {"owner": owner or getuser()} | ({"tell": tell} if tell else {}))


def unmute(
    system: Annotated[str, typer.Argument(help="The system.")],
    who: Who,
    config: frame.Config = None,
    as_json: frame.Json = False,
) -> None:
    """End every mute of a system; exit 1 when there is none."""
    settings = frame.settings(config)
    mutes = [
        one
        for one in remote.get(settings, _PATH, _HINT)["windows"]
        if one["kind"] == "mute" and one["holds"] and system in one["systems"]
    ]
    for one in mutes:
        remote.act(settings, "DELETE", _of(one["id"]), {"who": who}, _HINT)
    said = f"{system}: its notices go again" if mutes else f"{system} is not muted"
    frame.answer(as_json, {"system": system, "ended": [one["id"] for one in mutes]}, lambda: said)
    raise typer.Exit(frame.FINE if mutes else frame.FOUND)


def _begin(config: Any, as_json: bool, asked: dict[str, Any]) -> None:
    body = {key: _json(value) if isinstance(value, datetime) else value for key, value in asked.items()}
    found = remote.post(frame.settings(config), _PATH, body | {"source": "cli"}, _HINT)
    window = found["window"]
    names = ", ".join(window["systems"])
    unkept = "" if found["recorded"] else " (not recorded yet: the database cannot be written)"
    said = f"{window['id']}: {names} from {_clock(window['start'])} to {_clock(window['end'])}{unkept}"
    frame.answer(as_json, found, lambda: said)


def _of(ident: str) -> str:
    return f"{_PATH}/{quote(ident, safe='')}"


def _end(begins: datetime, to: str, lasts: str) -> datetime:
    if bool(to) == bool(lasts):
        frame.fail(f"say when it ends, by --to or by --for: {_WRITE}, or 2h")
    if to:
        return _wall(to)
    try:
        return begins + timedelta(seconds=seconds(lasts))
    except (ValueError, OverflowError) as error:
        frame.fail(str(error))


def _wall(text: str) -> datetime:
    """A local time as an instant; one that no clock shows is told."""
    try:
        wall = datetime.fromisoformat(text)
    except ValueError:
        frame.fail(f"'{text[:40]}' is no time: {_WRITE}")
    if wall.tzinfo is None:
        wall = wall.replace(tzinfo=_ZONE)
    instant = wall.astimezone(UTC)
    if instant.astimezone(wall.tzinfo).replace(tzinfo=None) != wall.replace(tzinfo=None):
        frame.fail(f"there is no {text}: the clocks go forward then. Write an hour later")
    return instant


def _json(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _clock(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(_ZONE):%Y-%m-%d %H:%M}"


def _text(found: dict[str, Any]) -> str:
    lines = [
        f"{one['id']}  {_clock(one['start'])} to {_clock(one['end'])}{' NOW' if one['holds'] else ''}  "
        f"{one['kind']} {', '.join(one['systems'])}: {one['reason']} ({one['owner']}, {one['source']})"
        for one in found["windows"]
    ]
    for one in found["withheld"]:
        until = f" until {_clock(one['until'])}" if one["until"] else ""
        lines.append(f"withheld: {one['incident']} {one['system']}{until}: {one['why']} ({one['owner']})")
    return "\n".join(lines) or "nothing is announced, nothing is withheld"
