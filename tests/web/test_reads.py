"""What the API shows: status, incidents open and closed, and nobody's number."""

from dataclasses import replace
from pathlib import Path

from monitor.core.finding import Outcome, Reason
from monitor.core.records import Incident
from monitor.ports import StoreFault
from monitor.web.site import Told
from tests.web.setting import DAY, Setting, calling, setting


async def test_status_says_everything_as_it_is_now(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        await s.all_well()
        await s.story.down("noedkald-1")
        await s.story.find("phoniro-1", Outcome.FAIL, Reason.TIMEOUT, took=0.4, phases={"connect": 0.2})
        status = (await s.client.get("/api/v1/status")).json()

        systems = {one["name"]: one for one in status["systems"]}
        assert (status["version"], status["plan"]["digest"], status["plan"]["reload_ok"]) == ("1.2.3", "small", True)
        assert status["period"] == {"name": "uden_for_arbejdstid", "until": "2026-12-28T07:00:00Z"}
        assert (systems["noedkald"]["state"], systems["noedkald"]["severity"]) == ("down", "down")
        assert systems["noedkald"]["incident"] == "26-0001"
        assert systems["noedkald"]["since"] == "2026-12-24T02:00:00Z"
        assert systems["omsorgssystem"]["state"] == "up"
        (check,) = systems["phoniro"]["checks"]
        assert (check["state"], check["outcome"], check["reason"]) == ("suspect", "fail", "timeout")
        assert (check["took"], check["phases"]) == (0.4, {"connect": 0.2})
        assert check["words"] == "svarer ikke: ventede status 200, så status 503"
        assert [one["number"] for one in status["incidents"]] == ["26-0001"]
        assert {one["name"]: one["up"] for one in status["routes"]} == {"primary": True, "modem": None, "relay": None}
        assert {name for name, one in systems.items() if one["own"]} == {"egen_linje", "alarmvej", "vagten"}
        assert (status["blind"], status["store_degraded"], status["healthy"]) == (False, False, True)
        s.forget_phones()


async def test_blindness_is_said(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        await s.all_well()
        await s.blind()

        assert (await s.client.get("/api/v1/status")).json()["blind"] is True
        s.forget_phones()


async def _two_incidents(s: Setting) -> None:
    """One over and closed, one open."""
    await s.all_well()
    await s.story.down("phoniro-1")
    await s.story.up("phoniro-1")
    await s.story.later(1000)
    await s.story.down("noedkald-1")
    s.forget_phones()


async def test_incidents_are_listed_open_or_closed(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        await _two_incidents(s)

        async def numbers(query: str) -> list[str]:
            answer = (await s.client.get(f"/api/v1/incidents{query}")).json()
            assert answer["complete"] is True
            return [one["number"] for one in answer["incidents"]]

        assert await numbers("") == ["26-0002", "26-0001"]
        assert await numbers("?open=true") == ["26-0002"]
        assert await numbers("?open=false") == ["26-0001"]
        assert await numbers("?limit=1") == ["26-0002"]
        assert await numbers("?open=false&limit=1") == ["26-0001"]
        for wrong in ("?limit=0", "?limit=501", "?limit=x", "?open=maaske"):
            assert (await s.client.get(f"/api/v1/incidents{wrong}")).status_code == 422


async def test_an_incident_is_told_in_full_while_open_and_after(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        await _two_incidents(s)
        closed = (await s.client.get("/api/v1/incidents/26-0001")).json()
        by_id = (await s.client.get(f"/api/v1/incidents/{closed['id']}")).json()
        still = (await s.client.get("/api/v1/incidents/26-0002")).json()

        assert by_id == closed
        assert (closed["open"], closed["system"], closed["cause"]) == (False, "phoniro", "svarer med fejl (status 503)")
        assert closed["timeline"][0]["entry"] == "opened"
        assert {x["entry"] for x in closed["timeline"]} >= {"queued", "accepted", "recovered", "closed"}
        assert (still["open"], still["active"]) == (True, True)
        assert {x["role"] for x in still["notices"]} == {"Afdelingschef", "Brand og redning"}
        assert (await s.client.get("/api/v1/incidents/26-0003")).status_code == 404


async def test_no_number_and_no_address_is_whole_anywhere(tmp_path: Path) -> None:
    async with setting(tmp_path, DAY) as s:
        await s.all_well()
        await s.story.down("noedkald-1")
        await s.story.later(1000)
        note = {"who": "Leder", "text": "Ring på +45 00 00 00 77 eller skriv til en@anden.example"}
        await s.post("/api/v1/incidents/26-0001/note", note)
        people = s.story.plan.people.values()
        secret = [p.sms for p in people] + [p.mail for p in people] + ["00 00 00 77", "en@anden.example"]

        for path in ("/", "/tavle", "/incidents/26-0001", "/api/v1/incidents/26-0001", "/api/v1/status", "/metrics"):
            text = (await s.get(path)).text
            assert [one for one in secret if one in text] == []
        masked = {x["to"] for x in (await s.get("/api/v1/incidents/26-0001")).json()["notices"]}
        assert "+45••••••01" in masked
        s.forget_phones()


class Gone:
    """A history that cannot be read."""

    async def incidents(self, limit: int = 50) -> tuple[Incident, ...]:
        raise StoreFault("gone")

    async def incident(self, wanted: str) -> Incident | None:
        raise StoreFault("gone")

    async def story(self, incident: str) -> Told:
        raise StoreFault("gone")


async def test_with_the_database_gone_what_is_open_is_still_shown(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        await _two_incidents(s)
        async with calling(replace(s.site, history=Gone())) as client:
            listed = (await client.get("/api/v1/incidents")).json()
            assert ([one["number"] for one in listed["incidents"]], listed["complete"]) == (["26-0002"], False)
            assert (await client.get("/api/v1/incidents/26-0002")).status_code == 200
            assert (await client.get("/api/v1/incidents/26-0001")).status_code == 503
            assert (await client.get("/incidents/26-0001")).status_code == 503
            front = await client.get("/")
            assert (front.status_code, "Historikken kan ikke læses lige nu" in front.text) == (200, True)


async def test_openapi_says_what_there_is_and_needs_nobody_else(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        schema = (await s.client.get("/api/v1/openapi.json")).json()

        assert set(schema["paths"]) == {
            "/api/v1/status",
            "/api/v1/incidents",
            "/api/v1/incidents/{number}",
            "/api/v1/incidents/{number}/acknowledge",
            "/api/v1/incidents/{number}/note",
            "/api/v1/incidents/{number}/resolve",
            "/api/v1/incidents/{number}/tasks/{task}/done",
            "/api/v1/maintenance",
            "/api/v1/maintenance/{ident}",
            "/api/v1/fleets",
            "/api/v1/fleets/{fleet}",
            "/api/v1/fleets/{fleet}/devices",
            "/api/v1/fleets/{fleet}/remove",
            "/api/v1/fleets/{fleet}/tokens",
            "/api/v1/fleets/{fleet}/tokens/revoke",
            "/api/v1/fleets/{fleet}/mute",
        }
        assert schema["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
        for page in ("/docs", "/redoc", "/api/docs"):
            assert (await s.client.get(page)).status_code == 404
