"""`incidents`: reads the database, so it answers with the service down too; acting goes through the service."""

import asyncio
from typing import Annotated, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import typer

from monitor.cli import frame, remote
from monitor.core import words
from monitor.core.records import Incident
from monitor.engine.compose import say
from monitor.ports import StoreFault
from monitor.settings import ServiceSettings
from monitor.store.store import Store

_ZONE = ZoneInfo("Europe/Copenhagen")
"""The time people speak of; read without the plan, so that a plan with faults does not hide an incident."""

incidents = typer.Typer(no_args_is_help=True, help="Incidents: list, show, acknowledge, note, tick a task off, close.")

Number = Annotated[str, typer.Argument(help="The incident's number, for instance 26-0007.")]
Who = Annotated[str, typer.Option(help="Who does it; stands on the timeline.")]


@incidents.command("list")
def listing(limit: int = 20, config: frame.Config = None, as_json: frame.Json = False) -> None:
    """The newest incidents, newest first; exit 1 while one is open."""
    found = asyncio.run(_read(frame.settings(config), lambda store: store.incidents(limit)))
    frame.answer(as_json, [_data(i) for i in found], lambda: "\n".join(map(_line, found)) or "no incidents")
    raise typer.Exit(frame.FOUND if any(i.active for i in found) else frame.FINE)


@incidents.command()
def show(number: Number, config: frame.Config = None, as_json: frame.Json = False) -> None:
    """One incident with its timeline and tasks."""
    incident, (lines, notices, tasks) = asyncio.run(_read(frame.settings(config), _story(number)))
    data = _data(incident) | {
        "timeline": [
            {"at": ln.at.isoformat(), "entry": ln.entry.value, "text": ln.text, "reason": ln.reason} for ln in lines
        ],
        "notices": [
            {"kind": n.kind.value, "person": n.person, "channel": n.channel.value, "state": n.state.value}
            for n in notices
        ],
        "tasks": [{"task": t.task, "done": t.done and t.done.isoformat(), "done_by": t.done_by} for t in tasks],
    }
    head = [_line(incident)]
    body = [f"  {ln.at.astimezone(_ZONE):%d/%m %H:%M:%S}  {say(ln)}" for ln in lines]
    todo = [f"  [{'x' if t.done else ' '}] {t.task} {t.done_by}".rstrip() for t in tasks]
    frame.answer(as_json, data, lambda: "\n".join([*head, *body, *todo]))


@incidents.command()
def ack(
    number: Number,
    who: Who,
    state: Annotated[str, typer.Option(help="seen, working or fallback.")] = "seen",
    config: frame.Config = None,
    as_json: frame.Json = False,
) -> None:
    """Somebody has it: reminders and the unacknowledged steps stop; the incident stays open."""
    found = remote.post(frame.settings(config), _of(number, "acknowledge"), {"who": who, "state": state})
    frame.answer(as_json, found, lambda: f"{number}: acknowledged by {who}")


@incidents.command()
def note(number: Number, text: str, who: Who, config: frame.Config = None, as_json: frame.Json = False) -> None:
    """Put a note on the timeline."""
    found = remote.post(frame.settings(config), _of(number, "note"), {"who": who, "text": text})
    frame.answer(as_json, found, lambda: f"{number}: noted")


@incidents.command()
def done(number: Number, task: str, who: Who, config: frame.Config = None, as_json: frame.Json = False) -> None:
    """Tick a task off."""
    found = remote.post(frame.settings(config), _of(number, "tasks", task, "done"), {"who": who})
    frame.answer(as_json, found, lambda: f"{number}: {task} done")


@incidents.command()
def resolve(number: Number, who: Who, config: frame.Config = None, as_json: frame.Json = False) -> None:
    """Close an incident whose system is up again."""
    found = remote.post(frame.settings(config), _of(number, "resolve"), {"who": who})
    frame.answer(as_json, found, lambda: f"{number}: closed by {who}")


def _of(*parts: str) -> str:
    """The address of something of an incident; what was typed stays one part of it."""
    return "/api/v1/incidents/" + "/".join(quote(part, safe="") for part in parts)


def _story(number: str) -> Any:
    async def read(store: Store) -> Any:
        incident = await store.incident(number)
        if incident is None:
            frame.fail(f"there is no incident {number}. 'omsorgsvagt incidents list' names them")
        return incident, await store.story(incident.id)

    return read


async def _read(settings: ServiceSettings, ask: Any) -> Any:
    # Whoever looks must not make an empty database in the service's place, which then could not write to it.
    if not settings.database_url and not settings.file.is_file():
        frame.fail(f"{settings.file}: there is no database. Set STATE_DIRECTORY to the service's state folder")
    store = Store(settings.database)
    try:
        await store.open()
        return await ask(store)
    except StoreFault as fault:
        frame.fail(f"the database cannot be read: {fault}. Set STATE_DIRECTORY or OMSORGSVAGT_DATABASE_URL")
    finally:
        await store.close()


def _line(incident: Incident) -> str:
    state = "open" if incident.active else "recovered" if incident.open else "closed"
    began = f"{incident.began.astimezone(_ZONE):%Y-%m-%d %H:%M}"
    severity = words.SEVERITIES[incident.severity]
    return f"{incident.number}  {began}  {incident.system:<14} {severity:<10} {state:<10} {incident.cause}"


def _data(incident: Incident) -> dict[str, Any]:
    return {
        "number": incident.number,
        "system": incident.system,
        "severity": incident.severity.word,
        "began": incident.began.isoformat(),
        "detected": incident.detected.isoformat(),
        "acknowledged": incident.first_acknowledged and incident.first_acknowledged.isoformat(),
        "acknowledged_by": incident.acknowledged_by,
        "recovered": incident.recovered and incident.recovered.isoformat(),
        "closed": incident.closed and incident.closed.isoformat(),
        "human": incident.human.value,
        "unstable": incident.unstable,
        "cause": incident.cause,
    }
