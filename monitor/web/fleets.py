"""`/api/v1/fleets`: the registry of devices, their states, their tokens.

A device is its id, its cid and what its fleet describes devices by; whoever it belongs to is not known here.
"""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Path, Query
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from monitor.core.plan import FleetName
from monitor.engine.fleets import Fleets
from monitor.engine.registry import Entry, NotKnown, Registry
from monitor.engine.roll import Stated, page, stated
from monitor.plan.device_list import CID, DEVICE_ID, LONGEST_INTERVAL, LONGEST_VALUE
from monitor.web.models import Fault, Shape, Text
from monitor.web.site import Site

PREFIX = "/api/v1/fleets"
MOST = 5_000
_LONGEST_MUTE = 90 * 86400.0

Name = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
Id = Annotated[str, StringConstraints(pattern=DEVICE_ID)]
_Value = Annotated[str, StringConstraints(max_length=LONGEST_VALUE, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
_TOKEN = [Depends(HTTPBearer(auto_error=False, description="The token the service wrote at its start"))]
_READ: dict[int | str, dict[str, Any]] = {404: {"model": Fault}}
_ACT: dict[int | str, dict[str, Any]] = {
    status: {"model": Fault} for status in (400, 401, 403, 404, 408, 409, 413, 415, 503)
}


class FleetShape(Shape):
    """One fleet. `states` counts its devices by state, `early` says that fewer report than their schedules promise."""

    name: str
    title: str
    devices: int
    states: dict[str, int]
    attributes: list[str]
    early: bool


class FleetsShape(Shape):
    """Every fleet of the plan. `read` is false while the registry could not be read: then devices are missing here."""

    fleets: list[FleetShape]
    read: bool


class DeviceShape(Shape):
    """One device. `heard` is when it last reported; `flags` are what it has said of itself that is not well."""

    id: str
    cid: str
    state: str
    critical: bool
    heard: datetime | None
    muted_until: datetime | None
    attributes: dict[str, str]
    flags: list[str]


class DevicesShape(Shape):
    """Devices in the order they were taken in. `next` goes on from here; null at the end."""

    devices: list[DeviceShape]
    next: int | None


class Device(BaseModel):
    """A device as it is taken in; what is left out is empty. `interval` in seconds, 0: the fleet's own."""

    model_config = ConfigDict(extra="forbid")

    id: Id
    cid: Annotated[str, StringConstraints(pattern=f"^$|{CID}")] = ""
    critical: bool = False
    interval: Annotated[float, Field(ge=0, le=LONGEST_INTERVAL, allow_inf_nan=False)] = 0.0
    attributes: Annotated[dict[str, _Value], Field(max_length=16)] = Field(default_factory=dict)


class Part(BaseModel):
    """A part of a list of devices."""

    model_config = ConfigDict(extra="forbid")

    devices: Annotated[list[Device], Field(max_length=MOST)]
    dry_run: bool = False


class CameShape(Shape):
    """What came of a part of a list."""

    new: int
    changed: int
    same: int


class Ids(BaseModel):
    """Devices that are no more."""

    model_config = ConfigDict(extra="forbid")

    ids: Annotated[list[Id], Field(max_length=MOST)]


class RemovedShape(Shape):
    """How many there were of them."""

    removed: int


class Enrol(BaseModel):
    """Whom a token is for; an empty `device`: the whole fleet."""

    model_config = ConfigDict(extra="forbid")

    device: Annotated[str, StringConstraints(pattern=f"^$|{DEVICE_ID}")] = ""
    note: Annotated[str, StringConstraints(max_length=120, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")] = ""


class EnrolledShape(Shape):
    """The token, this once."""

    token: str


class Revoke(BaseModel):
    """Whose tokens are shut; an empty `device`: those of the whole fleet."""

    model_config = ConfigDict(extra="forbid")

    device: Annotated[str, StringConstraints(pattern=f"^$|{DEVICE_ID}")] = ""


class RevokedShape(Shape):
    """How many there were."""

    revoked: int


class Mute(BaseModel):
    """Leave a device out for so many seconds (0: no longer), and why."""

    model_config = ConfigDict(extra="forbid")

    device: Id
    seconds: Annotated[float, Field(ge=0, le=_LONGEST_MUTE, allow_inf_nan=False)]
    why: Text


class MutedShape(Shape):
    """Until when."""

    until: datetime | None


def routes(app: FastAPI, site: Site) -> None:
    """Put the fleets' routes into the API."""
    registry = site.engine.fleets.registry
    _reads(app, site.engine.fleets)
    _lists(app, registry)
    _singles(app, registry)


def _reads(app: FastAPI, every: Fleets) -> None:
    registry = every.registry

    @app.get(PREFIX)
    async def fleets() -> FleetsShape:
        """Every fleet with how many of its devices are in which state."""
        return FleetsShape(fleets=[_fleet(one) for one in stated(every)], read=registry.read)

    @app.get(f"{PREFIX}/{{fleet}}", responses=_READ)
    async def fleet(fleet: Name) -> FleetShape:
        """One fleet."""
        return _fleet(next((one for one in stated(every) if one.fleet.id == _known(registry, fleet)), None))

    @app.get(f"{PREFIX}/{{fleet}}/devices", responses=_READ)
    async def devices(
        fleet: Name,
        state: Annotated[str | None, Query(pattern=r"^(new|ok|late|silent|muted)$")] = None,
        after: Annotated[int, Query(ge=-1, le=2**31)] = -1,
        limit: Annotated[int, Query(ge=1, le=MOST)] = 1000,
    ) -> DevicesShape:
        """The devices of a fleet, some at a time."""
        found, more = page(every.books.get(_known(registry, fleet)), state or "", after, limit)
        return DevicesShape(devices=[DeviceShape.model_validate(one, from_attributes=True) for one in found], next=more)


def _lists(app: FastAPI, registry: Registry) -> None:
    @app.post(f"{PREFIX}/{{fleet}}/devices", responses=_ACT, dependencies=_TOKEN)
    async def put(fleet: Name, part: Part) -> CameShape:
        """Take a part of a list in: new devices are added, known ones described anew. Those not named stay."""
        name = _known(registry, fleet)
        entries = [Entry(d.id, d.cid, d.attributes, d.critical, d.interval) for d in part.devices]
        try:
            came = await registry.put(name, entries, dry_run=part.dry_run)
        except ValueError as error:
            raise HTTPException(409, str(error)) from error
        return CameShape(new=came.new, changed=came.changed, same=came.same)

    @app.post(f"{PREFIX}/{{fleet}}/remove", responses=_ACT, dependencies=_TOKEN)
    async def remove(fleet: Name, given: Ids) -> RemovedShape:
        """Take devices out."""
        return RemovedShape(removed=await registry.remove(_known(registry, fleet), given.ids))


def _singles(app: FastAPI, registry: Registry) -> None:
    @app.post(f"{PREFIX}/{{fleet}}/tokens", responses=_ACT, dependencies=_TOKEN)
    async def enrol(fleet: Name, asked: Enrol) -> EnrolledShape:
        """A token to report with; it is given out this once."""
        name = _known(registry, fleet)
        try:
            return EnrolledShape(token=await registry.enrol(name, asked.device, asked.note))
        except NotKnown as error:
            raise HTTPException(404, str(error)) from error

    @app.post(f"{PREFIX}/{{fleet}}/tokens/revoke", responses=_ACT, dependencies=_TOKEN)
    async def revoke(fleet: Name, asked: Revoke) -> RevokedShape:
        """Shut tokens at once."""
        return RevokedShape(revoked=await registry.revoke(_known(registry, fleet), asked.device))

    @app.post(f"{PREFIX}/{{fleet}}/mute", responses=_ACT, dependencies=_TOKEN)
    async def mute(fleet: Name, asked: Mute) -> MutedShape:
        """Leave a device out for a while; afterwards it is missed again."""
        name = _known(registry, fleet)
        try:
            return MutedShape(until=await registry.mute(name, asked.device, asked.seconds, asked.why))
        except NotKnown as error:
            raise HTTPException(404, str(error)) from error


def _known(registry: Registry, fleet: str) -> FleetName:
    name = FleetName(fleet)
    if name not in registry.names:
        raise HTTPException(404, f"Der er ingen enhedsgruppe {fleet}")
    return name


def _fleet(one: Stated | None) -> FleetShape:
    if one is None:
        raise HTTPException(404, "Der er ingen enhedsgruppe med det navn")
    return FleetShape(
        name=one.fleet.id,
        title=one.fleet.title,
        devices=one.devices,
        states=one.states,
        attributes=list(one.fleet.attributes),
        early=one.early,
    )
