"""A reply that a real gammu-smsd takes from its phone, read from its inbox."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.channels.sms_modem import Settings
from monitor.engine.answers import Answers
from monitor.engine.links import Asking
from monitor.intake.inbox import READ, Inbox
from tests.stories.test_answers import NIGHT, answerable, code_in
from tests.support.gammu import Gammu, gammu
from tests.support.kannel import until
from tests.support.story import story

pytestmark = pytest.mark.real


def arrives(modem: Gammu, number: str, text: str) -> None:
    """The phone gets a text (gammu-smsbackup(5)); the daemon takes it from there."""
    folder = modem.folder / "phone" / "sms" / "1"
    folder.mkdir(parents=True, exist_ok=True)
    content = text.encode("utf-16-be").hex().upper()
    lines = [
        "[SMSBackup000]",
        'SMSC = "+4500000999"',
        "Sent = 20261224T030100",
        "State = UnRead",
        f'Number = "{number}"',
        "Coding = Unicode_No_Compression",
        "Folder = 1",
        f"Length = {len(content) // 4}",
        f"Text00 = {content}",
    ]
    (folder / "1").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize(("locale", "word", "human"), [("C.UTF-8", "NØDDRIFT", "fallback"), ("C", "OK", "seen")])
async def test_what_the_phone_got_acknowledges(tmp_path: Path, locale: str, word: str, human: str) -> None:
    async with gammu(tmp_path, locale) as modem, story(tmp_path, NIGHT, answerable()) as s:
        s.engine.desk.asking = Asking(b"en noegle")
        await s.down("noedkald-1", every=0)
        code = code_in(s.expect("chef", "NEDE"))
        s.expect("brand", "NEDE")
        route = Settings(name="primary", replies=True, inbox=modem.folder / "inbox")
        # The daemon's files are as old as the real clock says.
        inbox = Inbox(Answers(s.engine.desk), lambda: (route,), lambda: datetime.now(UTC))

        arrives(modem, "+4500000003", f"{word} {code}")

        async def taken() -> bool:
            await inbox.turn()
            return s.incident.acknowledged is not None

        await until(taken)
        assert s.incident.human.value == human
        assert [path.suffix for path in (modem.folder / "inbox" / READ).iterdir()] == [".txt"]
        await s.engine.turn()
        s.expect("chef", "noteret, du har den")
        s.expect("brand", "Chef har den nu")
