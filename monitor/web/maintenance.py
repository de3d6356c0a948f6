"""`/api/v1/maintenance`: what withholds notices now and to come, and everything that is withheld.

Reads are open to whoever reaches the port; to announce, end or move takes the token, as every change does.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, HTTPException, Path
from fastapi.security import HTTPBearer
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from monitor.core.announcing import FURTHEST, MOST_SYSTEMS, Refused
from monitor.core.withholding import Sort, Source, Withholding
from monitor.engine import announce
from monitor.engine.announce import Granted
from monitor.engine.announced import announced, coming, notices_from, role_of
from monitor.engine.desk import Desk
from monitor.web.models import Asked, Fault, Refusal, Shape, Text, Who
from monitor.web.privacy import masked
from monitor.web.site import Site

PATH = "/api/v1/maintenance"
_AHEAD = timedelta(days=35)
_MOST = 500
_BY_HAND = (Source.CLI, Source.API)
_TOKEN = [Depends(HTTPBearer(auto_error=False, description="The token the service wrote at its start"))]
_ACT: dict[int | str, dict[str, Any]] = {
    422: {"model": Refusal},
    **{status: {"model": Fault} for status in (400, 401, 403, 404, 408, 409, 413, 415)},
}

_WHY = {
    Refused.NO_SYSTEM: (422, "Et af systemerne findes ikke i planen"),
    Refused.OWN_SYSTEM: (422, "Vores egen linje, alarmvejen og overvågningen selv kan ikke slås fra"),
    Refused.ONE_SYSTEM: (422, "Beskeder slås fra for ét system ad gangen"),
    Refused.BACKWARDS: (422, "Slutningen ligger ikke efter begyndelsen"),
    Refused.PAST: (422, "Det er allerede slut"),
    Refused.TOO_LONG: (422, "For længe: beskeder slås højst fra i 7 døgn, og arbejde varer højst 31 døgn"),
    Refused.TOO_FAR: (422, "For langt ude i fremtiden: højst 400 døgn"),
    Refused.NO_OWNER: (422, "Der skal stå, hvem der er ansvarlig"),
    Refused.NO_REASON: (422, "Der skal stå hvorfor"),
    Refused.NO_ROLE: (422, "Rollen findes ikke i planen"),
    Refused.NO_PHONE: (422, "Systemet er kritisk, og ingen i rollen har en telefon: nævn en anden rolle"),
    Refused.TOO_MANY: (409, "Der er varslet for meget på én gang: afslut noget af det"),
    Refused.NOT_THERE: (404, "Der er ikke varslet noget med det id"),
    Refused.OVER: (409, "Det er slut"),
}

Ident = Annotated[str, Path(pattern=r"^[0-9A-Za-z-]{1,80}$", description="As the list gives it")]
_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")]


class WindowShape(Shape):
    """One withholding. `end` is when it ends or was ended; `tell` is the role told of a critical system's outage."""

    id: str
    kind: str
    systems: list[str]
    start: datetime
    end: datetime
    owner: str
    reason: str
    tell: str
    source: str
    created: datetime | None
    holds: bool


class WithheldShape(Shape):
    """One incident whose notices wait: why, since when, until when, and who answers for it.

    Notices that wait for another system have that system as owner; they and those without an end have `until` null.
    """

    incident: str
    system: str
    reason: str
    since: datetime | None
    until: datetime | None
    owner: str
    why: str


class MaintenanceShape(Shape):
    """What is announced from now on, at most five weeks ahead, by start; and what is withheld now."""

    windows: list[WindowShape]
    withheld: list[WithheldShape]


class GrantedShape(Shape):
    """What came of it. `recorded` is false while the database cannot be written: then it stands in memory."""

    recorded: bool
    window: WindowShape


class Announce(BaseModel):
    """Somebody announces work, or asks for silence; without `start` it begins now."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["maintenance", "mute"] = "maintenance"
    systems: Annotated[list[_Name], Field(min_length=1, max_length=MOST_SYSTEMS)]
    start: AwareDatetime | None = None
    end: AwareDatetime
    owner: Who
    reason: Annotated[Text, Field(max_length=120)]
    tell: _Name | None = None
    source: Literal["api", "cli"] = "api"


class Move(Asked):
    """Somebody moves its end."""

    end: AwareDatetime


def routes(app: FastAPI, site: Site) -> None:
    """The paths, put on the API."""
    desk = site.engine.desk

    @app.get(PATH)
    async def listing() -> MaintenanceShape:
        """What is announced, and what is withheld."""
        return shown(desk)

    @app.post(PATH, responses=_ACT, dependencies=_TOKEN)
    async def begin(asked: Announce) -> GrantedShape:
        """Announce work, or mute one system; checks go on, and at the end people hear what has changed."""
        now = desk.clock.now()
        window = Withholding(
            id="",
            kind=Sort(asked.kind),
            systems=" ".join(dict.fromkeys(asked.systems)),
            start=max(_utc(asked.start), now) if asked.start else now,
            end=_utc(asked.end),
            owner=asked.owner,
            reason=asked.reason,
            tell=asked.tell or "",
            source=Source(asked.source),
        )
        return _came_of(desk, await announce.announce(desk, window))

    @app.delete(f"{PATH}/{{ident}}", responses=_ACT, dependencies=_TOKEN)
    async def end(ident: Ident, asked: Asked) -> GrantedShape:
        """End it now, or call it off."""
        return _came_of(desk, await announce.cancel(desk, ident, asked.who))

    @app.patch(f"{PATH}/{{ident}}", responses=_ACT, dependencies=_TOKEN)
    async def move(ident: Ident, asked: Move) -> GrantedShape:
        """Let it end then instead, later or earlier."""
        return _came_of(desk, await announce.extend(desk, ident, _utc(asked.end)))


def shown(desk: Desk) -> MaintenanceShape:
    """Everything announced and withheld, as it is now."""
    now = desk.clock.now()
    # What was announced by hand is shown however far ahead it lies.
    known = [w for w in coming(desk, now, now + 2 * FURTHEST) if w.source in _BY_HAND or w.start < now + _AHEAD]
    found = sorted(known, key=lambda window: (window.start, window.id))
    return MaintenanceShape(
        windows=[_window(desk, window, now) for window in found[:_MOST]],
        withheld=[*_withheld(desk, now)],
    )


def _window(desk: Desk, window: Withholding, now: datetime) -> WindowShape:
    return WindowShape(
        id=window.id,
        kind=window.kind.value,
        systems=list(window.names),
        start=window.start,
        end=window.over,
        owner=masked(window.owner),
        reason=masked(window.reason),
        tell=role_of(desk, window),
        source=window.source.value,
        created=window.created,
        holds=window.holds(now),
    )


def _withheld(desk: Desk, now: datetime) -> list[WithheldShape]:
    found = []
    for incident in desk.ledger.active():
        if incident.hold is None:
            continue
        # What waits for another system waits as long as that one's own notices do.
        system = incident.held_by or incident.system
        windows = announced(desk, system, now)
        other = desk.plan.systems[system].title if incident.held_by and system in desk.plan.systems else ""
        shape = WithheldShape(
            incident=incident.number,
            system=incident.system,
            reason=incident.hold.value,
            since=incident.held_since,
            until=notices_from(desk, system, now),
            owner=masked(windows[0].owner) if windows else other,
            why=masked(windows[0].reason) if windows else f"venter på {other}" if other else "afventer et friskt blik",
        )
        found.append(shape)
    return found


def _came_of(desk: Desk, granted: Granted) -> GrantedShape:
    if granted.refused is not None or granted.window is None:
        raise HTTPException(*_WHY[granted.refused or Refused.NOT_THERE])
    window = _window(desk, granted.window, desk.clock.now())
    return GrantedShape(recorded=not desk.journal.degraded, window=window)


def _utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise HTTPException(422, "Tidspunktet ligger uden for kalenderen") from None
