"""What people do to an incident, through the API: who may, what it changes, and what it never does."""

from pathlib import Path

import pytest

from monitor.core.finding import Outcome
from monitor.core.reasons import HumanState
from tests.web.setting import DAY, NIGHT, TOKEN, Setting, setting

NUMBER = "26-0001"
AT = f"/api/v1/incidents/{NUMBER}"


async def _outage(s: Setting) -> None:
    await s.all_well()
    await s.story.down("noedkald-1")


def _acknowledgements(s: Setting) -> float:
    lines = s.site.metrics.expose().decode().splitlines()
    return next(float(x.split()[-1]) for x in lines if x.startswith("omsorgsvagt_time_to_acknowledge_seconds_count"))


async def test_somebody_has_it_and_the_reminders_stop(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        await _outage(s)
        s.forget_phones()

        answer = await s.post(f"{AT}/acknowledge", {"who": "Afdelingschef", "state": "seen"})
        await s.story.later(900)

        assert answer.status_code == 200
        assert answer.json()["answer"] == "done"
        assert answer.json()["recorded"] is True
        assert answer.json()["incident"]["human"] == "seen"
        s.story.expect("brand", "Afdelingschef har den nu")
        assert s.story.texts() == []
        assert s.story.incident.active


async def test_how_far_they_are_is_kept_and_measured_once(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        await _outage(s)

        for state, said in [("seen", "done"), ("seen", "already"), ("working", "done"), ("seen", "already")]:
            answer = await s.post(f"{AT}/acknowledge", {"who": "Brand og Redning", "state": state})
            assert answer.json()["answer"] == said
        await s.post(f"{AT}/acknowledge", {"who": "Afdelingschef", "state": "fallback"})

        assert s.story.incident.human is HumanState.FALLBACK
        assert s.story.incident.acknowledged_by == "Brand og Redning"
        assert s.story.entries().count("acknowledged") == 1
        assert s.story.entries().count("human") == 2
        assert _acknowledgements(s) == 1
        s.forget_phones()


async def test_a_worsening_starts_again_and_is_acknowledged_anew_but_measured_once(tmp_path: Path) -> None:
    async with setting(tmp_path, DAY) as s:
        await s.all_well()
        for _ in range(3):
            await s.story.find("noedkald-1", Outcome.WARN)
            await s.story.later(5)
        await s.post(f"{AT}/acknowledge", {"who": "Nexus"})
        await s.story.down("noedkald-1")
        worse = s.story.incident

        answer = await s.post(f"{AT}/acknowledge", {"who": "Leder"})

        assert worse.acknowledged is None
        assert answer.json()["incident"]["acknowledged_by"] == "Leder"
        assert _acknowledgements(s) == 1
        s.forget_phones()


async def test_what_is_over_cannot_be_had(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        await _outage(s)
        await s.story.up("noedkald-1")

        answer = await s.post(f"{AT}/acknowledge", {"who": "Afdelingschef"})

        assert answer.status_code == 409
        assert "oppe igen" in answer.json()["detail"]
        s.forget_phones()


async def test_an_outage_that_is_there_is_never_closed_by_hand(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        await _outage(s)
        there = await s.post(f"{AT}/resolve", {"who": "Afdelingschef"})
        await s.story.up("noedkald-1")
        gone = await s.post(f"{AT}/resolve", {"who": "Afdelingschef"})
        again = await s.post(f"{AT}/resolve", {"who": "Afdelingschef"})

        assert there.status_code == 409
        assert (gone.status_code, gone.json()["incident"]["open"]) == (200, False)
        assert (again.status_code, again.json()["detail"]) == (409, "Hændelsen er lukket")
        assert s.story.engine.desk.ledger.incidents == {}
        timeline = (await s.get(AT)).json()["timeline"]
        assert (timeline[-1]["entry"], timeline[-1]["who"]) == ("closed", "Afdelingschef")
        s.forget_phones()


async def test_a_note_stands_on_the_timeline(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        await _outage(s)

        answer = await s.post(f"{AT}/note", {"who": "Leder", "text": "  Leverandøren er på vej. "})
        page = await s.get(f"/incidents/{NUMBER}")

        assert answer.status_code == 200
        assert "Leder: Leverandøren er på vej." in page.text
        s.forget_phones()


async def test_a_task_is_ticked_off_once(tmp_path: Path) -> None:
    async with setting(tmp_path, DAY) as s:
        await _outage(s)
        early = await s.post(f"{AT}/tasks/region/done", {"who": "Sektionsleder"})
        await s.story.later(900)
        missing = await s.get(f"/incidents/{NUMBER}")
        done = await s.post(f"{AT}/tasks/region/done", {"who": "Sektionsleder"})
        again = await s.post(f"{AT}/tasks/region/done", {"who": "En anden"})
        page = await s.get(f"/incidents/{NUMBER}")

        assert early.status_code == 404
        assert "Mangler." in missing.text
        assert "78412345" in missing.text
        assert [done.json()["answer"], again.json()["answer"]] == ["done", "already"]
        assert "Udført af Sektionsleder" in page.text
        (task,) = (await s.get(AT)).json()["tasks"]
        assert task["done_by"] == "Sektionsleder"
        s.forget_phones()


async def test_it_is_done_though_it_cannot_be_recorded(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        await _outage(s)
        s.story.engine.desk.journal.degraded = True

        answer = await s.post(f"{AT}/acknowledge", {"who": "Afdelingschef"})

        assert (answer.status_code, answer.json()["recorded"]) == (200, False)
        assert s.story.incident.acknowledged is not None
        s.forget_phones()


@pytest.mark.parametrize("what", ["acknowledge", "resolve", "tasks/region/done"])
async def test_an_incident_nobody_knows_is_said_to_be_unknown(tmp_path: Path, what: str) -> None:
    async with setting(tmp_path, NIGHT) as s:
        answer = await s.post(f"/api/v1/incidents/26-0099/{what}", {"who": "Leder"})

        assert answer.status_code == 404


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer forkert", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer æ"]
)
async def test_without_the_token_nothing_is_changed(tmp_path: Path, authorization: str | None) -> None:
    async with setting(tmp_path) as s:
        await _outage(s)
        headers = [] if authorization is None else [(b"authorization", authorization.encode())]

        answer = await s.client.post(f"{AT}/acknowledge", json={"who": "Fremmed"}, headers=headers)

        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert s.story.incident.acknowledged is None
        s.forget_phones()


async def test_what_a_foreign_page_can_send_from_a_browser_is_refused(tmp_path: Path) -> None:
    """A form or a simple fetch carries no Authorization, and no other content type than these three."""
    async with setting(tmp_path) as s:
        await _outage(s)
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
            plain = {"content-type": kind, "origin": "https://fremmed.example"}
            refused = await s.client.post(f"{AT}/acknowledge", content=b'{"who":"x"}', headers=plain)
            held = {**plain, "authorization": f"Bearer {TOKEN}"}
            wrong = await s.client.post(f"{AT}/acknowledge", content=b'{"who":"x"}', headers=held)
            asked = {"origin": "https://fremmed.example", "access-control-request-method": "POST"}
            preflight = await s.client.options(f"{AT}/acknowledge", headers=asked)

            assert (refused.status_code, wrong.status_code) == (401, 415)
            assert preflight.status_code == 405
            assert not [name for name in preflight.headers if name.startswith("access-control")]
        assert s.story.incident.acknowledged is None
        s.forget_phones()


async def test_a_service_without_a_token_takes_no_changes(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        from monitor.web.guard import Guard

        async def never(*_: object) -> None:
            raise AssertionError("let through")

        sent: list[object] = []

        async def send(event: object) -> None:
            sent.append(event)

        scope = {"method": "POST", "headers": [(b"authorization", b"Bearer "), (b"content-type", b"application/json")]}
        await Guard(never, "")(scope, s.client.get, send)  # type: ignore[arg-type]

        assert sent[0]["status"] == 403  # type: ignore[index]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        [],
        "x",
        {"who": None},
        {"who": ""},
        {"who": "  "},
        {"who": 7},
        {"who": "x" * 61},
        {"who": "a\nb"},
        {"who": "<b>Leder</b>"},
        {"who": "Leder", "state": "resolved"},
        {"who": "Leder", "state": "unseen"},
        {"who": "Leder", "mere": 1},
        {"who": "010203-1234"},
        {"who": "\u202eredeL"},
    ],
)
async def test_what_is_not_understood_changes_nothing_and_is_not_repeated(tmp_path: Path, asked: object) -> None:
    async with setting(tmp_path) as s:
        await _outage(s)

        answer = await s.post(f"{AT}/acknowledge", asked)

        assert answer.status_code == 422
        assert all(set(one) == {"loc", "msg", "type"} for one in answer.json()["detail"])
        assert "010203" not in answer.text
        assert s.story.incident.acknowledged is None
        s.forget_phones()


async def test_a_civil_registration_number_is_not_taken(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        await _outage(s)

        answer = await s.post(f"{AT}/note", {"who": "Leder", "text": "Borger 0102031234 skal ses til"})

        assert answer.status_code == 422
        assert "CPR" in answer.text
        assert "0102031234" not in answer.text
        s.forget_phones()


@pytest.mark.parametrize("size", [16 * 1024 + 1, 5_000_000])
@pytest.mark.parametrize("told", [True, False])
async def test_a_large_body_is_cut_off(tmp_path: Path, size: int, told: bool) -> None:
    async with setting(tmp_path) as s:
        taken = 0

        async def body() -> object:
            nonlocal taken
            while taken < size:
                taken += 4096
                yield b" " * 4096

        headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
        if told:
            headers["content-length"] = str(size)
        answer = await s.client.post(f"{AT}/note", content=body(), headers=headers)  # type: ignore[arg-type]

        assert answer.status_code == 413
        assert taken <= 32 * 1024


@pytest.mark.parametrize(
    "body", [b"", b"null", b"{", b'{"who":"x"', b"\xff\xfe", b"[" * 10_000, b'{"who":' + b"9" * 16_000 + b"}"]
)
async def test_garbage_is_refused(tmp_path: Path, body: bytes) -> None:
    async with setting(tmp_path) as s:
        headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}

        answer = await s.client.post(f"{AT}/acknowledge", content=body, headers=headers)

        assert answer.status_code in (400, 422)
        assert "99999" not in answer.text
