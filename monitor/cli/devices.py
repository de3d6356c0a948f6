"""`devices`: the registry of the fleets. The running service keeps it, so every command asks the service.

A list is taken whole or not at all: a line that is wrong is told with its number, and nothing has been changed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import quote, urlencode

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from monitor.cli import frame, remote
from monitor.plan.device_list import Listed, Sheet, Wrong, sheet
from monitor.plan.device_list import devices as listed
from monitor.plan.settings import seconds
from monitor.settings import ServiceSettings

T = TypeVar("T")

CHUNK = 2_000
PAGE = 5_000
_SHOWN = 100
_HINT = "'omsorgsvagt devices list' names the fleets"

devices = typer.Typer(no_args_is_help=True, help="Devices that report: import, list, enrol, revoke, mute.")

Fleet = Annotated[str, typer.Option("--fleet", help="The fleet's name in systems.yaml.")]


@devices.command("import")
def import_list(
    file: Annotated[Path, typer.Argument(help="CSV with a header: id, cid, critical, interval and attributes.")],
    fleet: Fleet,
    dry_run: Annotated[bool, typer.Option(help="Say what would change, and change nothing.")] = False,
    remove_missing: Annotated[bool, typer.Option(help="Take out devices the file does not name.")] = False,
    config: frame.Config = None,
    as_json: frame.Json = False,
) -> None:
    """Take a list of devices into a fleet; exit 1 when a line is wrong, and then nothing is changed."""
    service = frame.settings(config)
    about = remote.get(service, _of(fleet), _HINT)
    found = sheet(file)
    if isinstance(found, Wrong):
        frame.fail(f"{file}: {found}")
    with _progress() as bar:
        ids, wrong, count = _look(found, about["attributes"], bar)
    if wrong:
        _tell(file, wrong, count)
    with _progress() as bar:
        gone = sorted(_ids(service, fleet, bar) - ids) if remove_missing else []
        _no_accident(len(gone), about["devices"])
        came = _send(service, fleet, _chunks(_good(found, about["attributes"]), len(ids), bar), dry_run)
        came["removed"] = _remove(service, fleet, gone, dry_run)
    came["dry_run"] = dry_run
    would = "would be " if dry_run else ""
    said = f"{fleet}: {came['new']} {would}new, {came['changed']} {would}changed, {came['same']} as before"
    frame.answer(as_json, came, lambda: said + (f", {came['removed']} {would}removed" if remove_missing else ""))


@devices.command("list")
def listing(
    fleet: Annotated[str, typer.Option("--fleet", help="The fleet; without one, the fleets.")] = "",
    state: Annotated[str, typer.Option(help="Only new, ok, late, silent or muted ones.")] = "",
    config: frame.Config = None,
    as_json: frame.Json = False,
) -> None:
    """The devices of a fleet with their states, or the fleets; exit 1 when one of them is silent."""
    service = frame.settings(config)
    if not fleet:
        every = remote.get(service, "/api/v1/fleets", _HINT)["fleets"]
        frame.answer(as_json, every, lambda: "\n".join(map(_fleet_line, every)) or "no fleets in systems.yaml")
        raise typer.Exit(frame.FOUND if any(one["states"].get("silent") for one in every) else frame.FINE)
    found = list(_pages(service, fleet, state))
    frame.answer(as_json, found, lambda: "\n".join(map(_line, found)) or "no devices")
    raise typer.Exit(frame.FOUND if any(one["state"] == "silent" for one in found) else frame.FINE)


@devices.command()
def enrol(
    fleet: str,
    device: Annotated[str, typer.Argument(help="The device; without one the token is for the whole fleet.")] = "",
    note: Annotated[str, typer.Option(help="Who or what it is for.")] = "",
    config: frame.Config = None,
    as_json: frame.Json = False,
) -> None:
    """Make a token to report with. It is shown once, and kept by nobody but who gets it."""
    found = remote.post(frame.settings(config), f"{_of(fleet)}/tokens", {"device": device, "note": note}, _HINT)
    frame.answer(as_json, found, lambda: str(found["token"]))


@devices.command()
def revoke(
    fleet: str,
    device: Annotated[str, typer.Argument(help="The device; without one the tokens of the whole fleet.")] = "",
    config: frame.Config = None,
    as_json: frame.Json = False,
) -> None:
    """Shut the tokens of a fleet or a device at once; exit 1 when there was none."""
    found = remote.post(frame.settings(config), f"{_of(fleet)}/tokens/revoke", {"device": device}, _HINT)
    frame.answer(as_json, found, lambda: f"{found['revoked']} revoked")
    raise typer.Exit(frame.FINE if found["revoked"] else frame.FOUND)


@devices.command()
def mute(
    device: str,
    fleet: Fleet,
    why: Annotated[str, typer.Option(help="Why nobody need hear of it.")],
    span: Annotated[str, typer.Option("--for", help="For how long, for instance 2h; 0s ends it.")],
    config: frame.Config = None,
    as_json: frame.Json = False,
) -> None:
    """Leave a device out for a while: it is not missed, and then it is again."""
    try:
        lasts = seconds(span)
    except ValueError as error:
        frame.fail(f"--for: {error}")
    body = {"device": device, "seconds": lasts, "why": why}
    found = remote.post(frame.settings(config), f"{_of(fleet)}/mute", body, _HINT)
    frame.answer(as_json, found, lambda: f"{device}: muted until {found['until']}" if lasts else f"{device}: not muted")


def _of(fleet: str) -> str:
    return f"/api/v1/fleets/{quote(fleet, safe='')}"


@contextmanager
def _progress() -> Iterator[Progress]:
    # On standard error: the answer alone is on standard output.
    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*shown, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield bar


def _look(found: Sheet, attributes: list[str], bar: Progress) -> tuple[set[str], list[Wrong], int]:
    """The ids of the file's devices, the first lines that are wrong, and how many are."""
    ids: set[str] = set()
    wrong: list[Wrong] = []
    count = 0
    for one in _counted(listed(found, attributes), bar, bar.add_task("reading", total=None)):
        if isinstance(one, Listed):
            ids.add(one.id)
            continue
        count += 1
        if count <= _SHOWN:
            wrong.append(one)
    return ids, wrong, count


def _tell(file: Path, wrong: list[Wrong], count: int) -> None:
    for one in wrong:
        typer.echo(f"{file}: {one}", err=True)
    if count > len(wrong):
        typer.echo(f"{file}: and {count - len(wrong)} more", err=True)
    lines = "line is" if count == 1 else "lines are"
    typer.echo(f"{count} {lines} wrong; nothing was changed", err=True)
    raise typer.Exit(frame.FOUND)


def _no_accident(gone: int, there: int) -> None:
    if gone > 10 and gone * 2 > there:
        frame.fail(
            f"--remove-missing would take out {gone} of {there} devices: is this the whole list? "
            "Nothing was changed. Import it without --remove-missing, or take them out in smaller parts"
        )


def _good(found: Sheet, attributes: list[str]) -> Iterator[Listed]:
    return (one for one in listed(found, attributes) if isinstance(one, Listed))


def _chunks(source: Iterator[Listed], total: int, bar: Progress) -> Iterator[list[Listed]]:
    rest = _counted(source, bar, bar.add_task("importing", total=total))
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def _counted(source: Iterator[T], bar: Progress, task: TaskID) -> Iterator[T]:
    for count, one in enumerate(source, 1):
        if not count % CHUNK:
            bar.update(task, completed=count)
        yield one


def _send(service: ServiceSettings, fleet: str, chunks: Iterator[list[Listed]], dry_run: bool) -> dict[str, Any]:
    came: dict[str, Any] = {"new": 0, "changed": 0, "same": 0}
    for chunk in chunks:
        rows = [
            {"id": d.id, "cid": d.cid, "critical": d.critical, "interval": d.interval, "attributes": dict(d.attributes)}
            for d in chunk
        ]
        found = remote.post(service, f"{_of(fleet)}/devices", {"devices": rows, "dry_run": dry_run}, _HINT)
        for word in came:
            came[word] += found[word]
    return came


def _remove(service: ServiceSettings, fleet: str, gone: list[str], dry_run: bool) -> int:
    if dry_run:
        return len(gone)
    parts = (gone[start : start + CHUNK] for start in range(0, len(gone), CHUNK))
    return sum(remote.post(service, f"{_of(fleet)}/remove", {"ids": part}, _HINT)["removed"] for part in parts)


def _pages(service: ServiceSettings, fleet: str, state: str) -> Iterator[dict[str, Any]]:
    after = -1
    while True:
        query = {"after": after, "limit": PAGE} | ({"state": state} if state else {})
        found = remote.get(service, f"{_of(fleet)}/devices?{urlencode(query)}", _HINT)
        yield from found["devices"]
        if found["next"] is None:
            return
        after = found["next"]


def _ids(service: ServiceSettings, fleet: str, bar: Progress) -> set[str]:
    task = bar.add_task("comparing", total=None)
    return {one["id"] for one in _counted(_pages(service, fleet, ""), bar, task)}


def _fleet_line(one: dict[str, Any]) -> str:
    states = ", ".join(f"{count} {state}" for state, count in one["states"].items() if count)
    return f"{one['name']:<24} {one['title']:<28} {states or 'no devices'}"


def _line(one: dict[str, Any]) -> str:
    about = " ".join(f"{name}={value}" for name, value in one["attributes"].items())
    marks = ", ".join([*one["flags"], *(["critical"] if one["critical"] else [])])
    return f"{one['id']:<24} {one['state']:<7} {one['heard'] or 'never':<21} {about} {marks}".rstrip()
