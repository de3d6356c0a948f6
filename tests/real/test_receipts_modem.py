"""An alarm out by a real gammu-smsd, and the network's status report back, as the daemon lays it in its inbox."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.channels.sms_modem import Settings
from monitor.core.plan import ChannelName, RouteName
from monitor.engine.answers import Answers
from monitor.engine.receipts import Receipts
from monitor.intake.inbox import READ, Inbox
from tests.stories.test_answers import NIGHT, answerable
from tests.support.gammu import Gammu, gammu
from tests.support.kannel import until
from tests.support.smsfake import route
from tests.support.story import story

pytestmark = pytest.mark.real


def reports(modem: Gammu, number: str, word: str) -> None:
    """The network reports on a text to this number (gammu-smsbackup(5)); the daemon takes it from there."""
    folder = modem.folder / "phone" / "sms" / "1"
    folder.mkdir(parents=True, exist_ok=True)
    content = word.encode("utf-16-be").hex().upper()
    lines = [
        "[SMSBackup000]",
        "PDU = Status_Report",
        "MessageReference = 255",
        'SMSC = "+4500000999"',
        "Sent = 20261224T030100",
        "SMSCTime = 20261224T030100",
        "State = UnRead",
        f'Number = "{number}"',
        "Coding = Unicode_No_Compression",
        "Folder = 1",
        f"Length = {len(word)}",
        f"Text00 = {content}",
    ]
    (folder / "1").write_text("\n".join(lines) + "\n", encoding="utf-8")


async def test_a_status_report_makes_a_notice_delivered_and_is_answered_by_nobody(tmp_path: Path) -> None:
    async with gammu(tmp_path) as modem, story(tmp_path, NIGHT, answerable()) as s:
        desk = s.engine.desk
        settings = Settings(name="primary", replies=True, receipts=True, inbox=modem.folder / "inbox")
        # The daemon's files are as old as the real clock says, the story's texts as its own does.
        inbox = Inbox(Answers(desk), lambda: (settings,), lambda: datetime.now(UTC), Receipts(desk))
        async with route("modem", timeout="30s", **modem.settings) as channel:
            s.engine.senders[ChannelName.SMS].routes[RouteName("primary")] = channel
            await s.down("noedkald-1", every=0)
            (mine,) = [n for n in desk.ledger.notices.values() if n.to == "+4500000003"]
            reports(modem, mine.to, "Delivered")

            async def arrived() -> bool:
                await inbox.turn()
                return desk.ledger.notices[mine.id].delivered is not None

            await until(arrived)
        assert [path.suffix for path in (modem.folder / "inbox" / READ).iterdir()] == [".txt"]
        assert len(modem.sent()) == 2
