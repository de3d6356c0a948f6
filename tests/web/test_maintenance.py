"""Announced work and mutes through the API and on the pages: who may, what is refused, what everybody sees."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.web.setting import DAY, Setting, setting

AT = "/api/v1/maintenance"


def asked(s: Setting, **more: Any) -> dict[str, Any]:
    end = s.story.clock.at + timedelta(hours=1)
    return {
        "systems": ["phoniro"],
        "end": end.isoformat(),
        "owner": "Leverandøren",
        "reason": "Servicevindue",
        **more,
    }


async def test_announced_listed_ended(tmp_path: Path) -> None:
    async with setting(tmp_path, DAY) as s:
        await s.all_well()
        begun = await s.post(AT, asked(s))
        window = begun.json()["window"]
        assert (begun.status_code, begun.json()["recorded"], window["holds"]) == (200, True, True)
        assert (window["systems"], window["owner"], window["source"]) == (["phoniro"], "Leverandøren", "api")

        await s.story.down("phoniro-1")
        listed = (await s.get(AT)).json()
        assert [one["id"] for one in listed["windows"]] == [window["id"]]
        (withheld,) = listed["withheld"]
        assert (withheld["owner"], withheld["why"], withheld["reason"]) == (
            "Leverandøren",
            "Servicevindue",
            "maintenance",
        )
        assert withheld["until"] == window["end"]

        page = (await s.get("/")).text
        wall = (await s.get("/tavle")).text
        incident = (await s.get("/incidents/26-0001")).text
        for shown in (page, wall, incident):
            assert "Varslet arbejde til kl. 11:00 (Servicevindue, Leverandøren). Beskeder holdes tilbage" in shown

        ended = await s.client.request(
            "DELETE", f"{AT}/{window['id']}", json={"who": "Vagten"}, headers={"Authorization": "Bearer x"}
        )
        assert ended.status_code == 401
        ended = await change(s, "DELETE", window["id"], {"who": "Vagten"})
        assert ended.json()["window"]["holds"] is False
        assert (await change(s, "DELETE", window["id"], {"who": "Vagten"})).status_code == 409
        assert (await s.get(AT)).json()["windows"] == []
        await s.story.later(30, step=1)
        assert "skulle være slut" in s.story.expect("nexus", "Phoniro NEDE")


async def change(s: Setting, method: str, ident: str, body: dict[str, Any]) -> Any:
    headers = {"Authorization": f"Bearer {s.site.api_token}"}
    return await s.client.request(method, f"{AT}/{ident}", json=body, headers=headers)


async def test_moved(tmp_path: Path) -> None:
    async with setting(tmp_path, DAY) as s:
        window = (await s.post(AT, asked(s))).json()["window"]
        later = (s.story.clock.at + timedelta(hours=3)).isoformat()
        moved = await change(s, "PATCH", window["id"], {"who": "Vagten", "end": later})
        assert moved.json()["window"]["end"].startswith("2026-03-05T12:")
        past = await change(s, "PATCH", window["id"], {"who": "Vagten", "end": "2026-03-05T07:00:00Z"})
        assert past.status_code == 422


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"systems": ["findes_ikke"]}, 422),
        ({"systems": ["egen_linje"]}, 422),
        ({"systems": []}, 422),
        ({"systems": ["phoniro"] * 51}, 422),
        ({"systems": ["phoniro", "noedkald"], "kind": "mute"}, 422),
        ({"end": "2026-03-13T09:00:00Z", "kind": "mute"}, 422),
        ({"end": "2026-05-13T09:00:00Z"}, 422),
        ({"start": "2027-12-13T09:00:00Z", "end": "2027-12-13T10:00:00Z"}, 422),
        ({"end": "2026-03-05T08:00:00Z"}, 422),
        ({"end": "2026-03-05T12:00:00"}, 422),
        ({"end": "0001-01-01T00:00:00+14:00"}, 422),
        ({"end": "9999-12-31T23:59:59-14:00"}, 422),
        ({"reason": ""}, 422),
        ({"reason": "borger 010203-1234 ringede"}, 422),
        ({"reason": "x" * 121}, 422),
        ({"owner": " "}, 422),
        ({"owner": "<script>"}, 422),
        ({"tell": "findes_ikke"}, 422),
        ({"kind": "holiday"}, 422),
        ({"for": "2h"}, 422),
    ],
)
async def test_what_is_refused_changes_nothing(tmp_path: Path, more: dict[str, Any], status: int) -> None:
    async with setting(tmp_path, DAY) as s:
        answer = await s.post(AT, asked(s, **more))
        assert answer.status_code == status, answer.text
        assert (await s.get(AT)).json() == {"windows": [], "withheld": []}


async def test_without_the_token_nothing_is_announced(tmp_path: Path) -> None:
    async with setting(tmp_path, DAY) as s:
        assert (await s.post(AT, asked(s), token="forkert")).status_code == 401
        assert (await s.get(AT)).json()["windows"] == []


async def test_no_more_than_so_many_at_a_time(tmp_path: Path) -> None:
    async with setting(tmp_path, DAY) as s:
        answers = [(await s.post(AT, asked(s, reason=f"Nr. {n}"))).status_code for n in range(202)]
        assert answers == [200] * 200 + [409] * 2


async def test_a_mute_is_said_as_one_and_what_waits_is_measured(tmp_path: Path) -> None:
    async with setting(tmp_path, DAY) as s:
        await s.all_well()
        await s.story.down("phoniro-1")
        s.story.expect("nexus", "Phoniro NEDE")
        await s.post(AT, asked(s, kind="mute", reason="Vi arbejder på det"))
        await s.story.later(600)
        shown = (await s.get("/")).text
        assert "Beskeder slået fra til kl. 11:00 (Vi arbejder på det, Leverandøren)" in shown
        ledger = s.story.engine.desk.ledger
        assert ledger.withheld() == {"muted": 1}
        assert s.story.clock.at - ledger.withheld_since()["muted"] >= timedelta(minutes=9)
        await s.story.up("phoniro-1")
        story = (await s.get("/incidents/26-0001")).text
        assert "Oppe under varslet arbejde" in story
        s.forget_phones()


async def test_nothing_personal_is_shown_of_who_announced(tmp_path: Path) -> None:
    async with setting(tmp_path, DAY) as s:
        await s.post(AT, asked(s, owner="Ring +4512345678"))
        assert "12345678" not in (await s.get(AT)).text
        assert "12345678" not in (await s.get("/")).text
