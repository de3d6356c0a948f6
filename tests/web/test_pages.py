"""What staff read: the words, for every way a system can stand."""

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from monitor.core.finding import Outcome, Reason, SystemName
from monitor.core.plan import RouteInfo, RouteName
from monitor.core.records import Incident
from monitor.ports import SendOutcome
from monitor.web.cards import card_html, split_title
from monitor.web.privacy import holds_cpr, masked
from monitor.web.site import Health
from tests.web.setting import CARDS, DAY, Setting, setting

CHECK = "noedkald-1"


def words(html: str) -> str:
    """The page's text as it is read."""
    body = html[html.index("<main") :] if "<main" in html else html
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


async def page(s: Setting, path: str = "/") -> str:
    answer = await s.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return words(answer.text)


async def test_when_all_is_well_it_says_so_and_when_it_was_made(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        await s.all_well()
        text = await page(s)

        assert text.startswith("Alt virker Opdateret kl. 03:00:01 · Uden for arbejdstid til man 08:00")
        assert text.count("Virker ") >= 4
        assert "NEDE" not in text


async def test_before_anything_was_seen_nothing_is_called_well(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        text = await page(s)

        assert text.startswith("4 systemer kan ikke ses")
        assert "Ikke tjekket endnu" in text
        assert "Alt virker" not in text


async def test_an_outage_says_since_when_why_what_to_do_and_who_was_told(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        await s.all_well()
        await s.story.down(CHECK)
        html = (await s.get("/")).text
        text = words(html)

        assert text.startswith("Nødkald er nede")
        assert "Nødkald NEDE siden 03:00 Svarer med fejl (status 503) Ingen har kvitteret endnu Gør dette nu" in text
        assert 'href="/cards/noedkald"' in html
        assert "Afdelingschef : SMS sendt 03:00" in text
        assert "Brand og redning : SMS sendt 03:00" in text
        s.forget_phones()


async def test_the_loudest_stands_first(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        await s.all_well()
        await s.story.down("phoniro-1")
        html = (await s.get("/")).text

        titles = re.findall(r"<h2>([^<]+?) *</h2>", html)
        assert unescape(titles[0]).strip() == "Phoniro"
        s.forget_phones()


async def test_several_outages_are_counted(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        await s.all_well()
        await s.story.down("phoniro-1")
        await s.story.down(CHECK)

        assert (await page(s)).startswith("2 systemer er nede")
        s.forget_phones()


async def test_a_suspicion_is_being_looked_at(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        await s.all_well()
        await s.story.find(CHECK, Outcome.FAIL)

        text = await page(s)
        assert text.startswith("Nødkald undersøges")
        assert "Noedkald : under mistanke – svarer med fejl: ventede status 200, så status 503" in text


async def test_degraded_then_on_its_way_up_then_well_again(tmp_path: Path) -> None:
    async with setting(tmp_path, DAY) as s:
        await s.all_well()
        for _ in range(3):
            await s.story.find(CHECK, Outcome.WARN, Reason.SLOW)
            await s.story.later(5)
        degraded = await page(s)
        await s.story.find(CHECK, Outcome.OK)
        rising = await page(s)
        await s.story.find(CHECK, Outcome.OK)
        well = await page(s)

        assert "Nødkald Forringet siden 10:00 Er langsom" in degraded
        assert degraded.startswith("Nødkald har problemer")
        assert "Nødkald På vej op igen Problemet begyndte 10:00" in rising
        assert well.startswith("Alt virker")
        assert "Nødkald Virker igen Oppe siden 10:00" in well
        assert "26-0001 Nødkald: oppe igen" in well
        s.forget_phones()


async def test_unstable_is_not_called_well(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        await s.all_well()
        for _ in range(3):
            await s.story.down(CHECK)
            await s.story.up(CHECK)

        text = await page(s)
        assert text.startswith("Nødkald har problemer")
        assert "Ustabil" in text
        assert "nede 3 gange" in text
        s.forget_phones()


async def test_blind_says_that_nobody_knows(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        await s.all_well()
        await s.blind()
        for path in ("/", "/tavle"):
            text = await page(s, path)

            assert "4 systemer kan ikke ses" in text
            assert "Vi kan ikke se ud siden 03:00: vores egen linje er nede." in text
            assert "Alt virker" not in text
        s.forget_phones()


async def test_an_unwell_service_says_so_on_every_page(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        await s.all_well()
        s.body.health = Health(ok=False, reasons=("loop probe has not turned for 15 s", "noget_nyt"))
        for path in ("/", "/tavle", "/cards/noedkald"):
            text = await page(s, path)

            assert "En del af overvågningen står stille: målingerne, noget_nyt." in text
            assert "Alt virker" not in text


async def test_a_dead_alarm_path_and_a_sick_database_are_said(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        await s.all_well()
        for phone in s.story.phones.values():
            phone.outcome = SendOutcome.BROKEN
        await s.story.down(CHECK)
        s.story.engine.desk.journal.degraded = True
        text = await page(s)

        assert "Alarmvejen: NEDE siden 03:00" in text
        assert "Databasen kan ikke skrives lige nu." in text
        assert "SMS på vej" in text


async def test_held_back_for_a_parent_says_for_whom(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        await s.all_well()
        await s.story.down(CHECK)
        held = replace(s.story.incident, held_by=SystemName("omsorgssystem"))
        s.story.engine.desk.ledger.put([held])

        assert "Kan skyldes Omsorgssystem (Nexus)" in await page(s)
        assert "Beskeder venter på Omsorgssystem (Nexus)" in await page(s, "/incidents/26-0001")
        s.forget_phones()


async def test_a_drill_is_marked_wherever_it_is_named(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        await s.all_well()
        await s.story.down(CHECK)
        s.story.engine.desk.ledger.put([replace(s.story.incident, drill=True)])
        for path in ("/", "/tavle", "/incidents/26-0001"):
            assert "ØVELSE" in await page(s, path)
        s.forget_phones()


async def test_an_incident_tells_its_story_newest_first_by_role(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        await s.all_well()
        await s.story.down(CHECK)
        await s.story.later(400)
        await s.post("/api/v1/incidents/26-0001/acknowledge", {"who": "Afdelingschef", "state": "working"})
        text = await page(s, "/incidents/26-0001")

        assert "Nødkald: NEDE" in text
        assert "Hvem har den Afdelingschef har set det 03:06, arbejder på det" in text
        told = text[text.index("Tidslinje") :]
        assert told.index("Kvitteret") < told.index("påmindelse") < told.index("Hændelsen åbnet")
        assert "SMS til Brand og redning: alarm" in told
        assert "SMS til Brand og redning ad primary" in told
        assert "Brand (" not in told
        s.forget_phones()


async def test_a_closed_incident_is_still_there_to_read(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        await s.all_well()
        await s.story.down(CHECK)
        await s.story.up(CHECK)
        await s.story.later(1000)
        text = await page(s, "/incidents/26-0001")

        assert "Nødkald: Lukket" in text
        assert "Oppe igen 03:00" in text
        assert "Har varet" in text
        s.forget_phones()


async def test_a_very_long_timeline_is_cut_and_says_so(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        await s.all_well()
        await s.story.down(CHECK)
        for number in range(510):
            await s.post("/api/v1/incidents/26-0001/note", {"who": "Leder", "text": f"Notat {number}"})
            await s.story.later(1)
        text = await page(s, "/incidents/26-0001")

        assert "Notat 509" in text
        assert "Notat 5 " not in text
        assert "ældre linjer." in text
        s.forget_phones()


async def test_a_page_is_made_once_a_second_however_many_look(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        await s.all_well()
        asked = 0
        real = s.story.store.incidents

        async def counting(limit: int = 50) -> tuple[Incident, ...]:
            nonlocal asked
            asked += 1
            return await real(limit)

        s.story.store.incidents = counting  # type: ignore[method-assign]
        first = [await s.client.get("/") for _ in range(20)]
        await s.get("/")

        assert asked == 2
        assert len({answer.text for answer in first}) == 1


async def test_what_an_operator_wrote_is_text_on_every_page(tmp_path: Path) -> None:
    """Titles and names come from files; a tag in one is shown, not run."""
    evil = '<img src=x onerror=alert(1)>"'
    async with setting(tmp_path) as s:
        desk = s.story.engine.desk
        plan = desk.plan
        systems = {name: replace(system, title=evil) for name, system in plan.systems.items()}
        roles = {name: replace(role, title=evil) for name, role in plan.roles.items()}
        routes = (RouteInfo(RouteName("primary"), plan.routes[0].channel),)
        desk.plan = replace(plan, systems=systems, roles=roles, routes=routes, municipality=evil)
        await s.story.down(CHECK)
        for path in ("/", "/tavle", "/incidents/26-0001", "/cards/noedkald"):
            html = (await s.get(path)).text
            assert "<img" not in html
            assert "&lt;img" in html
        s.forget_phones()


@pytest.mark.parametrize("name", sorted(path.stem for path in CARDS.glob("*.md")))
async def test_each_shipped_card_has_its_page(tmp_path: Path, name: str) -> None:
    async with setting(tmp_path) as s:
        plan = s.story.engine.desk.plan
        systems = {key: replace(system, card=f"cards/{key}.md") for key, system in plan.systems.items()}
        s.story.engine.desk.plan = replace(plan, systems=systems)
        html = (await s.get(f"/cards/{name}")).text

        assert html.count("<h1>") == 1
        assert "<li>" in html


async def test_a_card_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    async with setting(tmp_path) as s:
        s.story.engine.desk.cards = {"cards/noedkald.md": "  \n"}

        for name in ("noedkald", "phoniro", "ukendt"):
            answer = await s.client.get(f"/cards/{name}")
            assert answer.status_code == 404
            assert "intet action card" in answer.text


@pytest.mark.parametrize(
    "evil",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[her](javascript:alert(1))",
        "[her](data:text/html,<script>alert(1)</script>)",
        "![billede](https://fremmed.example/spor.png)",
        "<div onclick='x()'>",
        '[x](<https://a.example/"onmouseover=alert(1)>)',
    ],
)
def test_a_card_holds_text_and_nothing_that_runs(evil: str) -> None:
    html = card_html(f"# Kort\n\n{evil}\n")

    assert not re.search(r"<(script|img|div|iframe|object|style)", html)
    assert not re.search(r"""(href|src)=["']?(javascript|data):""", html)
    assert not re.search(r"<[^>]*\son\w+=", html)


def test_a_huge_or_deep_card_is_bounded() -> None:
    assert len(card_html("> " * 20_000 + "x")) < 2_000_000
    assert len(card_html("a" * 1_000_000)) < 100_000


def test_a_cards_own_heading_is_the_pages() -> None:
    assert split_title("# Nødkald er nede\n\nGør", "x") == ("Nødkald er nede", "\nGør")
    assert split_title("Gør", "Action card: Nødkald") == ("Action card: Nødkald", "Gør")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ring 12 34 56 78 nu", "Ring •••••• nu"),
        ("Ring 12345678", "Ring ••••••"),
        ("Ring +4512345678.", "Ring ••••••."),
        ("skriv til en.anden@sted.example!", "skriv til ••••••@••••••!"),
        ("borger 010203-1234", "borger ••••••-••••"),
        ("hændelse 26-0007 kl. 03:12", "hændelse 26-0007 kl. 03:12"),
        ("status 503, 1.250 ms", "status 503, 1.250 ms"),
        ("OK 4711", "OK 4711"),
    ],
)
def test_numbers_and_addresses_are_masked(text: str, shown: str) -> None:
    assert masked(text) == shown


def test_a_civil_registration_number_is_known_by_its_date() -> None:
    assert holds_cpr("0102031234")
    assert holds_cpr("x 311299-0001 y")
    assert not holds_cpr("9902031234")
    assert not holds_cpr("78412345")
    assert not holds_cpr("26-0007")
