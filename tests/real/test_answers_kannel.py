"""An alarm out through a real Kannel, its answer back in by the `get-url`, and what follows."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from monitor.channels.sms_kannel import Settings
from monitor.core.plan import ChannelName, RouteName
from monitor.engine.answers import Answers
from monitor.engine.links import Asking
from monitor.intake.sms import Sms
from monitor.web.site import Health, Site
from tests.support.kannel import Kannel, kannel, until
from tests.support.plans import small_plan
from tests.support.smsfake import route
from tests.support.story import Story, story
from tests.web.setting import serving

pytestmark = pytest.mark.real

NIGHT = datetime(2026, 12, 24, 3, 0)
CHEF, BRAND, STRANGER, OURS = "+4500000003", "+4500000004", "+4500000099", "+4500000900"
TOKEN = "kun-kannel-og-vi"


@dataclass
class Standing:
    """A story whose SMS leave by a real Kannel and come back to a real port."""

    story: Story
    kannel: Kannel
    url: str

    async def heard(self, who: str, *words: str) -> str:
        """The oldest text at the carrier for a number that holds these words."""

        def found() -> list[str]:
            return [text for to, text in self.kannel.sent() if to == who and all(word in text for word in words)]

        async def there() -> bool:
            await self.story.engine.turn()
            return bool(found())

        await until(there)
        return found()[0]

    def replies(self, verdict: str) -> float:
        counted = self.story.engine.desk.metrics.registry.get_sample_value
        return counted("omsorgsvagt_replies_total", {"route": "primary", "verdict": verdict}) or 0.0


@asynccontextmanager
async def standing(folder: Path) -> AsyncIterator[Standing]:
    plan = small_plan()
    plan = replace(plan, routes=(replace(plan.routes[0], replies=True), *plan.routes[1:]))
    async with story(folder, NIGHT, plan) as s:
        desk = s.engine.desk
        desk.asking = Asking(b"en noegle")
        settings = Settings(name="primary", sender=OURS, replies=True, user="vagt")
        sms = Sms(Answers(desk), lambda: (settings,), lambda name: TOKEN, s.clock.now)
        well = Health(ok=True)
        site = Site(s.engine, s.store, desk.metrics, lambda: well, lambda: well, "1", replies=sms)
        async with serving(site) as web:
            inbound = f"{web.url}/api/v1/sms/primary/reply?token={TOKEN}&from=%p&text=%a&id=%I"
            async with (
                kannel(folder, inbound) as real,
                route("kannel", url=real.url, user=real.user, sender=OURS) as channel,
            ):
                s.engine.senders[ChannelName.SMS].routes[RouteName("primary")] = channel
                yield Standing(s, real, web.url)


async def test_an_alarm_is_answered_by_its_phone(tmp_path: Path) -> None:
    async with standing(tmp_path) as at:
        await at.story.down("noedkald-1", every=0)
        found = re.search(r"Svar OK (\d{4})\.", await at.heard(CHEF, "NEDE siden 03:00"))
        assert found is not None
        code, number = found[1], at.story.incident.number
        await at.heard(BRAND, "NEDE siden 03:00")

        await at.kannel.send_inbound(STRANGER, OURS, f"OK {code}")
        await until(lambda: at.replies("other_number"))
        assert at.story.incident.acknowledged is None

        await at.kannel.send_inbound(CHEF, OURS, f" nøddrift   {code}. ")
        await until(lambda: at.replies("acknowledged"))
        assert at.story.incident.acknowledged_by == "Chef"
        assert at.story.incident.human.value == "fallback"
        assert await at.heard(CHEF, "noteret") == f"{number}: noteret, du har den."
        assert "Chef har den nu (nøddrift)" in await at.heard(BRAND, "har den")

        await at.kannel.send_inbound(CHEF, OURS, f"OK {code}")
        await until(lambda: at.replies("already"))
        assert len(at.story.timeline("acknowledged")) == 1
        # What the gateway is answered goes to no phone: all that was sent was decided here.
        await at.heard(CHEF, "noteret")
        assert [text for to, text in at.kannel.sent() if to == STRANGER] == []


async def test_who_does_not_know_the_token_is_not_listened_to(tmp_path: Path) -> None:
    async with standing(tmp_path) as at:
        await at.story.down("noedkald-1", every=0)
        found = re.search(r"Svar OK (\d{4})\.", await at.heard(CHEF, "NEDE siden 03:00"))
        assert found is not None
        async with httpx.AsyncClient(base_url=at.url, trust_env=False) as web:
            for token in ("", "forkert", TOKEN + "x"):
                asked = {"from": CHEF, "text": f"OK {found[1]}", "token": token}
                assert (await web.get("/api/v1/sms/primary/reply", params=asked)).status_code == 401
        assert at.replies("forged") == 3
        assert at.story.incident.acknowledged is None
