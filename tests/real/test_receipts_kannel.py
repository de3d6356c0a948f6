"""An alarm out through a real Kannel, the carrier's receipt back by the `dlr-url`, and what the notice then says."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from monitor.channels.sms_kannel import Channel, Settings
from monitor.core.plan import ChannelName, RouteName
from monitor.core.records import Notice
from monitor.engine.answers import Answers
from monitor.engine.receipts import Receipts
from monitor.intake.sms import Sms
from monitor.ports import ChannelContext
from monitor.web.site import Health, Site
from tests.support.kannel import Kannel, kannel, until
from tests.support.lab import ROOT, part, running_lab
from tests.support.lab import until as settled
from tests.support.plans import small_plan
from tests.support.service import running
from tests.support.story import Story, story
from tests.web.setting import serving

pytestmark = pytest.mark.real

NIGHT = datetime(2026, 12, 24, 3, 0)
CHEF = "+4500000003"
TOKEN = "kun-vi-kender-den"


@dataclass
class Standing:
    """A story whose SMS leave by a real Kannel, and whose receipts come back to a real port."""

    story: Story
    kannel: Kannel
    url: str
    channel: Channel

    @property
    def notices(self) -> list[Notice]:
        notices = self.story.engine.desk.ledger.notices.values()
        return [one for one in notices if one.channel is ChannelName.SMS]

    def counted(self, verdict: str) -> float:
        counted = self.story.engine.desk.metrics.registry.get_sample_value
        return counted("omsorgsvagt_receipts_total", {"route": "primary", "verdict": verdict}) or 0.0


@asynccontextmanager
async def standing(folder: Path) -> AsyncIterator[Standing]:
    plan = small_plan()
    plan = replace(plan, routes=(replace(plan.routes[0], receipts=True), *plan.routes[1:]))
    async with story(folder, NIGHT, plan) as s, kannel(folder) as real:
        desk = s.engine.desk
        settings = Settings(
            name="primary",
            url=real.url,
            user=real.user,
            receipts=True,
            status_url=f"http://127.0.0.1:{real.admin_port}/status.txt",
        )
        secrets = {"kannel_password": real.password, "kannel_receipt_token": TOKEN}
        sms = Sms(Answers(desk), lambda: (settings,), secrets.__getitem__, s.clock.now, Receipts(desk))
        well = Health(ok=True)
        async with serving(Site(s.engine, s.store, desk.metrics, lambda: well, lambda: well, "1", replies=sms)) as web:
            context = ChannelContext(secrets.__getitem__, s.clock.now, 10.0, web.url)
            channel = Channel(settings, context)
            s.engine.senders[ChannelName.SMS].routes[RouteName("primary")] = channel
            yield Standing(s, real, web.url, channel)
            await channel.close()


async def test_a_receipt_makes_a_notice_delivered(tmp_path: Path) -> None:
    async with standing(tmp_path) as at:
        await at.story.down("noedkald-1", every=0)
        await until(lambda: len(at.notices) == 2 and all(one.delivered for one in at.notices))

        assert len(at.story.timeline("delivered")) == 2
        assert at.counted("taken") == 2
        await until(lambda: {to for to, _ in at.kannel.sent()} == {CHEF, "+4500000004"})


async def test_who_does_not_know_the_address_confirms_nothing(tmp_path: Path) -> None:
    async with standing(tmp_path) as at:
        async with httpx.AsyncClient(base_url=at.url, trust_env=False) as web:
            for ref in ("", "n", "n.", f"n.{TOKEN}", f"n.{'0' * 32}"):
                asked = {"ref": ref, "type": "1"}
                assert (await web.get("/api/v1/sms/primary/receipt", params=asked)).status_code == 401
        assert at.counted("forged") == 5


async def test_the_link_s_state_is_seen_without_a_text(tmp_path: Path) -> None:
    async with standing(tmp_path) as at:
        assert (await at.channel.health()).ok is True
        await at.kannel.stop_carrier()
        assert (await at.channel.health()).ok is False
        await at.kannel.start_carrier()
        assert (await at.channel.health()).ok is True
        assert at.kannel.sent() == []


async def test_a_look_at_smsbox_alone_sends_nothing(tmp_path: Path) -> None:
    async with kannel(tmp_path) as real:
        secrets = {"kannel_password": real.password}
        context = ChannelContext(secrets.__getitem__, datetime.now, 10.0)
        channel = Channel(Settings(name="primary", url=real.url, user=real.user), context)
        assert (await channel.health()).ok is None
        await channel.close()
        assert real.sent() == []
        assert "sent 0 (0 queued)" in await real.status()


@pytest.mark.slow
async def test_the_service_as_it_runs_hears_that_its_alarm_has_arrived(tmp_path: Path) -> None:
    async with kannel(tmp_path) as real:
        with running_lab(tmp_path) as lab:
            config = tmp_path / "config"
            part("config").write(config, lab.addresses, ROOT / "config", quick=True)
            plan = yaml.load((config / "plan.yaml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - makes text only
            route = {"via": "kannel", "url": real.url, "user": real.user, "receipts": "yes"}
            plan["routes"]["sms"][0] = route
            (config / "plan.yaml").write_text(yaml.dump(plan, allow_unicode=True, sort_keys=False), encoding="utf-8")
            secrets = {**lab.addresses["secrets"], "kannel_password": real.password, "kannel_receipt_token": TOKEN}
            with running(config, tmp_path, secrets) as service:
                settled(lambda: service.status()["systems"][0]["state"] == "up")
                lab.break_("nexus", "home-500")

                def arrived() -> list[dict[str, Any]]:
                    numbers = [one["number"] for one in service.status()["incidents"]]
                    stories = [service.get(f"/api/v1/incidents/{number}").json() for number in numbers]
                    return [line for one in stories for line in one["timeline"] if line["words"] == "Kommet frem"]

                settled(arrived)
                metrics = service.get("/metrics").text
                assert re.search(r'omsorgsvagt_receipts_total\{route="kannel",verdict="taken"\} [1-9]', metrics)
                assert TOKEN not in service.log
