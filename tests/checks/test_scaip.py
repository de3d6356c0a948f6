"""`scaip`: what is sent, which acknowledgements count, and receivers that answer late, wrongly, or not at all."""

import asyncio
import re
import socket
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

from checks.scaip import Answered, Settings, drafted, judge
from checks.sip_client import Line
from checks.sip_peer import Transport
from monitor.core import sip
from monitor.core.finding import OURS, Finding, Outcome, Reason
from monitor.core.scaip import Mrs
from monitor.core.words import cause
from tests.support.dns_server import datagrams
from tests.support.httpserver import NOW, probed
from tests.support.scaip_receiver import OTHER, apart, carried, is_answer, mrs, ref_of
from tests.support.sip_server import answer
from tests.support.tls_server import sockets

CONTENT = (
    rb'<\?xml version="1.0" encoding="UTF-8"\?><mrq><ref>[0-9A-F]{16}</ref><ver>01\.00</ver><mty>PI</mty>'
    rb"<cid>([0-9]{1,16})</cid><dty>[0-9]{1,4}</dty><did>[0-9a-zA-Z]{1,8}</did><crd>no-voice:</crd><stc>0102</stc></mrq>"
)


def settings(**values: Any) -> Settings:
    given = {"name": "modtager", "kind": "scaip", "host": "scaip.example", "cid": "990001", **values}
    return Settings.model_validate(given)


def judged(answered: Answered, **values: Any) -> tuple[Outcome, Reason | None]:
    verdict = judge(settings(**values), answered, NOW)
    return verdict.outcome, verdict.misses[0].reason if verdict.misses else None


@pytest.mark.parametrize(
    ("snu", "outcome", "reason"),
    [
        (0, Outcome.OK, None),
        *((snu, Outcome.UNKNOWN, Reason.PROBE_REFUSED) for snu in (1, 2, 3, 7)),
        *((snu, Outcome.FAIL, Reason.SICK) for snu in (4, 5, 6, 8, 50, 90, 99, 4711)),
    ],
)
def test_what_the_receivers_number_means(snu: int, outcome: Outcome, reason: Reason | None) -> None:
    assert judged(Answered(200, Mrs("A1", snu))) == (outcome, reason)


@pytest.mark.parametrize(
    ("status", "outcome", "reason"),
    [
        *((status, Outcome.FAIL, Reason.REPLY) for status in (200, 202)),
        *((status, Outcome.UNKNOWN, Reason.CREDENTIALS) for status in (401, 403, 404, 407)),
        *((status, Outcome.UNKNOWN, Reason.PROBE_REFUSED) for status in (400, 413, 415, 416)),
        *((status, Outcome.FAIL, Reason.SICK) for status in (408, 480, 503)),
        *((status, Outcome.FAIL, Reason.STATUS) for status in (302, 405, 486, 500, 501, 603)),
    ],
)
def test_what_an_answer_without_acknowledgement_means(status: int, outcome: Outcome, reason: Reason) -> None:
    assert judged(Answered(status)) == (outcome, reason)
    assert (reason in OURS) is (outcome is Outcome.UNKNOWN)


@pytest.mark.parametrize(("took", "outcome"), [(1.0, Outcome.OK), (1.01, Outcome.WARN)])
def test_slow(took: float, outcome: Outcome) -> None:
    assert judged(Answered(200, Mrs("A1", 0), took), degraded_over="1s")[0] is outcome


@pytest.mark.parametrize(
    ("answered", "words"),
    [
        (Answered(200), "svarer forkert (svarede SIP 200, men kvitterede ikke)"),
        (Answered(200, others=2), "svarer forkert (svarede SIP 200, men kvitterede kun for andre)"),
        (Answered(200, unreadable=1), "svarer forkert (svarede SIP 200, men kvitterede uforståeligt)"),
        (Answered(200, Mrs("A1", 5)), "melder sig syg (snu 5 (ikke behandlet))"),
        (Answered(200, Mrs("A1", 7)), "vores prøvebesked bliver afvist (snu 7 (felt mangler))"),
        (Answered(403), "vores adgang bliver afvist (status 403)"),
    ],
)
def test_what_people_read(answered: Answered, words: str) -> None:
    assert cause(judge(settings(), answered, NOW).misses) == words


@pytest.mark.parametrize(
    "wrong",
    [
        {"cid": ""},
        {"cid": "12345678901234567"},
        {"cid": "99</cid><mty>ME</mty>"},
        {"dty": "x"},
        {"did": "123456789"},
        {"mty": "ME"},
        {"stc": "0001"},
        {"crd": "tel:1"},
        {"caller": "sip:a\r\nVia: x"},
        {"user": 'a", realm="b'},
        {"transport": "tls", "listen": "5060"},
    ],
)
def test_settings_that_are_wrong(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


def test_a_test_unit_has_no_default() -> None:
    with pytest.raises(ValidationError, match="cid"):
        Settings.model_validate({"name": "modtager", "kind": "scaip", "host": "scaip.example"})


_TEXT = st.text(max_size=20)
_LIKELY = {
    "cid": st.from_regex(r"[0-9]{1,17}", fullmatch=True),
    "dty": st.from_regex(r"[0-9]{0,4}", fullmatch=True),
    "did": st.from_regex(r"[0-9A-Za-z<>&]{1,8}", fullmatch=True),
    "caller": st.from_regex(r"sips?:[!-~]{1,30}", fullmatch=True),
    "uri": st.from_regex(r"sips?:[!-~]{1,30}", fullmatch=True),
    "transport": st.sampled_from([each.value for each in Transport]),
    "listen": st.integers(0, 70_000).map(str),
    "port": st.integers(0, 70_000).map(str),
    "user": st.from_regex(r"[!-~]{1,12}", fullmatch=True),
    "password": st.just("scaip_password"),
}
_ANY = {name: _LIKELY.get(name, _TEXT) | _TEXT for name in Settings.model_fields if name not in {"name", "kind", "cid"}}
_NOT_SETTINGS = {"mty": _TEXT, "stc": _TEXT, "crd": _TEXT, "ver": _TEXT, "body": _TEXT}


@hypothesis_settings(max_examples=200)
@given(st.fixed_dictionaries({"cid": _LIKELY["cid"] | _TEXT}, optional={**_ANY, **_NOT_SETTINGS}))
def test_no_configuration_makes_it_send_anything_but_a_heartbeat(values: dict[str, str]) -> None:
    """Each field of Settings in turn likely or absurd: what is accepted makes a heartbeat, and nothing beside it."""
    try:
        parsed = settings(**values)
    except ValidationError:
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        draft = drafted(parsed, "A1B2C3D4E5F60718", Line(parsed.transport, sock))

    found = re.fullmatch(CONTENT, draft.body)
    assert found
    assert found[1].decode() == parsed.cid
    assert draft.method == "MESSAGE"
    assert draft.headers == (("Content-Type", "application/scaip+xml"),)


Receiver = Callable[[bytes], Iterable[bytes]]


async def ask(port: int, **values: Any) -> Finding:
    return await probed(kind="scaip", host="127.0.0.1", port=port, cid="990001", **values)


async def told(receiver: Receiver, **values: Any) -> tuple[Finding, list[bytes]]:
    """What comes of a receiver over UDP that answers heartbeats so, and the answers it got to requests of its own."""
    answers: list[bytes] = []

    def reply(message: bytes) -> Iterable[bytes]:
        if is_answer(message):
            answers.append(message)
            return ()
        return receiver(message)

    async with datagrams(reply) as port:
        finding = await ask(port, **values)
        # The last answer is still on its way to the receiver.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    return finding, answers


def in_the_body(request: bytes) -> Iterable[bytes]:
    return [carried(request, mrs(ref_of(request)))]


async def test_what_is_sent() -> None:
    asked: list[bytes] = []

    def receiver(request: bytes) -> Iterable[bytes]:
        asked.append(request)
        return in_the_body(request)

    first, _ = await told(receiver, uri="sip:modtager@nordkald.example")
    second, _ = await told(receiver, caller="sip:9@kommune.example")

    assert (first.outcome, second.outcome) == (Outcome.OK, Outcome.OK)
    assert list(first.phases) == ["processing"]
    assert {name: first.facts[name] for name in ("sent", "status", "snu")} == {"sent": 1, "status": 200, "snu": 0}
    assert float(first.facts["mrs_seconds"]) >= 0
    one, other = (sip.parse(request) for request in asked)
    assert isinstance(one, sip.Request)
    assert (one.method, one.uri) == ("MESSAGE", "sip:modtager@nordkald.example")
    assert one.first("Contact") is None
    assert one.first("Content-Type") == "application/scaip+xml"
    assert (one.first("From") or "").startswith(f"<sip:990001@127.0.0.1:{sip.via(one).port}>;tag=")
    assert (other.first("From") or "").startswith("<sip:9@kommune.example>;tag=")
    assert all(re.fullmatch(CONTENT, message.body) for message in (one, other))
    assert ref_of(asked[0]) != ref_of(asked[1])
    assert max(map(len, asked)) < 1_300


GOOD: dict[str, Receiver] = {
    "in the 200": in_the_body,
    "in the 200, other media type and root": lambda r: [
        carried(r, mrs(ref_of(r), "00", root="scaip"), "text/plain; charset=x")
    ],
    "apart after the 200": lambda r: [carried(r), apart(r, mrs(ref_of(r)))],
    "apart before the 200": lambda r: [apart(r, mrs(ref_of(r))), carried(r)],
    "apart and never a 200": lambda r: [apart(r, mrs(ref_of(r)))],
    "after trying": lambda r: [answer(r, 100, "Trying"), *in_the_body(r)],
    "after a 202": lambda r: [answer(r, 202, "Accepted"), apart(r, mrs(ref_of(r), root="scaip"))],
    "after another's": lambda r: [carried(r, mrs(OTHER, 5)), apart(r, mrs(OTHER, 0)), apart(r, mrs(ref_of(r)))],
    "after nonsense": lambda r: [b"\xff" * 900, carried(r, b"OK"), apart(r, b"<a"), apart(r, mrs(ref_of(r)))],
    "before one that says otherwise": lambda r: [carried(r, mrs(ref_of(r))), apart(r, mrs(ref_of(r), 5))],
    "among requests for other things": lambda r: [
        carried(r),
        apart(r, b"", method="OPTIONS"),
        apart(r, mrs(ref_of(r))),
    ],
}


@pytest.mark.parametrize("name", GOOD)
async def test_an_acknowledgement_is_found_wherever_it_comes(name: str) -> None:
    before = sockets()
    finding, _ = await told(GOOD[name])

    assert (finding.outcome, finding.misses) == (Outcome.OK, ())
    assert [held.expected for held in finding.held] == ["kvittering (mrs) med snu 0"]
    assert sockets() == before


BAD: dict[str, tuple[Receiver, Outcome, Reason]] = {
    "silence": (lambda _: [], Outcome.FAIL, Reason.TIMEOUT),
    "only trying": (lambda r: [answer(r, 100, "Trying")], Outcome.FAIL, Reason.TIMEOUT),
    "a bare 200": (lambda r: [carried(r)], Outcome.FAIL, Reason.REPLY),
    "a 200 again and again": (lambda r: [carried(r)] * 20, Outcome.FAIL, Reason.REPLY),
    "another's ref": (lambda r: [carried(r, mrs(OTHER))], Outcome.FAIL, Reason.REPLY),
    "another's ref apart": (lambda r: [carried(r), apart(r, mrs(OTHER))], Outcome.FAIL, Reason.REPLY),
    "our own message back": (lambda r: [carried(r, sip.parse(r).body)], Outcome.FAIL, Reason.REPLY),
    "no snu": (lambda r: [carried(r, f"<mrs><ref>{ref_of(r)}</ref></mrs>".encode())], Outcome.FAIL, Reason.REPLY),
    "snu 5": (lambda r: [carried(r, mrs(ref_of(r), 5))], Outcome.FAIL, Reason.SICK),
    "snu 5 apart": (lambda r: [carried(r), apart(r, mrs(ref_of(r), 5))], Outcome.FAIL, Reason.SICK),
    "snu 2": (lambda r: [carried(r, mrs(ref_of(r), 2))], Outcome.UNKNOWN, Reason.PROBE_REFUSED),
    "503": (lambda r: [answer(r, 503)], Outcome.FAIL, Reason.SICK),
    "415": (lambda r: [answer(r, 415)], Outcome.UNKNOWN, Reason.PROBE_REFUSED),
    "404": (lambda r: [answer(r, 404)], Outcome.UNKNOWN, Reason.CREDENTIALS),
    "401 and no login here": (lambda r: [answer(r, 401)], Outcome.UNKNOWN, Reason.CREDENTIALS),
    "an answer to another": (lambda r: [answer(r, cseq="2 MESSAGE")], Outcome.FAIL, Reason.TIMEOUT),
}


@pytest.mark.parametrize("name", BAD)
async def test_what_is_no_acknowledgement(name: str) -> None:
    receiver, outcome, reason = BAD[name]
    before = sockets()
    finding, _ = await told(receiver, timeout={Reason.TIMEOUT: "200ms", Reason.REPLY: "1s"}.get(reason, "10s"))

    assert (finding.outcome, finding.reason) == (outcome, reason)
    assert sockets() == before


async def test_a_message_to_us_is_answered_and_its_repetition_alike() -> None:
    def receiver(request: bytes) -> Iterable[bytes]:
        other = apart(request, mrs(OTHER))
        return [carried(request), other, other, apart(request, b"junk"), apart(request, mrs(ref_of(request)))]

    finding, answers = await told(receiver)

    assert finding.facts["snu"] == 0
    assert [sip.parse(one).status for one in answers] == [200, 200, 400, 200]  # type: ignore[union-attr]
    assert answers[0] == answers[1] != answers[3]
    first = sip.parse(answers[0])
    assert re.fullmatch(r"SIP/2.0/UDP 192.0.2.9:5060;branch=\w+;rport=\d+;received=127.0.0.1", first.first("Via") or "")
    assert re.fullmatch(r"<sip:990001@127.0.0.1:\d+>;tag=\w+", first.first("To") or "")
    assert first.first("From") == "<sip:modtager@192.0.2.9>;tag=r"
    assert sip.cseq(first) == sip.CSeq(1, "MESSAGE")
