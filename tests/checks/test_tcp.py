"""`tcp`: dialogues with servers that keep to them, break off, or never end."""

import asyncio
import socket
import struct
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from checks.tcp import Dialogue, Settings, judge
from monitor.core.finding import Miss, Outcome, Reason
from tests.support.httpserver import NOW, probed
from tests.support.tls_server import (
    Handler,
    bundle,
    dripping,
    endless,
    hanging_up,
    issue,
    saying,
    server_context,
    serving,
    silent,
    sockets,
)

ROOT = issue("rod")
LEAF = issue("mx.example", ROOT, hosts=("127.0.0.1",))


def settings(**values: Any) -> Settings:
    return Settings.model_validate({"name": "port", "kind": "tcp", "host": "mx.example", "port": "25", **values})


def test_a_line_end_to_send_is_kept() -> None:
    parsed = settings(dialogue=[{"send": " NOOP\r\n"}, {"expect": "/^250 /m"}, {"expect": "ok? (yes)"}])

    assert parsed.dialogue[0].send == " NOOP\r\n"
    assert [step.title for step in parsed.dialogue] == ["send", "modtag /^250 /m", "modtag ok? (yes)"]
    assert parsed.dialogue[2].expect
    assert parsed.dialogue[2].expect.regex.search(b"is it ok? (yes)")


@pytest.mark.parametrize(
    "step",
    [
        {},
        {"send": "x", "expect": "y"},
        {"send": ""},
        {"expect": ""},
        {"expect": "/(/"},
        {"expect": "/(a+)+$/"},
        {"say": "x"},
    ],
)
def test_a_step_that_is_none(step: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        settings(dialogue=[step])


def test_tls_begins_once() -> None:
    with pytest.raises(ValidationError, match="not both"):
        settings(tls="yes", starttls="smtp")


@pytest.mark.parametrize(
    ("dialogue", "limit", "outcome", "reason"),
    [
        (Dialogue(("trin 1: send",), None, 0.2), None, Outcome.OK, None),
        (Dialogue((), None, 2.0), "2s", Outcome.OK, None),
        (Dialogue((), None, 2.1), "2s", Outcome.WARN, Reason.SLOW),
        (Dialogue((), Miss(Reason.REPLY, "trin 1: modtag x", "…"), 9.0), "2s", Outcome.FAIL, Reason.REPLY),
    ],
)
def test_judging(dialogue: Dialogue, limit: str | None, outcome: Outcome, reason: Reason | None) -> None:
    verdict = judge(settings(degraded_over=limit), dialogue, NOW)

    assert verdict.outcome is outcome
    assert [miss.reason for miss in verdict.misses] == ([reason] if reason else [])


async def greeter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Greets in two pieces, answers each line with its own echo."""
    writer.write(b"220 mx.exa")
    await writer.drain()
    await asyncio.sleep(0.01)
    writer.write(b"mple\r\n")
    while line := await reader.readline():
        writer.write(b"250 " + line)


async def test_an_open_port_is_enough_without_a_dialogue() -> None:
    async with serving(silent) as port:
        finding = await probed(kind="tcp", host="127.0.0.1", port=port)

    assert finding.outcome is Outcome.OK
    assert [held.expected for held in finding.held] == ["forbindelse"]
    assert finding.facts["address"] == "127.0.0.1"


async def test_a_closed_port() -> None:
    async with serving(silent) as port:
        pass
    finding = await probed(kind="tcp", host="127.0.0.1", port=port)

    assert (finding.outcome, finding.reason) == (Outcome.FAIL, Reason.REFUSED)


async def test_a_name_with_several_addresses_is_reached_by_the_one_that_takes_it() -> None:
    async with serving(silent) as port:
        finding = await probed(kind="tcp", host="localhost", port=port)

    assert finding.outcome is Outcome.OK
    assert list(finding.phases)[:2] == ["resolve", "connect"]


async def test_a_name_that_cannot_be_one() -> None:
    finding = await probed(kind="tcp", host=f"{'a' * 64}.example", port=1)

    assert finding.reason is Reason.NAME_UNKNOWN


async def test_a_resolver_that_keeps_silent_is_our_own_side(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: Any, **__: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", never)
    finding = await probed(kind="tcp", host="portal.example", port=1, timeout="200ms")

    assert (finding.outcome, finding.reason) == (Outcome.UNKNOWN, Reason.RESOLVER)


DIALOGUE = [
    {"expect": "/^220 mx/"},
    {"send": "HELO vagt\r\n"},
    {"expect": "250 HELO vagt\r\n"},
    {"send": "QUIT\r\n"},
    {"expect": "/250 quit/i"},
]


async def test_a_dialogue_that_holds() -> None:
    async with serving(greeter) as port:
        finding = await probed(kind="tcp", host="127.0.0.1", port=port, dialogue=DIALOGUE)

    assert finding.outcome is Outcome.OK
    assert [held.expected for held in finding.held] == [
        "forbindelse",
        "trin 1: modtag /^220 mx/",
        "trin 2: send",
        "trin 3: modtag 250 HELO vagt",
        "trin 4: send",
        "trin 5: modtag /250 quit/i",
    ]


async def test_the_same_over_tls_and_its_certificate_must_be_right(tmp_path: Path) -> None:
    trusted: dict[str, Any] = {"tls": "yes", "ca_file": bundle(tmp_path, ROOT)}
    async with serving(greeter, server_context(tmp_path, LEAF)) as port:
        right = await probed(kind="tcp", host="127.0.0.1", port=port, dialogue=DIALOGUE, **trusted)
        name = await probed(kind="tcp", host="127.0.0.1", port=port, **trusted, server_name="andet.example")
        stranger = await probed(kind="tcp", host="127.0.0.1", port=port, tls="yes")

    assert right.outcome is Outcome.OK
    assert right.facts["tls_version"] == "TLSv1.3"
    assert [name.reason, stranger.reason] == [Reason.CERTIFICATE_NAME, Reason.CERTIFICATE_UNTRUSTED]


async def test_starttls_and_the_dialogue_after_it(tmp_path: Path) -> None:
    tls = server_context(tmp_path, LEAF)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for says in (b"220 mx\r\n", b"250 STARTTLS\r\n"):
            writer.write(says)
            await reader.readline()
        writer.write(b"220 go\r\n")
        await writer.start_tls(tls)
        await reader.readline()
        writer.write(b"250 secured\r\n")
        await silent(reader, writer)

    async with serving(handler) as port:
        finding = await probed(
            kind="tcp",
            host="127.0.0.1",
            port=port,
            starttls="smtp",
            ca_file=bundle(tmp_path, ROOT),
            dialogue=[{"send": "NOOP\r\n"}, {"expect": "250 secured"}],
        )

    assert finding.outcome is Outcome.OK


@pytest.mark.parametrize(
    ("handler", "reason", "seen"),
    [
        (silent, Reason.TIMEOUT, "intet svar i tide"),
        (saying(b"554 no\r\n"), Reason.TIMEOUT, "8 byte i tide uden det"),
        (hanging_up, Reason.RESET, "afbrudt efter 0 byte"),
        (endless(b"\x00" * 65_536), Reason.TOO_LARGE, "over 16384 byte uden det"),
        (endless(b"22" * 4_000), Reason.TOO_LARGE, "over 16384 byte uden det"),
    ],
    ids=["silent", "another answer", "hangs up", "endless", "endless and near"],
)
async def test_the_step_that_failed_is_named(handler: Handler, reason: Reason, seen: str) -> None:
    before = sockets()
    async with serving(handler) as port:
        dialogue = [{"send": "hemmeligt\r\n"}, {"expect": "/^220 /"}]
        timeout = "400ms" if reason is Reason.TIMEOUT else "10s"
        finding = await probed(kind="tcp", host="127.0.0.1", port=port, dialogue=dialogue, timeout=timeout)

    assert finding.outcome is Outcome.FAIL
    assert finding.misses == (Miss(reason, "trin 2: modtag /^220 /", seen),)
    assert [held.expected for held in finding.held] == ["forbindelse", "trin 1: send"]
    assert "hemmeligt" not in repr(finding)
    assert sockets() == before


async def test_a_slow_drip_ends_with_the_timeout() -> None:
    async with serving(dripping(b"2")) as port:
        dialogue = [{"expect": "/^220 /"}]
        finding = await probed(kind="tcp", host="127.0.0.1", port=port, dialogue=dialogue, timeout="400ms")

    assert finding.reason is Reason.TIMEOUT
    assert finding.misses[0].expected == "trin 1: modtag /^220 /"


async def test_a_peer_that_cuts_the_line_at_once() -> None:
    async def cutting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        raw = writer.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with serving(cutting) as port:
        dialogue = [{"send": "x" * 4096}, {"expect": "y"}]
        finding = await probed(kind="tcp", host="127.0.0.1", port=port, dialogue=dialogue)

    assert finding.reason is Reason.RESET
    assert finding.misses[0].expected == "trin 2: modtag y"


async def test_a_flood_does_not_hold_up_the_loop() -> None:
    """While one peer sends for ever, others get their turn: the flood ends at its bound and not at its leisure."""
    turns = 0

    async def beside() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with serving(endless(b"\x00" * 65_536)) as port, asyncio.TaskGroup() as group:
        counting = group.create_task(beside())
        finding = await probed(kind="tcp", host="127.0.0.1", port=port, dialogue=[{"expect": "x"}])
        counting.cancel()

    assert finding.reason is Reason.TOO_LARGE
    assert turns >= 4
