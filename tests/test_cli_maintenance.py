"""`maintenance`, `mute` and `unmute` as an operator types them, before a running web over a real engine."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from typer.testing import CliRunner, Result

from monitor.cli.main import app
from monitor.clock import Clock
from tests.web.setting import DAY, TOKEN, Setting, serving, setting

Typed = Callable[..., Awaitable[Result]]


@asynccontextmanager
async def terminal(folder: Path) -> AsyncIterator[tuple[Setting, Typed]]:
    """A service that answers, and a way to type at it."""
    (folder / "api-token").write_text(TOKEN, encoding="ascii")
    async with setting(folder, DAY) as s, serving(s.site) as server:
        environ = {"OMSORGSVAGT_LISTEN": f"127.0.0.1:{server.port}", "STATE_DIRECTORY": str(folder)}

        async def typed(*words: str) -> Result:
            # In this process, a second sooner; what the engine logs meanwhile stands in the output too.
            return await asyncio.to_thread(lambda: CliRunner().invoke(app, words, env=environ))

        yield s, typed


async def test_work_is_announced_listed_moved_and_called_off(tmp_path: Path) -> None:
    async with terminal(tmp_path) as (s, typed):
        said = ("--owner", "Leverandøren", "--why", "Servicevindue")
        begun = await typed(
            "maintenance", "add", "phoniro", "--from", "2026-03-05 22:00", "--to", "2026-03-06 02:00", *said
        )
        assert begun.exit_code == 0, begun.output
        found = re.search(r"^(\S+): phoniro from 2026-03-05 22:00 to 2026-03-06 02:00$", begun.output, re.MULTILINE)
        assert found is not None, begun.output
        ident = found[1]

        listed = await typed("maintenance", "list")
        assert listed.exit_code == 0
        assert f"{ident}  2026-03-05 22:00 to 2026-03-06 02:00  maintenance phoniro" in listed.output

        moved = await typed("maintenance", "extend", ident, "--to", "2026-03-06 03:00", "--who", "Vagten")
        assert "ends at 2026-03-06 03:00" in moved.output
        off = await typed("maintenance", "cancel", ident, "--who", "Vagten")
        assert (off.exit_code, s.story.engine.desk.ledger.announced[ident].cancelled_by) == (0, "Vagten")
        again = await typed("maintenance", "cancel", ident, "--who", "Vagten")
        assert again.exit_code == 2
        assert "nothing is announced, nothing is withheld" in (await typed("maintenance", "list")).output


async def test_a_system_is_muted_and_speaks_again(tmp_path: Path) -> None:
    async with terminal(tmp_path) as (s, typed):
        # The command reckons from the real clock: the story's is set to it.
        s.story.clock.at = Clock().now()
        muted = await typed("mute", "phoniro", "--for", "2h", "--why", "Vi ved det", "--who", "Vagten")
        assert muted.exit_code == 0, muted.output
        await s.story.down("phoniro-1")
        listed = await typed("maintenance", "list")
        assert listed.exit_code == 1
        assert "withheld: 26-0001 phoniro until" in listed.output
        assert (await typed("unmute", "phoniro", "--who", "Vagten")).exit_code == 0
        assert (await typed("unmute", "phoniro", "--who", "Vagten")).exit_code == 1
        s.forget_phones()


WRONG = [
    (("mute", "phoniro", "--why", "x"), "say when it ends, by --to or by --for"),
    (("mute", "phoniro", "--why", "x", "--for", "snart"), "is not a duration"),
    (("mute", "phoniro", "--why", "x", "--to", "i morgen"), "'i morgen' is no time: write for instance"),
    (("mute", "phoniro", "--why", "x", "--to", "2026-03-29 02:30"), "there is no 2026-03-29 02:30"),
    (("mute", "findes_ikke", "--why", "x", "--to", "2026-03-06 02:00"), "findes ikke i planen"),
    (("mute", "vagten", "--why", "x", "--to", "2026-03-06 02:00"), "kan ikke slås fra"),
    (("mute", "phoniro", "--why", "x", "--to", "2026-03-16 02:00"), "højst fra i 7 døgn"),
    (("maintenance", "cancel", "findes-ikke", "--who", "x"), "'omsorgsvagt maintenance list' names"),
]


async def test_what_cannot_be_done_is_told_with_exit_2(tmp_path: Path) -> None:
    async with terminal(tmp_path) as (s, typed):
        for words, said in WRONG:
            done = await typed(*words)
            assert (done.exit_code, said in done.output) == (2, True), (words, done)
        assert s.story.engine.desk.ledger.announced == {}
