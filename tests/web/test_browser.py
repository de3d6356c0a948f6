"""The pages in a real browser: readable with and without scripts, free of barriers, honest when they are old."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_core_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright, expect

from monitor.core.finding import Outcome
from monitor.web.site import Health
from tests.web.setting import CARDS, DAY, Server, Setting, serving, setting

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"width": 360, "height": 740}
WALL = {"width": 1920, "height": 1080}
PAGES = ("/", "/tavle", "/incidents/26-0001", "/cards/noedkald", "/findes-ikke")

pytestmark = [pytest.mark.real, pytest.mark.slow]


@asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def opened(browser: Browser, **more: Any) -> AsyncIterator[Page]:
    """A page that fails the test on a script's error or anything the policy stopped."""
    context = await browser.new_context(**more)
    page = await context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if "Content Security" in said.text else None)
    try:
        yield page
    finally:
        await context.close()
    assert wrong == []


async def _trouble(s: Setting) -> None:
    """A night with everything on the page: one down, one unstable, one suspect, our own line gone."""
    await s.all_well()
    await s.story.down("noedkald-1")
    for _ in range(3):
        await s.story.down("medicoteknik-1")
        await s.story.up("medicoteknik-1")
    await s.story.find("phoniro-1", Outcome.FAIL)
    s.forget_phones()


async def _lasting(s: Setting) -> None:
    """A day on which a task has been handed out."""
    await s.all_well()
    await s.story.down("noedkald-1")
    await s.story.later(1000)
    await s.post("/api/v1/incidents/26-0001/acknowledge", {"who": "NEXUS support", "state": "working"})
    await s.story.later(1)
    s.forget_phones()


async def _violations(page: Page) -> list[str]:
    found = await Axe().run(page)
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", ["well", "trouble", "blind"])
async def test_there_are_no_barriers(tmp_path: Path, scheme: Any, state: str) -> None:
    async with setting(tmp_path) as s, browsing() as browser, serving(s.site) as server:
        await _trouble(s) if state != "well" else await s.all_well()
        if state == "blind":
            await s.blind()
            s.body.health = Health(ok=False, reasons=("probe",))
            s.forget_phones()
        await s.story.later(1)
        found = {}
        async with opened(browser, viewport=PHONE, color_scheme=scheme) as page:
            for path in PAGES:
                await page.goto(server.url + path)
                for details in await page.locator("summary").all():
                    await details.click()
                found[path] = await _violations(page)
                assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path

        assert found == {path: [] for path in PAGES}


async def test_a_task_and_a_stale_page_have_no_barriers_either(tmp_path: Path) -> None:
    async with setting(tmp_path, DAY) as s, browsing() as browser, serving(s.site) as server:
        await _lasting(s)
        async with opened(browser, viewport=PHONE) as page:
            await page.goto(server.url + "/incidents/26-0001")
            await expect(page.get_by_text("Kontakt regionen", exact=True)).to_be_visible()
            tasks = await _violations(page)
            await page.clock.install()
            for path, every in [("/", 15), ("/tavle", 5)]:
                await page.goto(server.url + path)
                await page.route("**/*", lambda route: route.abort())
                await _lose(page, every)
                tasks += await _violations(page)
                await page.unroute("**/*")

        assert tasks == []


@pytest.mark.parametrize("scripts", [True, False])
async def test_pages_are_whole_with_and_without_scripts(tmp_path: Path, scripts: bool) -> None:
    async with setting(tmp_path) as s, browsing() as browser, serving(s.site) as server:
        await _trouble(s)
        async with opened(browser, viewport=PHONE, java_script_enabled=scripts) as page:
            for path, said in [
                ("/", "Nødkald er nede"),
                ("/tavle", "Nødkald er nede"),
                ("/cards/noedkald", "Gør sådan"),
            ]:
                await page.goto(server.url + path)
                await expect(page.get_by_role("heading", name=said)).to_be_visible()
                await expect(page.get_by_text("Opdateret kl.").first).to_be_visible()
                await expect(page.locator("#stale")).to_be_hidden()
            await page.goto(server.url)
            await page.get_by_role("link", name="Gør dette nu").first.click()
            await expect(page).to_have_url(server.url + "/cards/noedkald")


async def test_without_scripts_a_page_fetches_itself_again(tmp_path: Path) -> None:
    async with setting(tmp_path) as s, serving(s.site):
        for path, seconds in [("/", 15), ("/tavle", 10)]:
            html = (await s.get(path)).text
            assert f'<noscript><meta http-equiv="refresh" content="{seconds}"></noscript>' in html


async def _turn(page: Page, seconds: float) -> None:
    """Turn the browser's clock and let what it started come back."""
    for _ in range(int(seconds)):
        await page.clock.run_for(1000)
        await page.evaluate("() => new Promise((go) => queueMicrotask(go))")


async def _lose(page: Page, every: int) -> None:
    """Turn the clock until the page says that it is old; fails after as many turns as it may ever need."""
    for _ in range(8):
        await _turn(page, every)
        if await page.locator("#stale").is_visible():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the page did not say that it is old")


async def _until_said(page: Page, said: str) -> None:
    for _ in range(8):
        await _turn(page, 15)
        if await page.get_by_role("heading", name=said).is_visible():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"the page never said {said!r}")


async def test_an_open_page_follows_what_happens(tmp_path: Path) -> None:
    async with setting(tmp_path) as s, browsing() as browser, serving(s.site) as server:
        await s.all_well()
        await s.story.find("phoniro-1", Outcome.FAIL)
        async with opened(browser, viewport=PHONE) as page:
            await page.clock.install()
            await page.goto(server.url)
            await page.get_by_text("Hvad overvågningen ser").click()
            await s.story.down("noedkald-1")
            await _until_said(page, "Nødkald er nede")

            assert await page.title() == "Nødkald er nede · Driftsstatus"
            assert await page.locator("#say").text_content() == "Nødkald er nede"
            # What the reader had opened is still open.
            assert await page.locator("#checks-phoniro").get_attribute("open") is not None
        s.forget_phones()


@pytest.mark.parametrize(
    ("path", "every", "said"), [("/", 15, "Siden kan ikke opdateres."), ("/tavle", 5, "INGEN FORBINDELSE")]
)
async def test_a_page_that_cannot_refresh_says_so_and_recovers(
    tmp_path: Path, path: str, every: int, said: str
) -> None:
    async with setting(tmp_path) as s, browsing() as browser:
        await s.all_well()
        async with serving(s.site) as server, opened(browser, viewport=WALL) as page:
            await page.clock.install()
            await page.goto(server.url + path)
            await page.route("**/*", lambda route: route.abort())
            await _lose(page, every)
            await expect(page.locator("#stale")).to_contain_text(said)
            await expect(page.locator("#stale")).to_contain_text("03:00:0")
            await page.unroute("**/*")
            for _ in range(8):
                await _turn(page, every)
                await asyncio.sleep(0.05)
                if await page.locator("#stale").is_hidden():
                    break
            await expect(page.locator("#stale")).to_be_hidden()


async def test_the_wall_screen_fits_and_is_large(tmp_path: Path) -> None:
    """Read from five metres: letters of at least 1/45 of the screen's height for what a system does."""
    async with setting(tmp_path) as s, browsing() as browser, serving(s.site) as server:
        await _trouble(s)
        async with opened(browser, viewport=WALL) as page:
            await page.goto(server.url + "/tavle")
            sizes = await page.evaluate(
                "[...document.querySelectorAll('.words, .system h2')]"
                ".map((e) => parseFloat(getComputedStyle(e).fontSize))"
            )
            overflow = await page.evaluate(
                "[...document.querySelectorAll('.said')]"
                ".filter((e) => e.scrollHeight > e.parentElement.clientHeight).length"
            )
            scrolls = await page.evaluate("document.documentElement.scrollHeight > innerHeight")

        assert min(sizes) >= WALL["height"] / 45
        assert (overflow, scrolls) == (0, False)


async def _pages(server: Server, browser: Browser, path: str) -> int:
    async with opened(browser) as page:
        await page.goto(server.url + path)
        printed = await page.pdf(format="A4", prefer_css_page_size=True)
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", printed))


async def test_every_shipped_card_prints_on_one_sheet(tmp_path: Path) -> None:
    async with setting(tmp_path) as s, browsing() as browser, serving(s.site) as server:
        await _trouble(s)
        names = [name for name in s.story.plan.systems if (CARDS / f"{name}.md").exists()]
        printed = {name: await _pages(server, browser, f"/cards/{name}") for name in names}

        assert printed == dict.fromkeys(names, 1)
        assert len(names) >= 4
