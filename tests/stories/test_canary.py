"""Every probe is green, and an alarm would not be seen: the canary that does not come out is an outage."""

import os
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from checks import kind
from checks.run import run
from monitor.core.finding import CheckName, Finding, Outcome
from monitor.ports import ProbeContext
from tests.support.dns_server import datagrams
from tests.support.plans import small_plan, with_check
from tests.support.scaip_receiver import carried, mrs, ref_of
from tests.support.story import Story, story

NIGHT = datetime(2026, 3, 5, 2, 14)
UNIT = "990002"
PLAN = with_check(small_plan(), "noedkald", "kanariefugl", confirm=1, recover=1)


class Way:
    """The real way in small: a receiver that acknowledges, and an export behind it that may stand still."""

    def __init__(self, told: Story, export: Path) -> None:
        self.story, self.export = told, export
        self.exports = True
        self.memory: dict[str, Any] = {}

    def __call__(self, request: bytes) -> Iterable[bytes]:
        ref, now = ref_of(request), self.story.clock.at.timestamp()
        if self.exports:
            with self.export.open("a", encoding="utf-8") as file:
                file.write(f"{now:.0f};{UNIT};PI;{ref}\n")
            os.utime(self.export, (now, now))
        return [carried(request, mrs(ref))]

    async def look(self, port: int) -> Finding:
        """One look by the real check, heard by the real engine."""
        module, clock = kind("canary"), self.story.clock
        settings = module.Settings.model_validate(
            {
                "name": "kanariefugl",
                "kind": "canary",
                "interval": "15m",
                "within": "5m",
                "send": {"host": "127.0.0.1", "port": str(port), "cid": UNIT},
                "arrives": {"file": str(self.export)},
            }
        )
        context = ProbeContext(str, clock.now, time.monotonic, settings.timeout, memory=self.memory)
        finding = await run(CheckName("kanariefugl"), module, settings, context)
        self.story.engine.heard(finding)
        await self.story.engine.turn()
        await self.story.canaries(Outcome.OK)
        return finding

    async def minutes(self, count: int, port: int) -> list[Outcome]:
        """So many minutes, with a look at each."""
        seen = []
        for _ in range(count):
            await self.story.later(60)
            seen.append((await self.look(port)).outcome)
        return seen


@pytest.mark.real
async def test_an_export_that_stands_still_behind_a_receiver_that_acknowledges(tmp_path: Path) -> None:
    async with story(tmp_path, NIGHT, PLAN) as s:
        way = Way(s, tmp_path / "alarmer.csv")
        async with datagrams(way) as port:
            await way.look(port)
            assert set(await way.minutes(14, port)) == {Outcome.OK}

            way.exports = False
            assert set(await way.minutes(6, port)) == {Outcome.OK}
            s.done()
            assert await way.minutes(1, port) == [Outcome.FAIL]
            text = s.expect("chef", "Noedkald NEDE", "kom ikke frem")
            assert "modtageren kvitterede, men alarmcentralen viste intet i 6 min" in text
            s.expect("brand", "Noedkald NEDE")

            way.exports = True
            s.forget()
            await way.minutes(40, port)
            assert s.incident_of("noedkald") is None or s.incident.good_since is not None
            s.expect("chef", "OPPE IGEN")
            s.expect("brand", "OPPE IGEN")
            s.forget()
