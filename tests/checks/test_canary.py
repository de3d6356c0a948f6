"""`canary`: what is sent goes the whole way or is told, whichever end it must come out of."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from checks.canary import Settings
from checks.scaip import Settings as Heartbeat
from monitor.core.finding import Finding, Outcome, Reason
from monitor.core.words import cause, explain
from monitor.ports import ProbeContext
from tests.support.bounces import told
from tests.support.dns_server import datagrams
from tests.support.httpserver import NOW, context, probed
from tests.support.scaip_receiver import carried, mrs, ref_of

OK, WARN, FAIL, UNKNOWN = Outcome.OK, Outcome.WARN, Outcome.FAIL, Outcome.UNKNOWN
UNIT = "990002"


@dataclass
class Watch:
    """One check over a time that is turned by hand."""

    settings: dict[str, Any]
    at: datetime = NOW
    memory: dict[str, Any] = field(default_factory=dict)
    called: dict[str, datetime] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    async def look(self, minutes: float = 0.0) -> Finding:
        self.at += timedelta(minutes=minutes)
        given: ProbeContext = replace(context(self.secrets, memory=self.memory), now=lambda: self.at)
        given.canary = self.called.get
        return await probed(given, kind="canary", within="5m", interval="15m", **self.settings)


def export(path: Path, at: datetime, *lines: str) -> None:
    """The alarm centre's export gets more lines."""
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
    os.utime(path, (at.timestamp(), at.timestamp()))


def wrote(finding: Finding) -> tuple[Outcome, Reason | None]:
    return finding.outcome, finding.reason


async def test_a_unit_s_lines_in_an_export(tmp_path: Path) -> None:
    path = tmp_path / "alarmer.csv"
    watch = Watch({"arrives": {"file": str(tmp_path / "*.csv"), "marker": UNIT}})
    export(path, NOW, "08:00;990002;PI", "08:01;880001;NØDKALD Fru Jensen")

    assert wrote(await watch.look()) == (UNKNOWN, Reason.AWAITED)
    export(path, watch.at, "09:31;880001;NØDKALD", "09:31;9900021;PI")
    assert wrote(await watch.look(1)) == (UNKNOWN, Reason.AWAITED), "another unit's lines are none of ours"
    export(path, watch.at, "09:32;990002;PI")
    assert (await watch.look(1)).outcome is OK
    assert (await watch.look(19)).outcome is OK
    gone = await watch.look(1)
    assert wrote(gone) == (FAIL, Reason.NOT_OUT)
    assert cause(gone.misses) == "prøvebeskeden kom ikke frem (alarmcentralen viste intet i 21 min)"
    assert gone.began == NOW + timedelta(minutes=2 - 1 + 15)
    export(path, watch.at, "09:54;990002;PI")
    assert cause((await watch.look(1)).misses) == "prøvebeskeden kom sent frem (efter 6 min)"
    export(path, watch.at + timedelta(minutes=14), "10:08;990002;PI")
    assert (await watch.look(14)).outcome is OK
    assert "Jensen" not in repr(watch.memory), "nothing of the export is kept"


async def test_lines_without_a_time_are_counted_and_a_new_day_s_file_is_no_message(tmp_path: Path) -> None:
    watch = Watch({"arrives": {"file": str(tmp_path / "*.csv"), "marker": UNIT}})
    export(tmp_path / "1.csv", NOW, "990002;PI", "990002;PI")
    await watch.look()

    export(tmp_path / "2.csv", NOW, "880001;NØDKALD")
    assert (await watch.look(1)).outcome is UNKNOWN
    (tmp_path / "1.csv").unlink()
    assert (await watch.look(1)).outcome is UNKNOWN
    export(tmp_path / "2.csv", watch.at, "990002;PI")
    assert (await watch.look(1)).outcome is OK


async def test_only_the_end_of_a_large_export_is_read(tmp_path: Path) -> None:
    path = tmp_path / "alarmer.csv"
    watch = Watch({"arrives": {"file": str(path), "marker": UNIT}})
    export(path, NOW, *(f"{number};990002;PI" for number in range(200_000)))
    await watch.look()
    export(path, watch.at, "x;880001")
    assert (await watch.look(1)).outcome is UNKNOWN, "a line that is cut off is none"
    export(path, watch.at, "ny;990002;PI")
    assert (await watch.look(1)).outcome is OK


async def test_an_export_in_another_coding_is_read(tmp_path: Path) -> None:
    path = tmp_path / "alarmer.txt"
    watch = Watch({"arrives": {"file": str(path), "marker": UNIT}})
    await watch.look()
    path.write_bytes("09:31;990002;PI\r\n".encode("utf-16"))
    assert (await watch.look(1)).outcome is OK


@pytest.mark.parametrize("kind", ["none", "folder", "empty", "binary"])
async def test_an_export_that_holds_nothing_is_silent_and_does_no_harm(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "alarmer.csv"
    if kind == "folder":
        path.mkdir()
    elif kind != "none":
        path.write_bytes(b"" if kind == "empty" else os.urandom(2_000_000))
    watch = Watch({"arrives": {"file": str(path), "marker": UNIT}})

    assert wrote(await watch.look()) == (UNKNOWN, Reason.AWAITED)
    assert wrote(await watch.look(21)) == (FAIL, Reason.NOT_OUT)


async def test_a_mailbox(tmp_path: Path) -> None:
    for part in ("new", "cur", "tmp"):
        (tmp_path / part).mkdir()
    watch = Watch({"arrives": {"maildir": str(tmp_path), "marker": UNIT}})

    def lay(name: str, text: str) -> None:
        (tmp_path / "new" / name).write_bytes(told("alarmcentral@eksempel.example", text=text))
        os.utime(tmp_path / "new" / name, (watch.at.timestamp(), watch.at.timestamp()))

    assert wrote(await watch.look()) == (UNKNOWN, Reason.AWAITED)
    lay("1.mx", "Alarm fra 880001")
    assert (await watch.look(1)).outcome is UNKNOWN
    lay("2.mx", "Prøve fra 990002")
    assert (await watch.look(1)).outcome is OK
    assert wrote(await watch.look(20)) == (FAIL, Reason.NOT_OUT)
    assert sorted(path.name for path in (tmp_path / "cur").iterdir()) == ["1.mx:2,S", "2.mx:2,S"]


async def test_a_webhook() -> None:
    watch = Watch({"arrives": {"webhook": "modtager"}})

    assert wrote(await watch.look()) == (UNKNOWN, Reason.AWAITED)
    watch.called["modtager"] = watch.at
    assert (await watch.look(1)).outcome is OK
    assert wrote(await watch.look(20)) == (FAIL, Reason.NOT_OUT)


async def test_a_restart_remembers_when_the_webhook_last_came_and_gives_the_unit_its_time() -> None:
    watch = Watch({"arrives": {"webhook": "modtager"}}, called={"modtager": NOW - timedelta(minutes=60)})

    assert (await watch.look()).outcome is OK
    assert wrote(await watch.look(21)) == (FAIL, Reason.NOT_OUT)


@pytest.mark.parametrize(
    ("arrives", "reason"),
    [
        ({"maildir": "/findes/ikke", "marker": UNIT}, Reason.MISSING),
        ({"imap": "127.0.0.1:1", "user": "vagt", "marker": UNIT}, Reason.REFUSED),
        ({"imap": "127.0.0.1:1", "user": "vagt", "password": "andet", "marker": UNIT}, Reason.SECRET),
    ],
)
async def test_an_end_that_cannot_be_seen_is_unknown_and_nothing_is_sent(
    arrives: dict[str, str], reason: Reason
) -> None:
    watch = Watch({"arrives": arrives}, secrets={"imap_password": "x"})

    assert wrote(await watch.look(30)) == (UNKNOWN, reason)


class Receiver:
    """A nødkald receiver that writes what it takes to an export, unless it is broken."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.shows, self.status = True, 0
        self.refs: list[str] = []

    def __call__(self, request: bytes) -> Iterable[bytes]:
        self.refs.append(ref_of(request))
        if self.shows:
            export(self.path, NOW, f"{len(self.refs)};{UNIT};{self.refs[-1]}")
        return [carried(request, mrs(self.refs[-1], self.status))]


def way(port: int, tmp_path: Path, marker: str = "") -> Watch:
    send = {"host": "127.0.0.1", "port": str(port), "cid": UNIT}
    return Watch({"send": send, "arrives": {"file": str(tmp_path / "ud.csv"), "marker": marker}, "there": "centralen"})


@pytest.mark.parametrize("marker", ["", "{ref}"])
async def test_what_we_send_comes_out(tmp_path: Path, marker: str) -> None:
    receiver = Receiver(tmp_path / "ud.csv")
    async with datagrams(receiver) as port:
        watch = way(port, tmp_path, marker)
        first = await watch.look()
        assert (wrote(first), [one.expected for one in first.held]) == (
            (UNKNOWN, Reason.AWAITED),
            ["modtageren kvitterer prøvebeskeden"],
        )
        second = await watch.look(1)
        assert (second.outcome, explain_held(second)) == (OK, "ude inden 5 min: sidst efter 0 sek")
        assert (await watch.look(13)).outcome is OK
        assert len(receiver.refs) == 1
        receiver.shows = False
        await watch.look(1)
        assert (await watch.look(5)).outcome is OK
        gone = await watch.look(1)
        assert cause(gone.misses) == (
            "prøvebeskeden kom ikke frem (modtageren kvitterede, men centralen viste intet i 6 min)"
        )
        assert explain(gone.misses[0]).startswith("prøvebeskeden kom ikke frem: ventede ude inden 5 min, så")
        assert (await watch.look(15)).outcome is FAIL, "the next is in the air, and the first is missing still"
        receiver.shows = True
        await watch.look(15)
        assert (await watch.look(1)).outcome is (WARN)
        await watch.look(15)
        assert (await watch.look(1)).outcome is OK
        assert len(receiver.refs) == len(set(receiver.refs)) == 5


def explain_held(finding: Finding) -> str:
    return ", ".join(f"{one.expected}: {one.seen}" for one in finding.held)


async def test_a_backlog_of_an_earlier_message_is_not_taken_for_this_one_where_the_end_shows_which(
    tmp_path: Path,
) -> None:
    receiver = Receiver(tmp_path / "ud.csv")
    async with datagrams(receiver) as port:
        watch = way(port, tmp_path, "{ref}")
        receiver.shows = False
        await watch.look()
        await watch.look(15)
        export(receiver.path, watch.at, f"1;{UNIT};{receiver.refs[0]}")
        assert (await watch.look(1)).outcome is FAIL
        export(receiver.path, watch.at, f"2;{UNIT};{receiver.refs[1]}")
        assert (await watch.look(1)).outcome is WARN


@pytest.mark.parametrize(("snu", "outcome", "reason"), [(5, FAIL, Reason.SICK), (3, UNKNOWN, Reason.PROBE_REFUSED)])
async def test_a_receiver_that_does_not_take_it_is_told_as_such(
    tmp_path: Path, snu: int, outcome: Outcome, reason: Reason
) -> None:
    receiver = Receiver(tmp_path / "ud.csv")
    receiver.status, receiver.shows = snu, False
    async with datagrams(receiver) as port:
        watch = way(port, tmp_path)
        assert wrote(await watch.look()) == (outcome, reason)
        assert wrote(await watch.look(0.5)) == (outcome, reason), "asked again at once"
        receiver.status, receiver.shows = 0, True
        assert wrote(await watch.look(0.5)) == (UNKNOWN, Reason.AWAITED)
        assert (await watch.look(0.5)).outcome is OK


async def test_a_receiver_that_is_silent_is_an_outage_of_its_own_leg(tmp_path: Path) -> None:
    async with datagrams(lambda _: ()) as port:
        watch = way(port, tmp_path)
        watch.settings["timeout"] = "500ms"
        finding = await watch.look()

    assert wrote(finding) == (FAIL, Reason.TIMEOUT)


@pytest.mark.parametrize(
    ("wrong", "settings"),
    [
        ("arrives", {}),
        ("one of file", {"arrives": {}}),
        ("one of file", {"arrives": {"file": "/x", "webhook": "y", "marker": "z"}}),
        ("marker", {"arrives": {"file": "/x"}}),
        ("whole path", {"arrives": {"file": "x", "marker": "z"}}),
        ("user", {"arrives": {"imap": "imap.example:993", "marker": "z"}}),
        ("clear", {"arrives": {"imap": "imap.example:143", "user": "v", "security": "none", "marker": "z"}}),
        ("webhook", {"arrives": {"webhook": "Ikke et navn"}}),
        ("ref", {"arrives": {"file": "/x", "marker": "{ref}"}}),
        ("interval", {"send": {"host": "h.example", "cid": "1"}, "arrives": {"file": "/x"}, "interval": "5m"}),
        ("beside send", {"send": {"host": "h.example", "cid": "1", "every": "5s"}, "arrives": {"file": "/x"}}),
        ("mty", {"send": {"host": "h.example", "cid": "1", "mty": "ME"}, "arrives": {"file": "/x"}}),
        ("cid", {"send": {"host": "h.example"}, "arrives": {"file": "/x"}}),
    ],
)
def test_settings_that_are_wrong(wrong: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=wrong):
        Settings.model_validate({"name": "prove", "kind": "canary", "within": "5m", **settings})


def test_what_it_sends_is_what_scaip_sends_and_nothing_else() -> None:
    """`scaip` is proved to send heartbeats alone; this kind has no way of its own to send anything."""
    given = {"send": {"host": "h.example", "cid": UNIT}, "arrives": {"file": "/x"}}

    assert type(Settings.model_validate({"name": "prove", "kind": "canary", **given}).send) is Heartbeat
