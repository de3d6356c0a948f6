"""SIP messages: what parses, what is refused, and that writing and reading undo each other whatever is in them."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core import sip
from monitor.core.sip import CSeq, Malformed, Request, Response, frame, parse, serialise

HEADERS = (
    ("Via", "SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKabc;rport"),
    ("From", "<sip:990001@homes.example>;tag=a1"),
    ("To", "<sip:receiver.example>"),
    ("Call-ID", "c1@192.0.2.1"),
    ("CSeq", "7 MESSAGE"),
)
MESSAGE = Request(
    "MESSAGE", "sip:receiver.example", headers=(*HEADERS, ("Content-Type", "application/scaip+xml")), body=b"<mrq/>"
)
RAW = (
    b"MESSAGE sip:receiver.example SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKabc;rport\r\n"
    b"From: <sip:990001@homes.example>;tag=a1\r\n"
    b"To: <sip:receiver.example>\r\n"
    b"Call-ID: c1@192.0.2.1\r\n"
    b"CSeq: 7 MESSAGE\r\n"
    b"Content-Type: application/scaip+xml\r\n"
    b"Content-Length: 6\r\n"
    b"\r\n"
    b"<mrq/>"
)
COMPACT = (
    b"\r\n\r\nMESSAGE sip:receiver.example SIP/2.0\r\n"
    b"v:SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKabc\r\n ;rport\r\n"
    b"F : <sip:990001@homes.example>;tag=a1\r\n"
    b"t\t:\t<sip:receiver.example>  \r\n"
    b"i: c1@192.0.2.1\r\n"
    b"cseq: 7\r\n\t MESSAGE\r\n"
    b"L: 6\r\n"
    b"c:application/scaip+xml\r\n"
    b"\r\n"
    b"<mrq/>and what comes after"
)


def raw(*lines: str, body: bytes = b"") -> bytes:
    """A request with everything it must have, these lines instead of its own where they name the same header."""
    instead = {line.partition(":")[0].lower() for line in lines}
    own = [f"{name}: {value}" for name, value in HEADERS if name.lower() not in instead]
    return "\r\n".join(["MESSAGE sip:receiver.example SIP/2.0", *own, *lines, "", ""]).encode() + body


def test_a_message_as_bytes_and_back() -> None:
    assert parse(RAW) == MESSAGE
    assert serialise(MESSAGE) == RAW


def test_compact_names_folded_lines_and_blanks_mean_the_same() -> None:
    message = parse(COMPACT)

    assert isinstance(message, Request)
    assert (message.body, message.first("content-type")) == (b"<mrq/>", "application/scaip+xml")
    assert message.all("from") == ("<sip:990001@homes.example>;tag=a1",)
    assert sip.via(message).param("rport") == ""
    assert sip.cseq(message) == CSeq(7, "MESSAGE")


def test_a_response() -> None:
    message = parse(RAW.replace(b"MESSAGE sip:receiver.example SIP/2.0", "SIP/2.0 480 Utilgængelig".encode()))

    assert isinstance(message, Response)
    assert (message.status, message.phrase) == (480, "Utilgængelig")


def test_a_response_without_a_phrase() -> None:
    message = Response(200, headers=HEADERS)

    assert parse(serialise(message)) == message


def test_without_content_length_a_datagrams_body_is_the_rest() -> None:
    assert parse(raw(body=b"all of it")).body == b"all of it"


@pytest.mark.parametrize(
    ("value", "transport", "host", "port", "branch"),
    [
        ("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx", "UDP", "192.0.2.1", None, "z9hG4bKx"),
        (
            "sip / 2.0 / tls  relay_1.example : 5061 ; Branch = z9 ;received=192.0.2.7",
            "TLS",
            "relay_1.example",
            5061,
            "z9",
        ),
        ("SIP/2.0/TCP [2001:db8::1]:5060;branch=a, SIP/2.0/UDP 192.0.2.9;branch=b", "TCP", "[2001:db8::1]", 5060, "a"),
        ('SIP/2.0/UDP h;x="a,b;branch=no";branch=yes', "UDP", "h", None, "yes"),
        ('SIP/2.0/UDP h;x="a\\",b";branch=yes', "UDP", "h", None, "yes"),
    ],
)
def test_the_topmost_via(value: str, transport: str, host: str, port: int | None, branch: str) -> None:
    found = sip.via(parse(raw(f"Via: {value}")))

    assert (found.transport, found.host, found.port, found.param("branch")) == (transport, host, port, branch)


def test_lists_run_over_lines_and_commas() -> None:
    message = parse(raw("Contact: <sip:a,b@x.example>, sip:c@x.example", 'Contact: "d, e" <sip:f@x.example>,'))

    assert sip.values(message, "contact") == (
        "<sip:a,b@x.example>",
        "sip:c@x.example",
        '"d, e" <sip:f@x.example>',
    )


MALFORMED = {
    "nothing": b"",
    "blank lines": b"\r\n\r\n\r\n",
    "garbage": bytes(range(256)),
    "no end of headers": RAW.partition(b"\r\n\r\n")[0],
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "version": RAW.replace(b"SIP/2.0\r\nVia", b"SIP/3.0\r\nVia"),
    "no uri": RAW.replace(b"MESSAGE sip:receiver.example", b"MESSAGE "),
    "two blanks": RAW.replace(b"MESSAGE sip", b"MESSAGE  sip"),
    "status": RAW.replace(b"MESSAGE sip:receiver.example SIP/2.0", b"SIP/2.0 99 No"),
    "status of letters": RAW.replace(b"MESSAGE sip:receiver.example SIP/2.0", b"SIP/2.0 two OK"),
    "bare line feed": RAW.replace(b"a1\r\nTo", b"a1\nTo"),
    "bare carriage return": RAW.replace(b"a1\r\nTo", b"a1\rTo"),
    "nul": RAW.replace(b"tag=a1", b"tag=\x00"),
    "escape": RAW.replace(b"tag=a1", b"tag=\x1b[2J"),
    "line separator": RAW.replace(b"tag=a1", "tag=\u2028".encode()),
    "latin-1": RAW.replace(b"tag=a1", b"tag=\xe6"),
    "folded start line": RAW.replace(b"SIP/2.0\r\nVia", b"SIP/2.0\r\n Via"),
    "no colon": raw("Subject"),
    "blank in a name": raw("Sub ject: x"),
    "no name": raw(": x"),
    "no via": raw("Via:"),
    "via without a host": raw("Via: SIP/2.0/UDP"),
    "via of another port": raw("Via: SIP/2.0/UDP h:99999"),
    "no from": raw("From:"),
    "two froms": raw("From: <sip:a@x.example>", "f: <sip:b@x.example>"),
    "two call-ids": raw("Call-ID: a", "Call-ID: a"),
    "cseq of words": raw("CSeq: one MESSAGE"),
    "cseq too large": raw("CSeq: 2147483648 MESSAGE"),
    "cseq of another method": raw("CSeq: 7 OPTIONS"),
    "body too short": raw("Content-Length: 10", body=b"123456789"),
    "negative length": raw("Content-Length: -1", body=b"x"),
    "length of words": raw("Content-Length: 1x", body=b"x"),
    "two lengths": raw("Content-Length: 1", "l: 2", body=b"xx"),
    "huge length": raw("Content-Length: 999999999999999999999", body=b"x"),
    "arabic digits": raw("Content-Length: ١", body=b"x"),
    "too many headers": raw(*["X: 1"] * 200),
    "huge header": raw("X: " + "x" * 20_000),
    "huge body": raw(body=b"x" * 70_000),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed(name: str) -> None:
    with pytest.raises(Malformed):
        parse(MALFORMED[name])


def test_a_length_said_twice_alike_is_a_length() -> None:
    assert parse(raw("Content-Length: 1", "l: 1", body=b"xy")).body == b"x"


INJECTIONS = [
    "x\r\nVia: SIP/2.0/UDP evil.example",
    "x\n evil: 1",
    "x\r",
    "\x00",
    "x\u2028y",
    "x\r\n\r\nbody",
    " x",
    "x\t",
]


@pytest.mark.parametrize("value", INJECTIONS)
def test_no_value_can_add_a_line(value: str) -> None:
    for message in (
        Request("MESSAGE", "sip:a.example", headers=(*HEADERS, ("Subject", value))),
        Request("MESSAGE", f"sip:{value}", headers=HEADERS),
        Request(f"MESSAGE{value}", "sip:a.example", headers=HEADERS),
        Request("MESSAGE", "sip:a.example", headers=(*HEADERS, (f"X-{value}", "1"))),
    ):
        with pytest.raises(ValueError, match="SIP"):
            serialise(message)


@pytest.mark.parametrize("name", ["Content-Length", "content-length", "l", "v", "via", "", "a b", "a:b", "æ"])
def test_names_that_would_not_come_back_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="SIP"):
        serialise(Request("MESSAGE", "sip:a.example", headers=(*HEADERS, (name, "1"))))


@pytest.mark.parametrize(
    "headers",
    [(), HEADERS[1:], (*HEADERS, HEADERS[1]), (*HEADERS[:4], ("CSeq", "7 OPTIONS")), (*HEADERS, *[("X", "1")] * 200)],
)
def test_what_is_not_whole_is_not_written(headers: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(ValueError, match=r"."):
        serialise(Request("MESSAGE", "sip:a.example", headers=headers))


def test_what_is_too_large_is_not_written() -> None:
    with pytest.raises(ValueError, match="bounds"):
        serialise(Request("MESSAGE", "sip:a.example", headers=HEADERS, body=b"x" * 65_500))


TOKENS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.!%*_+`'~", min_size=1, max_size=12)
ANYTHING = st.text(max_size=40)
TAME = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=60).map(str.strip)
EXTRA = st.lists(st.tuples(TOKENS.map(lambda name: f"X-{name}"), TAME), max_size=8).map(tuple)
WILD = st.lists(st.tuples(st.one_of(TOKENS, ANYTHING), ANYTHING), max_size=4).map(tuple)


def request(method: str, headers: tuple[tuple[str, str], ...], body: bytes) -> Request:
    own = (*HEADERS[:4], ("CSeq", f"1 {method}"))
    return Request(method, "sip:a.example", headers=(*own, *headers), body=body)


@given(TOKENS, EXTRA, st.binary(max_size=200), st.binary(max_size=20))
@settings(deadline=None)
def test_reading_undoes_writing(method: str, headers: tuple[tuple[str, str], ...], body: bytes, after: bytes) -> None:
    message = request(method, headers, body)
    data = serialise(message)

    assert parse(data) == message
    assert parse(data + after) == message
    assert frame(bytearray(data + after)) == len(data)


@given(TOKENS, WILD, ANYTHING, st.binary(max_size=50))
@settings(deadline=None)
def test_what_is_written_is_read_back_alike_or_not_written(
    method: str, headers: tuple[tuple[str, str], ...], uri: str, body: bytes
) -> None:
    for message in (
        request(method, headers, body),
        Request(method, uri, headers=(*HEADERS[:4], ("CSeq", f"1 {method}")), body=body),
        Response(200, uri, headers=(*HEADERS, *headers), body=body),
    ):
        try:
            data = serialise(message)
        except ValueError:
            continue
        assert parse(data) == message


@given(st.binary(max_size=400))
@settings(deadline=None)
def test_any_bytes_parse_or_are_malformed(data: bytes) -> None:
    for piece in (data, RAW[: len(data)] + data, data + RAW):
        try:
            found = parse(piece)
        except Malformed:
            continue
        assert parse(serialise(found)) == found


@given(st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_a_message_with_bytes_changed_parses_or_is_malformed(seed: int) -> None:
    chance = random.Random(seed)
    data = bytearray(chance.choice((RAW, COMPACT)))
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(data))
        data[place : place + chance.randint(0, 3)] = chance.choice(
            (b"", b"\r", b"\n", b"\r\n", b":", b" ", b'"', b"<", b"\xff", b"9")
        )
    try:
        found = parse(bytes(data))
    except Malformed:
        return
    assert parse(serialise(found)) == found


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(1, 3))
@settings(deadline=None)
def test_a_stream_gives_the_same_messages_however_it_is_cut(cuts: list[int], count: int) -> None:
    stream, buffer, found = (b"\r\n\r\n" + RAW) * count, bytearray(), []
    while stream:
        piece = cuts[0]
        cuts = [*cuts[1:], piece]
        buffer += stream[:piece]
        stream = stream[piece:]
        while (end := frame(buffer)) is not None:
            found.append(parse(bytes(buffer[:end])))
            del buffer[:end]

    assert found == [MESSAGE] * count
    assert not buffer


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n" * 10_000,
        b"x" * 20_000,
        raw(),
        raw("Content-Length: 65535"),
        raw("Content-Length: 1", "l: 2"),
        raw("Content-Length: 99999999"),
    ],
    ids=["blank", "no end", "no length", "too long", "two lengths", "huge length"],
)
def test_a_stream_that_cannot_be_framed(data: bytes) -> None:
    with pytest.raises(Malformed):
        frame(bytearray(data))


@pytest.mark.parametrize("data", [b"", b"\r\n", RAW[:40], RAW[:-1], b"\r\n\r\n" + RAW[:-1]])
def test_a_stream_that_must_go_on(data: bytes) -> None:
    assert frame(bytearray(data)) is None
