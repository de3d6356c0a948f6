"""What an open incident waits for stands in the API and on its page; nothing stands there once it is over."""

from datetime import datetime, timedelta
from pathlib import Path

from tests.web.setting import DAY, setting


async def test_it_says_what_comes_next_and_when(tmp_path: Path) -> None:
    async with setting(tmp_path, DAY) as at:
        await at.story.down("noedkald-1", every=0)
        [one] = (await at.get("/api/v1/status")).json()["incidents"]
        step = one["next_step"]
        assert (step["what"], step["words"]) == ("step", "næste trin i planen")
        assert datetime.fromisoformat(step["at"]) == DAY + timedelta(minutes=5)
        whole = (await at.get(f"/api/v1/incidents/{one['number']}")).json()
        assert whole["next_step"] == step
        assert "næste trin i planen 10:05" in (await at.get(f"/incidents/{one['number']}")).text

        await at.story.up("noedkald-1", every=0)
        [one] = (await at.get("/api/v1/status")).json()["incidents"]
        assert one["next_step"]["what"] == "close"
        await at.story.later(16 * 60)
        whole = (await at.get(f"/api/v1/incidents/{one['number']}")).json()
        assert whole["next_step"] is None
        assert "Næste skridt" not in (await at.get(f"/incidents/{one['number']}")).text
        at.story.forget()
