"""`sip`: what is made of answers, and peers that answer late, wrongly, or not as SIP."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from checks.sip import Answered, Settings, judge
from monitor.core import sip
from monitor.core.finding import Finding, Outcome, Reason
from tests.support.dns_server import Reply, datagrams
from tests.support.httpserver import NOW, probed
from tests.support.sip_server import answer
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
LEAF = issue("sip.example", ROOT, hosts=("127.0.0.1",))


def settings(**values: Any) -> Settings:
    return Settings.model_validate({"name": "modtager", "kind": "sip", "host": "sip.example", **values})


@pytest.mark.parametrize("status", [200, 202, 302, 401, 403, 404, 405, 407, 415, 486, 500, 501, 603])
def test_any_final_answer_shows_that_it_lives(status: int) -> None:
    verdict = judge(settings(), Answered(status), NOW)

    assert verdict.outcome is Outcome.OK
    assert [held.seen for held in verdict.held] == [f"status {status}"]


@pytest.mark.parametrize("status", [408, 480, 503])
def test_but_for_those_that_say_it_is_sick(status: int) -> None:
    verdict = judge(settings(), Answered(status), NOW)

    assert verdict.outcome is Outcome.FAIL
    assert [(miss.reason, miss.seen) for miss in verdict.misses] == [(Reason.SICK, f"status {status}")]


def test_what_is_sick_is_configuration() -> None:
    strict = settings(sick=["404", "503"])

    assert [judge(strict, Answered(status), NOW).outcome for status in (404, 408)] == [Outcome.FAIL, Outcome.OK]


@pytest.mark.parametrize(("took", "outcome"), [(1.0, Outcome.OK), (1.01, Outcome.WARN)])
def test_slow(took: float, outcome: Outcome) -> None:
    assert judge(settings(degraded_over="1s"), Answered(200, took), NOW).outcome is outcome


@pytest.mark.parametrize(
    "wrong",
    [
        {"uri": "sip:a\r\nVia: x"},
        {"uri": "sip:a>b"},
        {"uri": "http://a"},
        {"caller": "sip:a b"},
        {"transport": "sctp"},
        {"sick": ["100"]},
    ],
)
def test_settings_that_are_wrong(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


async def ask(port: int, **values: Any) -> Finding:
    return await probed(kind="sip", host="127.0.0.1", port=port, **values)


async def test_what_is_asked_over_udp() -> None:
    asked: list[sip.Message] = []

    def reply(request: bytes) -> Iterable[bytes]:
        asked.append(sip.parse(request))
        yield answer(request, via=(asked[-1].first("Via") or "").replace(";rport", ";rport=5099;received=192.0.2.7"))

    async with datagrams(reply) as port:
        finding = await ask(port, uri="sip:ping@modtager.example", caller="sip:vagt@kommune.example")

    assert finding.outcome is Outcome.OK
    assert finding.facts == {"sent": 1, "status": 200, "rport": "5099"}
    assert list(finding.phases) == ["processing"]
    [request] = asked
    assert isinstance(request, sip.Request)
    assert (request.method, request.uri) == ("OPTIONS", "sip:ping@modtager.example")
    assert (request.first("To"), request.first("Max-Forwards")) == ("<sip:ping@modtager.example>", "70")
    assert (request.first("From") or "").startswith("<sip:vagt@kommune.example>;tag=")
    via = sip.via(request)
    assert (via.transport, via.host, via.param("rport")) == ("UDP", "127.0.0.1", "")
    assert (via.param("branch") or "").startswith("z9hG4bK")


async def test_each_question_is_its_own() -> None:
    branches: set[str | None] = set()

    def reply(request: bytes) -> Iterable[bytes]:
        branches.add(sip.via(sip.parse(request)).param("branch"))
        yield answer(request)

    async with datagrams(reply) as port:
        for _ in range(3):
            await ask(port)

    assert len(branches) == 3


async def test_a_lost_request_is_repeated_with_the_same_branch() -> None:
    asked: list[bytes] = []

    def reply(request: bytes) -> Iterable[bytes]:
        asked.append(request)
        return [answer(request, 404, "Not Found")] if len(asked) > 1 else []

    async with datagrams(reply) as port:
        finding = await ask(port)

    assert (finding.outcome, finding.facts["status"], finding.facts["sent"]) == (Outcome.OK, 404, 2)
    assert asked[0] == asked[1]


async def test_a_provisional_answer_is_not_the_answer() -> None:
    async with datagrams(lambda request: [answer(request, 100, "Trying"), answer(request, 503)]) as port:
        final = await ask(port)
    async with datagrams(lambda request: [answer(request, 100, "Trying")]) as port:
        trying = await ask(port, timeout="700ms")

    assert [final.reason, trying.reason] == [Reason.SICK, Reason.TIMEOUT]
    assert "ignored" not in trying.facts


VIA = "SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK"
HOSTILE: dict[str, Reply] = {
    "silence": lambda _: [],
    "garbage": lambda _: [b"", b"\r\n\r\n", b"\xff" * 9_000, b"SIP/2.0 200 OK\r\n\r\n"],
    "another branch": lambda request: [answer(request, via=f"{VIA}someone-elses")],
    "another number": lambda request: [answer(request, cseq="2 OPTIONS")],
    "another method": lambda request: [answer(request, cseq="1 MESSAGE")],
    "two vias": lambda request: [answer(request, via=f"{sip.parse(request).first('Via')}, {VIA}x")],
    "the request itself": lambda request: [request],
    "body too short": lambda request: [answer(request).replace(b"Content-Length: 0", b"Content-Length: 9")],
    "huge header": lambda request: [answer(request).replace(b"\r\n\r\n", b"\r\nX: " + b"x" * 20_000 + b"\r\n\r\n")],
    "a flood": lambda _: [b"x" * 1_000] * 2_000,
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_what_is_no_answer_to_this_request_is_passed_over(name: str) -> None:
    before = sockets()
    async with datagrams(HOSTILE[name]) as port:
        finding = await ask(port, timeout="400ms")

    assert (finding.outcome, finding.reason) == (Outcome.FAIL, Reason.TIMEOUT)
    assert ("ignored" in finding.facts) is (name != "silence")
    assert sockets() == before


async def test_the_right_answer_among_wrong_ones_is_found() -> None:
    async with datagrams(lambda request: [b"junk", answer(request, cseq="2 OPTIONS"), answer(request, 405)]) as port:
        finding = await ask(port)

    assert (finding.outcome, finding.facts["status"], finding.facts["ignored"]) == (Outcome.OK, 405, 2)


async def test_an_answer_from_elsewhere_is_not_heard() -> None:
    async with datagrams(lambda request: [answer(request)], from_elsewhere=True) as port:
        finding = await ask(port, timeout="400ms")

    assert finding.reason is Reason.TIMEOUT


async def test_nobody_listens() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    finding = await ask(port)

    assert (finding.outcome, finding.reason) == (Outcome.FAIL, Reason.REFUSED)


def streaming(*statuses: int, before: bytes = b"", pieces: int = 10_000) -> Handler:
    """Answers over a stream, after these bytes, cut into pieces."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        said = before + b"".join(answer(request, status) for status in statuses)
        for start in range(0, len(said), pieces):
            writer.write(said[start : start + pieces])
            await writer.drain()
            await asyncio.sleep(0)
        await silent(reader, writer)

    return handler


@pytest.mark.parametrize("handler", [streaming(200), streaming(100, 200, before=b"\r\n\r\n", pieces=7)])
async def test_over_tcp(handler: Handler) -> None:
    async with serving(handler) as port:
        finding = await ask(port, transport="tcp")

    assert (finding.outcome, finding.facts["status"]) == (Outcome.OK, 200)
    assert list(finding.phases) == ["connect", "processing"]


async def test_over_tls(tmp_path: Path) -> None:
    async with serving(streaming(200), server_context(tmp_path, LEAF)) as port:
        right = await ask(port, transport="tls", ca_file=bundle(tmp_path, ROOT))
        stranger = await ask(port, transport="tls")

    assert right.outcome is Outcome.OK
    assert list(right.phases) == ["connect", "tls", "processing"]
    assert (stranger.outcome, stranger.reason) == (Outcome.FAIL, Reason.CERTIFICATE_UNTRUSTED)


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (silent, Reason.TIMEOUT),
        (hanging_up, Reason.RESET),
        (saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Reason.PROTOCOL),
        (saying(b"SIP/2.0 200 OK\r\nContent-Length: 999999\r\n\r\n"), Reason.PROTOCOL),
        (saying(b"SIP/2.0 200 OK\r\nContent-Length: 60000\r\n\r\n" + b"x" * 60_000), Reason.TOO_LARGE),
        (endless(b"\r\n" * 30_000), Reason.TOO_LARGE),
        (endless(b"X: y\r\n" * 10_000), Reason.TOO_LARGE),
        (dripping(b"SIP/2.0 200 OK\r\nX: y"), Reason.TIMEOUT),
    ],
    ids=["silent", "hangs-up", "http", "huge-length", "huge-body", "blank-lines", "endless-headers", "drip"],
)
async def test_hostile_streams_end_as_a_finding_with_nothing_left_open(handler: Handler, reason: Reason) -> None:
    before = sockets()
    async with serving(handler) as port:
        finding = await ask(port, transport="tcp", timeout="300ms" if reason is Reason.TIMEOUT else "10s")

    assert finding.outcome is Outcome.FAIL
    assert finding.reason is reason
    assert sockets() == before


async def test_endless_answers_to_others_end_with_the_timeout() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        await endless(answer(request, cseq="2 OPTIONS") * 20)(reader, writer)

    async with serving(handler) as port:
        finding = await ask(port, transport="tcp", timeout="300ms")

    assert finding.reason is Reason.TIMEOUT
    assert float(finding.facts["ignored"]) > 20


async def test_a_flood_from_another_machine_does_not_stop_the_loop() -> None:
    """The sender is a thread of its own, so that bytes are always there: only handing back the loop lets time run."""
    lines = ("SIP/2.0 200 OK", "Via: SIP/2.0/TCP x", "From: x", "To: x", "Call-ID: x", "CSeq: 1 OPTIONS")
    said = "\r\n".join((*lines, "Content-Length: 0", "", "")).encode() * 300
    with socket.create_server(("127.0.0.1", 0)) as server:
        flood = threading.Thread(target=_flood, args=(server, said), daemon=True)
        flood.start()
        finding = await ask(server.getsockname()[1], transport="tcp", timeout="300ms")
        flood.join(10)

    assert finding.reason is Reason.TIMEOUT
    assert float(finding.facts["ignored"]) > 100
    assert not flood.is_alive()


def _flood(server: socket.socket, said: bytes) -> None:
    line, _ = server.accept()
    with line, contextlib.suppress(OSError):
        while True:
            line.sendall(said)
