"""The pages: status, one incident, an action card, the wall screen. Danish, rendered here, whole without scripts.

A page is made at most once a second however many look at it, and says when it was made.
"""

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from monitor.core.finding import SystemName
from monitor.core.records import Incident
from monitor.web import front
from monitor.web.answer import HTML, Answer
from monitor.web.cards import card_html, split_title
from monitor.web.records import find_incident, recent, rows_of
from monitor.web.site import Site
from monitor.web.standing import LOUDEST, Standing, own_standings, standings
from monitor.web.telling import state_of, story, told_roles
from monitor.web.work import withheld

_HERE = Path(__file__).parent
_FRESH = 1.0
_KEPT = 64
_RECENT = 5
_MOST_OPEN = 50
STATIC = {
    "style.css": "text/css; charset=utf-8",
    "fresh.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}

Page = Callable[[Site, str], Awaitable[Answer]]


@lru_cache(maxsize=1)
def _files() -> dict[str, bytes]:
    return {name: (_HERE / "static" / name).read_bytes() for name in STATIC}


@lru_cache(maxsize=1)
def _edition() -> str:
    """Names this edition of the static files, so that a browser keeps them until they change."""
    return sha256(b"".join(_files().values())).hexdigest()[:12]


@lru_cache(maxsize=1)
def _templates() -> Environment:
    loader = FileSystemLoader(_HERE / "templates")
    return Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def render(site: Site, template: str, status: int = 200, *, framed: bool = False, **facts: Any) -> Answer:
    """A template with what every page shows: when it was made, what makes it less sure, our own parts."""
    desk = site.engine.desk
    now = desk.clock.now()
    own = own_standings(desk, now)
    local = desk.plan.calendar.local(now)
    text = (
        _templates()
        .get_template(template)
        .render(
            edition=_edition(),
            municipality=desk.plan.municipality,
            zone=desk.plan.calendar.zone.key,
            made=f"{local:%H:%M:%S}",
            clock=f"{local:%H:%M}",
            stamp=local.isoformat(timespec="seconds"),
            period=front.period(desk, now),
            warnings=front.warnings(desk, site.health(), own, now),
            own=own,
            version=site.version,
            **facts,
        )
    )
    return Answer(text.encode(), status, HTML, framed=framed)


async def index(site: Site, _rest: str) -> Answer:
    """`/`: every care system, what to do, who has been told."""
    desk = site.engine.desk
    now = desk.clock.now()
    found, complete = await recent(site, _RECENT + _MOST_OPEN)
    over = [_brief(site, one, now) for one in found if not one.active][:_RECENT]
    everyone = standings(desk, now)
    return render(
        site,
        "index.html",
        headline=_headline(site, everyone, now),
        systems=sorted(everyone, key=lambda one: LOUDEST.index(one.tone)),
        incidents=[_brief(site, one, now) for one in islice(reversed(desk.ledger.active()), _MOST_OPEN)],
        recent=over,
        complete=complete,
    )


async def board(site: Site, _rest: str) -> Answer:
    """`/tavle`: the wall screen."""
    now = site.engine.desk.clock.now()
    everyone = standings(site.engine.desk, now)
    return render(site, "tavle.html", framed=True, headline=_headline(site, everyone, now), systems=everyone)


def _headline(site: Site, everyone: list[Standing], now: datetime) -> front.Headline:
    desk = site.engine.desk
    return front.headline(everyone, site.health(), own_standings(desk, now))


def _brief(site: Site, incident: Incident, now: datetime) -> dict[str, Any]:
    desk = site.engine.desk
    system = desk.plan.systems.get(incident.system)
    return {
        "number": incident.number,
        "title": system.title if system else incident.system,
        "state": state_of(incident),
        "began": front.ago(desk, incident.began, now),
        "drill": incident.drill,
        "waits": withheld(desk, incident, now),
        "told": told_roles(desk, list(desk.ledger.notices_of(incident.id)), now),
    }


async def incident(site: Site, number: str) -> Answer:
    """`/incidents/{number}`: timeline, tasks, who has it. Raises StoreFault for one that only the store knows."""
    found = await find_incident(site, number)
    if found is None:
        return missing(site, "Der er ingen hændelse med det nummer.")
    desk = site.engine.desk
    told = story(desk, found, await rows_of(site, found), desk.clock.now())
    return render(site, "incident.html", story=told)


async def card(site: Site, name: str) -> Answer:
    """`/cards/{system}`: what staff do while the system is gone."""
    desk = site.engine.desk
    system = desk.plan.systems.get(SystemName(name))
    text = desk.cards.get(system.card, "") if system else ""
    if system is None or not text.strip():
        return missing(site, "Der er intet action card for det system.")
    title, rest = split_title(text, f"Action card: {system.title}")
    standing = next(
        one for one in [*standings(desk, desk.clock.now()), *own_standings(desk, desk.clock.now())] if one.name == name
    )
    return render(site, "card.html", title=title, body=card_html(rest), system=standing)


async def static(_site: Site, rest: str) -> Answer:
    """`/static/{file}`: the one style sheet, the one script, the icon."""
    name = rest.rpartition("/")[2]
    if rest not in STATIC:
        return Answer(b"Findes ikke\n", 404)
    return Answer(_files()[name], kind=STATIC[name], cache="public, max-age=31536000, immutable")


def missing(site: Site, why: str) -> Answer:
    """A page that is not there."""
    return render(site, "missing.html", 404, why=why)


_NUMBER = re.compile(r"[0-9A-Za-z-]{1,40}")
_NAME = re.compile(r"[a-z0-9_]{1,60}")


class Pages:
    """Answers GET for every page; keeps each page for a second."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._kept: dict[str, tuple[float, Answer]] = {}

    async def __call__(self, path: str) -> Answer:
        """The page at a path, or the page that says there is none."""
        monotonic = self._site.engine.desk.clock.monotonic
        known = self._kept.get(path)
        if known is not None and 0 <= monotonic() - known[0] < _FRESH:
            return known[1]
        page, rest = route(path)
        answer = await page(self._site, rest) if page else missing(self._site, "Siden findes ikke.")
        if answer.status == 200:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[path] = (monotonic(), answer)
        return answer


def route(path: str) -> tuple[Page | None, str]:
    """The page for a path, and what the path names; (None, …) for a path that is no page's."""
    if path in ("/", "/tavle"):
        return (index if path == "/" else board), ""
    folder, _, rest = path[1:].partition("/")
    page, names = {"incidents": (incident, _NUMBER), "cards": (card, _NAME)}.get(folder, (None, _NAME))
    if folder == "static":
        return static, rest
    return (page, rest) if page and names.fullmatch(rest) else (None, "")
