"""`demo`: the real service before a lab of stand-ins; one system is broken and mended, and what happens is shown.

Nothing is acted out: what is printed is read from the service's own API and from the lab's phones, as it happens.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from rich.markup import escape
from rich.panel import Panel

from monitor.build import read
from monitor.cli.scenes import SCENES, Scene
from monitor.cli.stage import LAB, console, lab_running, service_running
from monitor.clock import Clock
from monitor.core.plan import Plan

_LOOK = 0.1
_READ = 3.0
"""Seconds left to a reader between the acts."""
_PATIENCE = 40.0
_COLOURS = {"up": "green", "down": "bold red", "degraded": "yellow", "unknown": "magenta"}


def play(scene: str, keep: Path | None, *, stay: bool = False) -> int:
    """Play one scene. 0 when the alarm and the all-clear reached a phone, 1 when not, 2 when it could not start."""
    if scene not in SCENES:
        console.print(f"there is no scene '{scene}'. The scenes are: {', '.join(SCENES)}")
        return 2
    if not LAB.is_dir():
        console.print("the lab is not here: the demo runs from a checkout of the project")
        return 2
    with TemporaryDirectory(prefix="omsorgsvagt-demo-") as folder:
        where = keep or Path(folder)
        where.mkdir(parents=True, exist_ok=True)
        played = False
        try:
            asyncio.run(_play(SCENES[scene], where, stay))
            played = True
        except* (TimeoutError, RuntimeError, httpx.HTTPError) as group:
            said = "; ".join(str(error) or type(error).__name__ for error in group.exceptions)
            console.print(f"[bold red]The demo stopped:[/] {escape(said)}")
            log = where / "service.log"
            console.print(log.read_text(encoding="utf-8")[-4000:] if log.exists() else "", markup=False)
        return 0 if played else 1


async def _play(scene: Scene, where: Path, stay: bool) -> None:
    async with lab_running(where) as lab, service_running(where, lab) as service, asyncio.TaskGroup() as group:
        show = Show(service, lab, read(where / "config", Clock().now().date()).plan)
        watching = [group.create_task(show.follow_states()), group.create_task(show.follow_phones())]
        number = await show.act(scene)
        for task in watching:
            task.cancel()
        await show.end(number)
        if stay:
            console.print("\nEverything goes on running. Ctrl-C ends it.")
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()


class Show:
    """Prints what is new, as the service and the lab tell it."""

    def __init__(self, service: httpx.AsyncClient, lab: httpx.AsyncClient, plan: Plan) -> None:
        self.people = {person.sms: person.name for person in plan.people.values()}
        self.zone = plan.calendar.zone
        self.service = service
        self.lab = lab
        self.status: dict[str, Any] = {}
        self.texts: list[dict[str, Any]] = []
        self.stories: dict[str, dict[str, Any]] = {}
        self._states: dict[str, str] = {}
        self._said: set[tuple[str, str]] = set()
        self._news = asyncio.Event()
        self._broken = False
        self._began = Clock().monotonic()

    def say(self, text: str) -> None:
        """One line, with the seconds since the beginning."""
        console.print(f"[dim]{Clock().monotonic() - self._began:6.2f} s[/]  {text}")

    async def act(self, scene: Scene) -> str:
        """The scene itself; gives the incident's number."""
        await self.until(self._all_up, "every check to be well")
        period = self.status["period"]["name"]
        checks = sum(len(s["checks"]) for s in self.status["systems"])
        self.say(f"[green]Everything is up[/]: {checks} checks. The plan's period is now [bold]{period}[/].\n")
        await asyncio.sleep(_READ)
        self.say(f"[bold]BREAK[/]  {scene.told}")
        self._broken = True
        await self.lab.post(f"/break/{scene.stand_in}/{scene.how}")
        await self.until(lambda: len(self.texts) > 0, "an SMS")
        number = await self._number(scene.system)
        await self.until(self._settled, "every notice to be sent")
        await asyncio.sleep(_READ)
        who = self.stories[number]["notices"][0]["role"]
        body = {"who": who, "state": "working"}
        self.say(f"[bold]ANSWER[/]  {who} takes it: omsorgsvagt incidents ack {number} --who '{who}' --state working")
        (await self.service.post(f"/api/v1/incidents/{number}/acknowledge", json=body)).raise_for_status()
        await asyncio.sleep(_READ)
        before = len(self.texts)
        self.say(f"[bold]MEND[/]   {scene.stand_in}")
        await self.lab.post("/mend")
        await self.until(lambda: any("OPPE IGEN" in t["text"] for t in self.texts[before:]), "the all-clear")
        # The last of them may have been decided after the last look.
        await asyncio.sleep(_READ)
        await self.until(self._settled, "every all-clear to be sent")
        return number

    async def end(self, number: str) -> None:
        """What is left to look at."""
        base = str(self.service.base_url)
        mails = len((await self.lab.get("/mails")).json())
        self.say(f"[green]All clear.[/] {len(self.texts)} SMS and {mails} by mail in all.\n")
        console.print(f"[bold]The timeline of {number}[/] (omsorgsvagt incidents show {number})")
        story = (await self.service.get(f"/api/v1/incidents/{number}")).json()
        for line in story["timeline"]:
            console.print(f"  {_local(line['at'], self.zone)}  {_said(line)}", markup=False)
        metrics = (await self.service.get("/metrics")).text.splitlines()
        wanted = ("fault_to_accepted_seconds_sum", "incidents_total{", "notices_total{")
        console.print("\n[bold]What Prometheus sees[/]")
        for line in metrics:
            if line.removeprefix("omsorgsvagt_").startswith(wanted):
                console.print(f"  {line}", markup=False)
        console.print(f"\nPages {base}/  {base}/tavle  {base}/incidents/{number}   Metrics {base}/metrics")
        console.print("These answered while the demo ran; 'make demo STAY=1' keeps everything running to look around.")

    def _all_up(self) -> bool:
        care = [s for s in self.status.get("systems", ()) if not s["own"]]
        return bool(care) and all(c["state"] == "up" for s in care for c in s["checks"])

    def _settled(self) -> bool:
        stories = self.stories.values()
        return bool(stories) and not any(n["state"] == "queued" for story in stories for n in story["notices"])

    async def _number(self, system: str) -> str:
        def mine() -> list[str]:
            return [i["number"] for i in self.status["incidents"] if i["system"] == system]

        await self.until(lambda: bool(mine()), "the incident")
        return mine()[0]

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait for something to be seen. Raises TimeoutError naming it."""
        try:
            async with asyncio.timeout(_PATIENCE):
                while not holds():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise TimeoutError(f"waited {_PATIENCE:g} s for {what}") from None

    async def follow_states(self) -> None:
        """Print each change of a check's and a system's state, and each new line of an incident's timeline."""
        while True:
            self.status = (await self.service.get("/api/v1/status")).json()
            for system in self.status["systems"]:
                for check in system["checks"]:
                    self._state(check["name"], "check", check["title"], check["state"], check["words"])
                self._state(system["name"], "system", system["title"], system["state"], system["words"])
            for incident in self.status["incidents"]:
                await self._timeline(incident["number"])
            self._news.set()
            await asyncio.sleep(_LOOK)

    def _state(self, name: str, kind: str, title: str, state: str, words: str) -> None:
        before, self._states[f"{kind} {name}"] = self._states.get(f"{kind} {name}"), state
        passing = kind == "system" and state in ("suspect", "recovering")
        first = before == "unknown" and not self._broken
        if before is None or before == state or passing or first:
            return
        colour = _COLOURS.get(state, "cyan")
        said = f"  ({escape(words)})" if words and state != "up" else ""
        self.say(f"{kind:<8} {title}: {before} → [{colour}]{state}[/]{said}")

    async def _timeline(self, number: str) -> None:
        story = (await self.service.get(f"/api/v1/incidents/{number}")).json()
        self.stories[number] = story
        for line in story["timeline"]:
            key = (number, f"{line['at']}{line['words']}{line['text']}")
            if key not in self._said:
                self._said.add(key)
                self.say(f"[blue]incident[/] {number}  {escape(_said(line))}")

    async def follow_phones(self) -> None:
        """Show each SMS as it lands."""
        async with self.lab.stream("GET", "/phones/stream", timeout=None) as stream:
            async for line in stream.aiter_lines():
                message = json.loads(line)
                self.texts.append(message)
                self._news.set()
                who = self.people.get(message["to"], "")
                title = f"SMS to {message['to']} {who}, by {message['via']}, {len(message['text'])} characters"
                panel = Panel(escape(message["text"]), title=title, title_align="left", width=84, border_style="green")
                console.print(panel, soft_wrap=False)


def _local(stamp: str, zone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(stamp).astimezone(zone):%H:%M:%S}"


def _said(line: dict[str, Any]) -> str:
    return f"{line['words']}: {line['text']}" if line["text"] else str(line["words"])
