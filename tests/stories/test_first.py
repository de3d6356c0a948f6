from datetime import datetime
from pathlib import Path

from tests.support.story import story


async def test_an_outage_in_working_hours_reaches_nexus_support_and_its_end_too(tmp_path: Path) -> None:
    async with story(tmp_path, datetime(2026, 3, 5, 10, 0)) as s:
        await s.down("omsorgssystem-1")
        text = s.expect("nexus", "Omsorgssystem NEDE siden 10:00", "26-0001")
        print(text)
        s.done()
        await s.up("omsorgssystem-1")
        print(s.expect("nexus", "OPPE IGEN", "26-0001"))
