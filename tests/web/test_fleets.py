"""The registry through the API: who may, what is taken in, what is refused, and that memory and store agree."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from monitor.core.fleet import DeviceState
from tests.support.fleet_site import FleetSite, fleet_site
from tests.support.fleet_story import HOUR, NAME


def device(number: int, **more: Any) -> dict[str, Any]:
    attributes = {"operator": "X", "model": "M1"}
    return {"id": f"d{number}", "cid": str(990000 + number), "attributes": attributes, **more}


def kept(folder: Path, text: str) -> list[Path]:
    """The files that hold the text."""
    return [path for path in folder.iterdir() if text.encode() in path.read_bytes()]


async def filled(site: FleetSite, count: int = 5) -> None:
    answer = await site.post("/kald/devices", {"devices": [device(n) for n in range(count)]})
    assert answer.json() == {"new": count, "changed": 0, "same": 0}


async def test_devices_are_taken_in_described_anew_and_kept(tmp_path: Path) -> None:
    async with fleet_site(tmp_path) as site:
        await filled(site)
        again = [device(0), device(1, critical=True), device(2, cid="1"), device(9, interval=600)]
        answer = await site.post("/kald/devices", {"devices": again})
        assert answer.json() == {"new": 1, "changed": 2, "same": 1}

        for _ in range(2):
            fleet = site.fleet
            assert fleet.devices.by_cid("1") == fleet.devices.index["d2"]
            assert fleet.devices.by_cid("990002") is None
            assert fleet.devices.critical(fleet.devices.index["d1"])
            assert fleet.devices.interval(fleet.devices.index["d9"]) == 600
            assert fleet.devices.attributes(fleet.devices.index["d9"]) == {"operator": "X", "model": "M1"}
            assert len(fleet.devices) == 6
            await fleet.story.restart(away=1)


async def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    async with fleet_site(tmp_path) as site:
        answer = await site.post("/kald/devices", {"devices": [device(1)], "dry_run": True})

        assert answer.json() == {"new": 1, "changed": 0, "same": 0}
        assert len(site.fleet.devices) == 0


async def test_devices_are_taken_out_and_their_places_stay_empty(tmp_path: Path) -> None:
    async with fleet_site(tmp_path) as site:
        await filled(site)
        site.fleet.beat([4])
        await site.fleet.story.engine.fleets.write()

        answer = await site.post("/kald/remove", {"ids": ["d1", "d3", "d3", "d99"]})
        assert answer.json() == {"removed": 2}
        await site.post("/kald/devices", {"devices": [device(7)]})

        for _ in range(2):
            assert {name: site.fleet.devices.index[name] for name in ("d0", "d2", "d4", "d7")} == {
                "d0": 0, "d2": 2, "d4": 4, "d7": 5,
            }  # fmt: skip
            assert site.fleet.devices.last(4) > 0
            await site.fleet.story.restart(away=1)


async def test_a_name_two_would_share_is_refused_and_nothing_is_taken(tmp_path: Path) -> None:
    async with fleet_site(tmp_path) as site:
        await filled(site)

        for wrong in ([device(8, cid="990001")], [device(8), device(8)], [device(8, cid="5"), device(9, cid="5")]):
            answer = await site.post("/kald/devices", {"devices": wrong})
            assert answer.status_code == 409
            assert "hører til en anden enhed" in answer.json()["detail"]

        assert len(site.fleet.devices) == 5


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "æ"}, {"id": ""}, {"id": "x" * 65}, {"id": "a/b"}, {"id": "d1", "cid": "+45 1"},
        {"id": "d1", "cid": "1" * 17},
        {"id": "d1", "interval": -1}, {"id": "d1", "interval": "inf"}, {"id": "d1", "attributes": {"model": "x" * 65}},
        {"id": "d1", "attributes": {"model": "a\nb"}}, {"id": "d1", "name": "Fru Hansen"}, {"cid": "1"},
    ],
)  # fmt: skip
async def test_a_device_that_is_none_is_refused_without_repeating_it(tmp_path: Path, wrong: dict[str, Any]) -> None:
    async with fleet_site(tmp_path) as site:
        answer = await site.post("/kald/devices", {"devices": [wrong]})

        assert answer.status_code == 422
        assert "Hansen" not in answer.text
        assert len(site.fleet.devices) == 0


async def test_only_who_holds_the_token_changes_anything(tmp_path: Path) -> None:
    async with fleet_site(tmp_path) as site:
        for path in ("devices", "remove", "tokens", "tokens/revoke", "mute"):
            assert (await site.post(f"/kald/{path}", {}, token="guessed")).status_code == 401
        assert (await site.post("/kald/devices", {"devices": [device(n) for n in range(5001)]})).status_code == 422
        large = {"devices": [device(1, attributes={"model": "x" * 3_000_000})]}
        assert (await site.post("/kald/devices", large)).status_code == 413


async def test_a_fleet_nobody_knows_is_told_so(tmp_path: Path) -> None:
    async with fleet_site(tmp_path) as site:
        for answer in (
            await site.get("/andre"),
            await site.get("/andre/devices"),
            await site.post("/andre/devices", {"devices": []}),
            await site.post("/andre/tokens", {}),
            await site.post("/kald/tokens", {"device": "d77"}),
            await site.post("/kald/mute", {"device": "d77", "seconds": 60, "why": "ferie"}),
        ):
            assert answer.status_code == 404


async def test_a_token_is_shown_once_opens_until_revoked_and_is_never_kept(tmp_path: Path) -> None:
    async with fleet_site(tmp_path) as site:
        await filled(site)
        whole = (await site.post("/kald/tokens", {"note": "leverandør"})).json()["token"]
        single = (await site.post("/kald/tokens", {"device": "d1"})).json()["token"]

        def opens(token: str) -> tuple[str, str] | None:
            return site.fleet.story.engine.fleets.tokens.get(hashlib.sha256(token.encode()).digest())

        assert (opens(whole), opens(single), opens("guessed")) == (("kald", ""), ("kald", "d1"), None)
        await site.fleet.story.restart(away=1)
        assert (opens(whole), opens(single)) == (("kald", ""), ("kald", "d1"))
        assert not kept(tmp_path, whole)

        assert await site.fleet.story.engine.fleets.registry.revoke(NAME, "d1") == 1
        await site.fleet.story.restart(away=1)
        assert (opens(whole), opens(single)) == (("kald", ""), None)


async def test_pages_go_through_all_devices_once(tmp_path: Path) -> None:
    async with fleet_site(tmp_path) as site:
        await filled(site, 7)
        site.fleet.beat([2, 5])
        found: list[str] = []
        after: int | None = -1
        while after is not None:
            page = (await site.get(f"/kald/devices?after={after}&limit=3")).json()
            found += [one["id"] for one in page["devices"]]
            after = page["next"]

        assert found == [f"d{n}" for n in range(7)]
        heard = (await site.get("/kald/devices?state=ok")).json()["devices"]
        assert [one["id"] for one in heard] == ["d2", "d5"]
        assert (await site.get("/kald/devices?state=glad")).status_code == 422
        fleet = (await site.get("/kald")).json()
        assert (fleet["devices"], fleet["states"]["ok"], fleet["states"]["new"], fleet["early"]) == (7, 2, 5, False)


async def test_muting_has_an_end_and_is_bounded(tmp_path: Path) -> None:
    async with fleet_site(tmp_path) as site:
        await filled(site)
        mute = {"device": "d1", "seconds": 2 * HOUR, "why": "ferie"}
        assert (await site.post("/kald/mute", mute)).json()["until"] == "2026-03-05T11:00:00Z"
        assert site.fleet.devices.state(1) is DeviceState.MUTED
        assert (await site.post("/kald/mute", mute | {"seconds": 0})).json()["until"] is None
        assert site.fleet.devices.state(1) is DeviceState.NEW
        assert (await site.post("/kald/mute", mute | {"seconds": 1e9})).status_code == 422
        assert (await site.post("/kald/mute", mute | {"why": ""})).status_code == 422


async def test_while_the_registry_cannot_be_written_nothing_is_taken_in(tmp_path: Path) -> None:
    async with fleet_site(tmp_path) as site:
        site.fleet.story.engine.fleets.rows = None

        answer = await site.post("/kald/devices", {"devices": [device(1)]})

        assert (answer.status_code, answer.json()) == (503, {"detail": "Enhederne kan ikke læses eller gemmes lige nu"})
        assert len(site.fleet.devices) == 0


async def test_metrics_count_by_fleet_and_state_and_name_no_device(tmp_path: Path) -> None:
    async with fleet_site(tmp_path) as site:
        await filled(site)
        site.fleet.beat([1])
        site.fleet.story.engine.fleets.count("kald", "ok", 3)
        site.fleet.story.engine.fleets.count("ukendt", "unknown")

        text = (await site.client.get("/metrics")).text

        assert 'omsorgsvagt_devices{fleet="kald",state="ok"} 1.0' in text
        assert 'omsorgsvagt_devices{fleet="kald",state="new"} 4.0' in text
        assert 'omsorgsvagt_heartbeats_total{fleet="kald",outcome="ok"} 3.0' in text
        assert 'omsorgsvagt_heartbeats_total{fleet="",outcome="unknown"} 1.0' in text
        assert 'omsorgsvagt_fleet_early_sign{fleet="kald"} 0.0' in text
        assert "omsorgsvagt_heartbeats_not_durable_seconds" in text
        assert "d1" not in text.replace('"kald"', "")
