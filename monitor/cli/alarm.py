"""`alarm test`: a practised message to one person over every way there is, each answer told."""

import asyncio
from typing import Annotated, Any

import typer

from monitor.build import material
from monitor.cli import frame
from monitor.clock import Clock
from monitor.core import words
from monitor.core.plan import ChannelName, Person, PersonId, RouteInfo
from monitor.core.reasons import Kind
from monitor.engine.engine import Material
from monitor.ports import Message, SendOutcome, Sent

alarm = typer.Typer(no_args_is_help=True, help="The alarm path.")


@alarm.command()
def test(
    to: Annotated[str, typer.Option(help="The person in plan.yaml who gets it.")],
    route: Annotated[str, typer.Option(help="One route only; else every route.")] = "",
    config: frame.Config = None,
    as_json: frame.Json = False,
) -> None:
    """Send a test alarm (PRØVEALARM) and say what each way answered; exit 1 when one did not take it."""
    loaded = frame.loaded(config)
    person = loaded.plan.people.get(PersonId(to))
    if person is None:
        frame.fail(f"there is no person '{to}'. The plan's people are: {', '.join(loaded.plan.people)}")
    routes = [r for r in loaded.plan.routes if route in ("", r.name) and person.address(r.channel)]
    if not routes:
        frame.fail(f"no route '{route}' reaches {to}. The routes are: {', '.join(r.name for r in loaded.plan.routes)}")
    ways = material(loaded, frame.secrets(), Clock())
    found = asyncio.run(_send(ways, person, routes))
    data = [{"route": r.name, "channel": r.channel.value, "outcome": s.outcome.value, "said": s.said} for r, s in found]
    frame.answer(as_json, data, lambda: "\n".join(f"{d['route']:<16} {d['outcome']:<10} {d['said']}" for d in data))
    good = all(sent.outcome is SendOutcome.ACCEPTED for _, sent in found)
    raise typer.Exit(frame.FINE if good else frame.FOUND)


async def _send(ways: Material, person: Person, routes: list[RouteInfo]) -> list[tuple[RouteInfo, Sent]]:
    found = []
    clock = Clock()
    now = clock.now()
    facts: dict[str, Any] = {"at": words.clock(now, now, ways.plan.calendar.zone)}
    for route in routes:
        text = ways.texts.render(Kind.TEST, ChannelName(route.channel), facts)
        message = Message(clock.new_id(), person.address(route.channel), text.body, text.subject, urgent=False)
        channel = ways.channels.get(route.name)
        if channel is None:
            found.append((route, Sent(SendOutcome.BROKEN, "the route could not be built: a secret is missing")))
            continue
        try:
            async with asyncio.timeout(route.timeout + 1):
                found.append((route, await channel.send(message)))
        except TimeoutError:
            found.append((route, Sent(SendOutcome.UNKNOWN, f"no answer within {route.timeout:g} s")))
    for channel in ways.channels.values():
        await channel.close()
    return found
