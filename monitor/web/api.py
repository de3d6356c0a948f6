"""`/api/v1`: status and incidents to read, and what people do to an incident.

Reads are open to whoever reaches the port; every change passes `monitor.web.guard` first.
"""

from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer

from monitor.core.plan import TaskId
from monitor.core.reasons import HumanState
from monitor.engine import people
from monitor.engine.people import Act, Answer
from monitor.ports import StoreFault
from monitor.web import fleets, maintenance, shapes
from monitor.web.models import Acknowledge, Asked, DoneShape, Fault, IncidentsShape, Note, StatusShape, StoryShape
from monitor.web.records import find_incident, recent, rows_of
from monitor.web.site import Site

PREFIX = "/api/v1"
Number = Annotated[str, Path(pattern=r"^[0-9A-Za-z-]{1,40}$", description="`26-0007`, or the incident's id")]
Task = Annotated[str, Path(pattern=r"^[a-z0-9_]{1,60}$")]

_WHY = {
    Answer.NOT_OPEN: (404, "Der er ingen hændelse med det nummer"),
    Answer.NO_SUCH_TASK: (404, "Opgaven er ikke givet i den hændelse"),
    Answer.OVER: (409, "Systemet er oppe igen: der er ikke noget at kvittere for"),
    Answer.STILL_THERE: (409, "Systemet er ikke oppe: hændelsen slutter, når det er"),
}
_READ: dict[int | str, dict[str, Any]] = {404: {"model": Fault}, 503: {"model": Fault}}
_ACT: dict[int | str, dict[str, Any]] = {
    status: {"model": Fault} for status in (400, 401, 403, 404, 408, 409, 413, 415, 503)
}
_TOKEN = [Depends(HTTPBearer(auto_error=False, description="The token the service wrote at its start"))]


def build(site: Site) -> FastAPI:
    """The API over a site, without the guard."""
    app = FastAPI(
        title="Omsorgsvagt",
        version=site.version,
        openapi_url=f"{PREFIX}/openapi.json",
        # Their pages fetch scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={RequestValidationError: _wrong, StoreFault: _unread},
    )
    _reads(app, site)
    _changes(app, site)
    fleets.routes(app, site)
    maintenance.routes(app, site)
    return app


def _reads(app: FastAPI, site: Site) -> None:
    @app.get(f"{PREFIX}/status", response_model=StatusShape)
    async def status() -> Response:
        """Every system with its checks, the open incidents, the ways out, and whether the service itself is well."""
        return Response(shapes.status(site).model_dump_json(), media_type="application/json")

    @app.get(f"{PREFIX}/incidents")
    async def incidents(
        open: Annotated[bool | None, Query(description="Only open, or only closed, incidents")] = None,  # noqa: A002
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> IncidentsShape:
        """The newest incidents."""
        spare = len(site.engine.desk.ledger.incidents) if open is False else 0
        found, complete = await recent(site, limit + spare)
        wanted = [one for one in found if open is None or one.open is open]
        return IncidentsShape(incidents=[shapes.incident(one) for one in wanted[:limit]], complete=complete)

    @app.get(f"{PREFIX}/incidents/{{number}}", responses=_READ)
    async def incident(number: Number) -> StoryShape:
        """One incident with its timeline, notices and tasks."""
        found = await find_incident(site, number)
        if found is None:
            raise HTTPException(*_WHY[Answer.NOT_OPEN])
        return shapes.story(site.engine.desk, found, await rows_of(site, found))


def _changes(app: FastAPI, site: Site) -> None:
    desk = site.engine.desk

    @app.post(f"{PREFIX}/incidents/{{number}}/acknowledge", responses=_ACT, dependencies=_TOKEN)
    async def acknowledge(number: Number, asked: Acknowledge) -> DoneShape:
        """Somebody has it: reminders stop; the outage goes on."""
        return await _came_of(site, number, await people.acknowledge(desk, number, asked.who, HumanState(asked.state)))

    @app.post(f"{PREFIX}/incidents/{{number}}/note", responses=_ACT, dependencies=_TOKEN)
    async def note(number: Number, asked: Note) -> DoneShape:
        """A line on the timeline."""
        return await _came_of(site, number, await people.note(desk, number, asked.who, asked.text))

    @app.post(f"{PREFIX}/incidents/{{number}}/resolve", responses=_ACT, dependencies=_TOKEN)
    async def resolve(number: Number, asked: Asked) -> DoneShape:
        """Close an incident whose system is up again; one that is still there is never closed."""
        return await _came_of(site, number, await people.resolve(desk, number, asked.who))

    @app.post(f"{PREFIX}/incidents/{{number}}/tasks/{{task}}/done", responses=_ACT, dependencies=_TOKEN)
    async def done(number: Number, task: Task, asked: Asked) -> DoneShape:
        """A task that was handed out has been done."""
        return await _came_of(site, number, await people.tick_off(desk, number, TaskId(task), asked.who))


async def _came_of(site: Site, number: str, act: Act) -> DoneShape:
    if act.answer is Answer.NOT_OPEN and await find_incident(site, number) is not None:
        raise HTTPException(409, "Hændelsen er lukket")
    if act.answer in _WHY or act.incident is None:
        raise HTTPException(*_WHY[act.answer])
    return DoneShape(
        answer="already" if act.answer is Answer.ALREADY else "done",
        recorded=not site.engine.desk.journal.degraded,
        incident=shapes.incident(act.incident),
    )


async def _wrong(_request: Request, error: Exception) -> Response:
    """What is wrong and where, without what was sent."""
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    said = [{"loc": [str(part) for part in one["loc"]], "msg": one["msg"], "type": one["type"]} for one in faults[:20]]
    return JSONResponse({"detail": said}, 422)


async def _unread(request: Request, _error: Exception) -> Response:
    devices = request.url.path.startswith(fleets.PREFIX)
    said = "Enhederne kan ikke læses eller gemmes lige nu" if devices else "Historikken kan ikke læses lige nu"
    return JSONResponse({"detail": said}, 503)
