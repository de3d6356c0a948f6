"""The answering page in a real browser without scripts: readable on a phone, and its buttons reach us."""

from pathlib import Path

import pytest
from axe_core_python.async_playwright import Axe
from playwright.async_api import expect

from tests.web.setting import serving
from tests.web.test_browser import PHONE, browsing, opened
from tests.web.test_links import mailed

pytestmark = [pytest.mark.real, pytest.mark.slow]


async def test_a_link_is_answered_without_scripts(tmp_path: Path) -> None:
    async with mailed(tmp_path) as (at, path), serving(at.site) as server, browsing() as browser:
        for scheme in ("light", "dark"):
            async with opened(browser, viewport=PHONE, color_scheme=scheme) as page:
                await page.goto(server.url + path)
                found = await Axe().run(page)
                assert [one["id"] for one in found["violations"]] == []
        async with opened(browser, viewport=PHONE, java_script_enabled=False) as page:
            await page.goto(server.url + path)
            await page.get_by_role("button", name="Jeg har set den").click()
            await expect(page.get_by_role("heading")).to_have_text("Noteret: du har set den.")
            await page.get_by_role("button", name="Nøddrift er i gang").click()
            await expect(page.get_by_role("heading")).to_have_text("Noteret: nøddrift er i gang.")
            assert at.story.incident.human.value == "fallback"
            await page.goto(server.url + path)
            await expect(page.get_by_role("heading")).to_have_text("Linket er allerede brugt.")
        await at.story.engine.turn()
        at.forget_phones()
