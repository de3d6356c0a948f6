"""`dns`: what is made of answers, and name servers that lie, babble or keep silent."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pydantic import ValidationError

from checks import dns as check
from checks.dns import Answered, Settings, judge
from checks.dns_client import Answer, Question
from monitor.core.finding import Finding, Outcome, Reason
from tests.support.dns_server import Reply, answer, datagrams
from tests.support.httpserver import NOW, probed
from tests.support.tls_server import Handler, dripping, endless, hanging_up, saying, serving, silent, sockets


def settings(**values: Any) -> Settings:
    return Settings.model_validate({"name": "navn", "kind": "dns", "query": "nexus.example", **values})


@pytest.mark.parametrize(
    ("expect", "match", "records", "holds"),
    [
        ([], "all", ["192.0.2.1"], True),
        ([], "all", [], False),
        (["192.0.2.1"], "all", ["192.0.2.1"], True),
        (["192.0.2.1"], "all", ["192.0.2.1", "192.0.2.66"], False),
        (["192.0.2.1", "192.0.2.2"], "all", ["192.0.2.2", "192.0.2.1"], True),
        (["192.0.2.1", "192.0.2.2"], "all", ["192.0.2.1"], False),
        (["192.0.2.1", "192.0.2.2"], "any", ["192.0.2.1"], True),
        (["192.0.2.1"], "any", ["192.0.2.66"], False),
        (["192.0.2.1"], "any", [], False),
        (["2001:DB8:0::1"], "all", ["2001:db8::1"], True),
        (["WWW.nexus.example"], "all", ["www.nexus.example."], True),
        (["v=spf1 -all"], "all", ['"v=spf1 -all"'], True),
        (["10 mx.example"], "all", ["10 mx.example."], True),
    ],
)
def test_the_records_expected(expect: list[str], match: str, records: list[str], holds: bool) -> None:
    verdict = judge(settings(expect=expect, match=match), Answered("NOERROR", tuple(records)), NOW)

    assert verdict.outcome is (Outcome.OK if holds else Outcome.FAIL)
    assert [miss.reason for miss in verdict.misses] == ([] if holds else [Reason.RECORDS])


@pytest.mark.parametrize(
    ("rcode", "reason"),
    [("NXDOMAIN", Reason.NAME_UNKNOWN), ("SERVFAIL", Reason.SICK), ("REFUSED", Reason.SICK), ("NOTIMP", Reason.SICK)],
)
def test_the_codes(rcode: str, reason: Reason) -> None:
    verdict = judge(settings(), Answered(rcode), NOW)

    assert verdict.outcome is Outcome.FAIL
    assert [miss.reason for miss in verdict.misses] == [reason]


@pytest.mark.parametrize(("took", "outcome"), [(0.2, Outcome.OK), (0.21, Outcome.WARN)])
def test_slow(took: float, outcome: Outcome) -> None:
    assert judge(settings(degraded_over="200ms"), Answered("NOERROR", ("192.0.2.1",), took), NOW).outcome is outcome


@pytest.mark.parametrize(
    "wrong",
    [{"query": "a..b"}, {"query": "a b"}, {"query": "x" * 64}, {"type": "ANY"}, {"servers": ["dns.example"]}],
)
def test_settings_that_are_wrong(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


def test_loading_the_kind_does_not_load_dnspython() -> None:
    code = "import sys, checks.dns; sys.exit('dns.message' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode == 0


async def ask(port: int, **values: Any) -> Finding:
    return await probed(kind="dns", query="nexus.example", servers=["127.0.0.1"], port=port, **values)


async def test_an_answer_at_the_end_of_a_chain_of_names() -> None:
    def reply(question: bytes) -> Iterable[bytes]:
        yield answer(question, "CNAME Web.Nexus.example.", "web.nexus.example. A 192.0.2.7")

    async with datagrams(reply) as port:
        finding = await ask(port, expect=["192.0.2.7"])

    assert finding.outcome is Outcome.OK
    assert finding.facts == {"server": "127.0.0.1", "rcode": "NOERROR", "ttl": 300}
    assert list(finding.phases) == ["processing"]


@pytest.mark.parametrize("rcode", ["NXDOMAIN", "SERVFAIL", "REFUSED"])
async def test_refusals(rcode: str) -> None:
    async with datagrams(lambda question: [answer(question, rcode=rcode)]) as port:
        finding = await ask(port)

    assert finding.outcome is Outcome.FAIL
    assert finding.facts["rcode"] == rcode


async def test_nobody_listens() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    finding = await ask(port)

    assert (finding.outcome, finding.reason) == (Outcome.FAIL, Reason.REFUSED)


def other_id(question: bytes) -> bytes:
    return bytes((question[0] ^ 1,)) + question[1:]


HOSTILE: dict[str, Reply] = {
    "silence": lambda _: [],
    "garbage": lambda _: [b"", b"\x00", b"\xff" * 500, b"x" * 9_000],
    "another id": lambda question: [answer(other_id(question), "A 192.0.2.66")],
    "another name": lambda question: [answer(question.replace(b"\x05nexus", b"\x05wrong"), "A 192.0.2.66")],
    "the question itself": lambda question: [question],
    "cut short": lambda question: [answer(question, "A 192.0.2.1")[:-3]],
    "a flood": lambda question: [answer(other_id(question), "A 192.0.2.66")] * 2_000,
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_what_is_no_answer_is_silence(name: str) -> None:
    before = sockets()
    async with datagrams(HOSTILE[name]) as port:
        finding = await ask(port, timeout="400ms")

    assert (finding.outcome, finding.reason) == (Outcome.FAIL, Reason.TIMEOUT)
    assert ("ignored" in finding.facts) is (name != "silence")
    assert sockets() == before


async def test_the_right_answer_among_wrong_ones_is_found() -> None:
    def reply(question: bytes) -> Iterable[bytes]:
        yield b"junk"
        yield answer(other_id(question), "A 192.0.2.66")
        yield answer(question, "A 192.0.2.1")

    async with datagrams(reply) as port:
        finding = await ask(port, expect=["192.0.2.1"])

    assert finding.outcome is Outcome.OK
    assert finding.facts["ignored"] == 2


async def test_an_answer_from_elsewhere_is_not_heard() -> None:
    async with datagrams(lambda question: [answer(question, "A 192.0.2.66")], from_elsewhere=True) as port:
        finding = await ask(port, timeout="400ms")

    assert finding.reason is Reason.TIMEOUT


async def test_one_lost_datagram_is_asked_again() -> None:
    asked: list[bytes] = []

    def reply(question: bytes) -> Iterable[bytes]:
        asked.append(question)
        return [answer(question, "A 192.0.2.1")] if len(asked) > 1 else []

    async with datagrams(reply) as port:
        finding = await ask(port, timeout="1s")

    assert finding.outcome is Outcome.OK
    assert asked[0] == asked[1]


def over_tcp(frame: bytes | None = None, *records: str) -> Handler:
    """Answers each question rightly, or with these bytes."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        question = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
        said = answer(question, *records)
        writer.write(len(said).to_bytes(2) + said if frame is None else frame)
        await silent(reader, writer)

    return handler


async def test_what_does_not_fit_is_asked_over_tcp() -> None:
    many = [f"A 192.0.2.{last}" for last in range(1, 200)]
    async with (
        serving(over_tcp(None, *many)) as port,
        datagrams(lambda question: [answer(question, truncated=True)], port=port),
    ):
        finding = await ask(port)

    assert finding.outcome is Outcome.OK
    assert {"connect", "processing"} <= set(finding.phases)


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (over_tcp(None, "A 192.0.2.1"), None),
        (silent, Reason.TIMEOUT),
        (hanging_up, Reason.RESET),
        (over_tcp(b"\x00\x00"), Reason.PROTOCOL),
        (over_tcp(b"\x00\x05hello"), Reason.PROTOCOL),
        (over_tcp(b"\xff\xff" + b"\x00" * 70_000), Reason.TOO_LARGE),
        (over_tcp(b"\xff\xff" + b"\x00" * 100), Reason.TIMEOUT),
        (endless(b"\xff" * 65_536), Reason.TOO_LARGE),
        (dripping(b"\xff"), Reason.TIMEOUT),
        (saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Reason.TIMEOUT),
    ],
)
async def test_over_tcp(handler: Handler, reason: Reason | None) -> None:
    before = sockets()
    async with serving(handler) as port:
        finding = await ask(port, transport="tcp", timeout="300ms" if reason is Reason.TIMEOUT else "10s")

    assert finding.reason is reason
    assert sockets() == before


async def test_the_next_server_is_asked_when_one_is_silent_or_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    async with datagrams(lambda question: [answer(question, "A 192.0.2.1")]) as port:
        passed = await probed(
            kind="dns", query="nexus.example", servers=["127.0.0.2", "127.0.0.1"], port=port, timeout="1s"
        )
        monkeypatch.setattr(check, "_RESOLV_CONF", Path("/nonexistent/resolv.conf"))
        own = await probed(kind="dns", query="nexus.example", port=port)

    assert [passed.outcome, own.outcome] == [Outcome.OK, Outcome.OK]
    assert [passed.facts["server"], own.facts["server"]] == ["127.0.0.1", "127.0.0.1"]


async def test_a_sick_answer_counts_when_the_next_server_is_silent() -> None:
    async with datagrams(lambda question: [answer(question, rcode="SERVFAIL")]) as port:
        finding = await probed(
            kind="dns", query="nexus.example", servers=["127.0.0.1", "127.0.0.2"], port=port, timeout="400ms"
        )

    assert (finding.outcome, finding.reason) == (Outcome.FAIL, Reason.SICK)


async def test_the_machines_own_resolvers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = tmp_path / "resolv.conf"
    conf.write_text("# own\nsearch example\nnameserver 127.0.0.1\nnameserver\noptions ndots:1\nnameserver 127.0.0.9\n")
    monkeypatch.setattr(check, "_RESOLV_CONF", conf)
    async with datagrams(lambda question: [answer(question, "A 192.0.2.1")]) as port:
        finding = await probed(kind="dns", query="nexus.example", port=port)

    assert finding.facts["server"] == "127.0.0.1"


QUESTION = Question("nexus.example", "A")
RIGHT = answer(QUESTION.wire, "CNAME web.nexus.example.", "web.nexus.example. A 192.0.2.7")


@given(st.binary(max_size=600))
@examples(deadline=None)
def test_any_bytes_are_an_answer_or_none(data: bytes) -> None:
    assert QUESTION.answer(data) is None


@given(st.lists(st.tuples(st.integers(2, len(RIGHT) - 1), st.integers(0, 255)), min_size=1, max_size=6))
@examples(deadline=None)
def test_a_right_answer_with_bytes_changed_never_breaks_the_reader(changes: list[tuple[int, int]]) -> None:
    data = bytearray(RIGHT)
    for place, value in changes:
        data[place] = value

    assert isinstance(QUESTION.answer(bytes(data)), Answer | None)
