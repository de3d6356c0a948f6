"""Scenario 27: a link in a mail is looked at by scanners, pressed by people, and counts once."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import structlog

from monitor.core.plan import ChannelName, PersonId
from monitor.core.reasons import HumanState
from monitor.engine.links import Asking, Link
from tests.support.plans import MAIL, SMS, step, with_steps
from tests.web.setting import NIGHT, Setting, plan_with_cards, setting

KEY = b"en noegle"
URL = "http://vagt.example"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@asynccontextmanager
async def mailed(folder: Path) -> AsyncIterator[tuple[Setting, str]]:
    """A setting in which chef has been mailed a link, and the link's path."""
    async with setting(folder, NIGHT) as at:
        both = step(0, "afdelingschef", "brand_og_redning", by=(SMS, MAIL), repeat=300.0)
        await at.story.replan(with_steps(plan_with_cards(), "nedbrud_nat", both))
        at.story.engine.desk.asking = Asking(KEY, URL)
        await at.story.down("noedkald-1", every=0)
        found = re.search(rf"{URL}(/a/\S+)", at.story.expect("chef", "NEDE", channel=ChannelName.MAIL))
        assert found is not None
        at.forget_phones()
        yield at, found[1]


async def press(at: Setting, path: str, state: str = "seen") -> httpx.Response:
    answer = await at.client.post(path, content=f"state={state}", headers=FORM)
    await at.story.engine.turn()
    return answer


def counted(at: Setting, verdict: str) -> float:
    sample = at.site.metrics.registry.get_sample_value
    return sample("omsorgsvagt_replies_total", {"route": "link", "verdict": verdict}) or 0.0


async def test_looking_changes_nothing_however_often(tmp_path: Path) -> None:
    async with mailed(tmp_path) as (at, path):
        seen = await at.client.get(path)
        for method in ("HEAD", "GET"):
            seen = await at.client.request(method, path)
            assert seen.status_code == 200
            assert seen.headers["cache-control"] == "no-store"
            assert "form-action 'self'" in seen.headers["content-security-policy"]
        assert "Nødkald: NEDE siden 03:00" in seen.text
        assert "Ingen har kvitteret endnu." in seen.text
        assert "<script" not in seen.text
        assert at.story.incident.acknowledged is None
        assert (await at.client.put(path)).status_code == 405
        assert at.story.texts() == []


async def test_a_press_acts_once_and_the_other_hears(tmp_path: Path) -> None:
    async with mailed(tmp_path) as (at, path):
        done = await press(at, path)
        assert done.status_code == 200
        assert "Noteret: du har set den." in done.text
        assert at.story.incident.acknowledged_by == "Chef"
        at.story.expect("brand", "Chef har den nu")
        assert at.story.texts() == []

        for again in (await press(at, path, "fallback"), await at.client.get(path)):
            assert again.status_code == 410
            assert "Linket er allerede brugt." in again.text
            assert "Chef har set det 03:00" in again.text
            assert "<form" not in again.text
        assert at.story.incident.human is HumanState.SEEN
        assert (counted(at, "acknowledged"), counted(at, "used")) == (1, 1)


async def test_the_page_carries_on_from_seen_to_fallback(tmp_path: Path) -> None:
    async with mailed(tmp_path) as (at, path):
        page = await press(at, path)
        for state in ("working", "fallback"):
            following = re.search(r'action="(/a/[^"]+)"', page.text)
            assert following is not None
            page = await press(at, following[1], state)
            assert page.status_code == 200
            assert at.story.incident.human is HumanState(state)
        following = re.search(r'action="(/a/[^"]+)"', page.text)
        assert following is not None
        assert "Stadig i gang, intet nyt" in page.text
        page = await press(at, following[1], "still")
        assert "Noteret: stadig i gang." in page.text
        assert at.story.incident.human is HumanState.FALLBACK
        assert (await at.client.get(following[1])).status_code == 410
        at.story.expect("brand", "Chef har den nu")
        assert at.story.texts() == []


async def test_the_question_for_news_carries_a_link_that_is_not_used_up(tmp_path: Path) -> None:
    async with mailed(tmp_path) as (at, path):
        await press(at, path)
        at.forget_phones()
        await at.story.later(1800)
        found = re.search(rf"{URL}(/a/\S+)", at.story.expect("chef", "Er der nyt?", channel=ChannelName.MAIL))
        assert found is not None
        looked = await at.client.get(found[1])
        assert "Stadig i gang, intet nyt" in looked.text
        assert (await press(at, found[1], "still")).status_code == 200
        at.forget_phones()
        await at.story.later(1790)
        assert at.story.texts() == []


async def test_who_has_it_not_is_offered_no_button_for_going_on(tmp_path: Path) -> None:
    async with mailed(tmp_path) as (at, path):
        link = Asking(KEY).read(path.removeprefix("/a/"))
        await press(at, path)
        at.forget_phones()
        theirs = Asking(KEY).token(replace(link, person=PersonId("brand")))
        looked = await at.client.get(f"/a/{theirs}")
        assert "Jeg har set den" in looked.text
        assert "Stadig i gang" not in looked.text
        assert "Chef har set det" in looked.text


async def test_a_used_link_stays_used_over_a_restart(tmp_path: Path) -> None:
    async with mailed(tmp_path) as (at, path):
        await press(at, path)
        kept = await at.story.store.load()
        assert [ln.key for ln in kept.timeline if "/link/" in ln.key]
        token = path.removeprefix("/a/")
        assert Asking(KEY).read(token).key in {ln.key for ln in kept.timeline}


async def test_an_expired_link_is_told_so(tmp_path: Path) -> None:
    async with mailed(tmp_path) as (at, path):
        at.story.clock.at += timedelta(hours=24)
        assert "Linket er udløbet." in (await press(at, path)).text
        assert at.story.incident.acknowledged is None
        at.forget_phones()


async def test_a_link_from_before_it_became_worse_does_not_hide_it(tmp_path: Path) -> None:
    async with mailed(tmp_path) as (at, path):
        link = Asking(KEY).read(path.removeprefix("/a/"))
        old = Asking(KEY).token(replace(link, generation=link.generation - 1))
        answer = await press(at, f"/a/{old}")
        assert answer.status_code == 410
        assert "Der er sket noget nyt" in answer.text
        assert at.story.incident.acknowledged is None


async def test_an_incident_that_is_over_is_told_so(tmp_path: Path) -> None:
    async with mailed(tmp_path) as (at, path):
        await at.story.up("noedkald-1")
        answer = await press(at, path)
        assert answer.status_code == 410
        assert "Hændelsen er slut." in answer.text
        await at.story.later(1000)
        assert "Hændelsen er slut." in (await at.client.get(path)).text
        at.forget_phones()


async def test_forged_links_open_nothing(tmp_path: Path) -> None:
    async with mailed(tmp_path) as (at, path):
        token = path.removeprefix("/a/")
        link = Asking(KEY).read(token)
        forged = [
            "",
            "x",
            token[:-1],
            token + "A",
            token.swapcase(),
            token.partition(".")[0],
            "." + token,
            Asking(b"en anden noegle").token(link),
            "A" * 5000,
            "%00",
            "..%2f..%2fetc",
            "{{7*7}}",
        ]
        for one in forged:
            for answer in (await at.client.get(f"/a/{one}"), await press(at, f"/a/{one}")):
                assert answer.status_code == 404, one
                assert "Linket er ikke gyldigt." in answer.text
                assert "49" not in answer.text or "{{7*7}}" not in one
        assert at.story.incident.acknowledged is None
        assert counted(at, "forged") == len(forged)


@pytest.mark.parametrize("said", [[], ["i"], "text", {"a": 1}, ["i", "p", 1, 1e300, 0], ["i", "p", 1, "x", 0], [1] * 9])
async def test_what_we_signed_for_something_else_is_forged_too(said: object, tmp_path: Path) -> None:
    async with mailed(tmp_path) as (at, _):
        token = Asking(KEY)._signer().dumps(said)
        assert (await at.client.get(f"/a/{token}")).status_code == 404


async def test_a_press_that_says_nothing_known_changes_nothing(tmp_path: Path) -> None:
    async with mailed(tmp_path) as (at, path):
        for body in (b"", b"state=resolved", b"state=", b"\xff\xfe", b"a=1&" * 50, b"{}", b"state=unseen"):
            assert (await at.client.post(path, content=body, headers=FORM)).status_code == 400
        assert (await at.client.post(path, content=b"state=seen&" + b"x" * 5000)).status_code == 413
        assert at.story.incident.acknowledged is None


async def test_somebody_who_has_left_the_plan_is_named_as_he_was_known(tmp_path: Path) -> None:
    async with mailed(tmp_path) as (at, path):
        link = Asking(KEY).read(path.removeprefix("/a/"))
        token = Asking(KEY).token(replace(link, person=PersonId("<b>fratrådt")))
        answer = await press(at, f"/a/{token}")
        assert "&lt;b&gt;fratrådt" in answer.text
        assert "<b>" not in answer.text
        at.forget_phones()


async def test_no_log_line_holds_a_link(tmp_path: Path) -> None:
    async with mailed(tmp_path) as (at, path):
        at.story.engine.desk.plan = None  # type: ignore[assignment]
        with structlog.testing.capture_logs() as logs:
            answer = await at.client.get(path)
        assert answer.status_code == 500
        assert logs
        assert path.removeprefix("/a/") not in str(logs)


def test_a_key_is_not_shown() -> None:
    asking = Asking(KEY, URL)
    assert "noegle" not in repr(asking)
    assert asking.address(Link("i", "p", 1, NIGHT)).startswith(f"{URL}/a/")  # type: ignore[arg-type]
    assert Asking(KEY).address(Link("i", "p", 1, NIGHT)) == ""  # type: ignore[arg-type]
