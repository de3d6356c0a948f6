"""The lab's SIP receiver, resolver and certificates over real sockets: each answers, breaks and mends as said."""

import socket
import ssl
from collections.abc import Iterator

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from tests.support.lab import Lab, running_lab

PI = (
    '<?xml version="1.0" encoding="UTF-8"?><mrq><ref>A1B2C3D4E5F60718</ref><ver>01.00</ver><mty>PI</mty>'
    "<cid>990001</cid><dty>0031</dty><did>01</did><crd>no-voice:</crd><stc>0102</stc></mrq>"
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    with running_lab(folder) as lab:
        yield lab
    assert (folder / "lab.err").read_text() == ""


@pytest.fixture
def lab(whole: Lab) -> Iterator[Lab]:
    yield whole
    whole.mend()


class Caller:
    """One SIP client, over UDP or TCP."""

    def __init__(self, lab: Lab, transport: str, patience: float = 1.0) -> None:
        host, _, port = lab.addresses["sip"].partition(":")
        self.transport = transport
        kind = socket.SOCK_DGRAM if transport == "UDP" else socket.SOCK_STREAM
        self.line = socket.socket(socket.AF_INET, kind)
        self.line.settimeout(patience)
        self._to = (host, int(port))

    def __enter__(self) -> "Caller":
        try:
            self.line.connect(self._to)
        except OSError:
            self.line.close()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self.line.close()

    def send(self, method: str, body: str = "") -> None:
        me = ":".join(map(str, self.line.getsockname()))
        lines = [
            f"{method} sip:receiver@lab.example SIP/2.0",
            f"v: SIP/2.0/{self.transport} {me};branch=z9hG4bK776",
            "f: <sip:990001@lab.example>;tag=1",
            "t: <sip:receiver@lab.example>",
            "i: call-1",
            f"CSeq: 7 {method}",
            f"m: <sip:990001@{me}>",
            *(["Content-Type: application/scaip+xml"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        self.line.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())

    def hear(self) -> str:
        """One message, as it came."""
        return self.line.recv(65536).decode("utf-8", "replace")

    def ask(self, method: str, body: str = "") -> str:
        self.send(method, body)
        return self.hear()


@pytest.fixture(params=["UDP", "TCP"])
def caller(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Caller]:
    with Caller(lab, request.param) as caller:
        yield caller


def test_the_receiver_answers_options_and_acknowledges_a_heartbeat(caller: Caller) -> None:
    said = caller.ask("OPTIONS")
    assert said.startswith("SIP/2.0 200 OK\r\n")
    assert "Call-ID: call-1\r\nCSeq: 7 OPTIONS\r\n" in said
    assert "Allow: OPTIONS, MESSAGE\r\n" in said
    said = caller.ask("MESSAGE", PI)
    assert said.startswith("SIP/2.0 200 OK\r\n")
    assert "<mrs><ref>A1B2C3D4E5F60718</ref><snu>0</snu>" in said
    assert caller.ask("REGISTER").startswith("SIP/2.0 405 ")
    assert "<snu>7</snu>" in caller.ask("MESSAGE", PI.replace("cid", "did"))


def test_the_acknowledgement_may_come_in_a_message_of_its_own(lab: Lab, caller: Caller) -> None:
    lab.break_("sip", "mrs-apart")
    caller.send("MESSAGE", PI)
    heard = caller.hear()
    while "</mrs>" not in heard:
        heard += caller.hear()
    first, _, second = heard.partition("\r\n\r\n")
    assert first.endswith("Content-Length: 0")
    assert second.startswith(f"MESSAGE sip:990001@127.0.0.1:{caller.line.getsockname()[1]} SIP/2.0\r\n")
    assert "<ref>A1B2C3D4E5F60718</ref><snu>0</snu>" in second


@pytest.mark.parametrize(
    ("how", "options", "message"),
    [
        ("503", "SIP/2.0 503", "SIP/2.0 503"),
        ("no-mrs", "SIP/2.0 200", "Content-Length: 0\r\n\r\n"),
        ("snu", "SIP/2.0 200", "<snu>5</snu>"),
        ("wrong-ref", "SIP/2.0 200", "<ref>0FFFFFFFFFFFFFFF</ref>"),
        ("garbage", "pebbles", "pebbles"),
    ],
)
def test_the_receiver_breaks_with_an_answer(lab: Lab, caller: Caller, how: str, options: str, message: str) -> None:
    lab.break_("sip", how)
    assert options in caller.ask("OPTIONS")
    assert message in caller.ask("MESSAGE", PI)


def test_the_receiver_falls_silent_and_refuses(lab: Lab) -> None:
    for transport in ("UDP", "TCP"):
        lab.break_("sip", "silent")
        with Caller(lab, transport, 0.2) as caller, pytest.raises(TimeoutError):
            caller.ask("OPTIONS")
        lab.break_("sip", "refuse")
        with pytest.raises(ConnectionRefusedError), Caller(lab, transport) as caller:
            caller.ask("OPTIONS")
        lab.mend("sip")
        with Caller(lab, transport) as caller:
            assert caller.ask("OPTIONS").startswith("SIP/2.0 200")


@pytest.mark.parametrize(
    "junk", [b"\x00\xff\r\n\r\n", b"MESSAGE x SIP/2.0\r\nContent-Length: -9\r\n\r\n", b"A" * 40_000 + b"\r\n\r\n"]
)
def test_junk_gets_no_answer_and_harms_nobody(lab: Lab, junk: bytes) -> None:
    for transport in ("UDP", "TCP"):
        with Caller(lab, transport, 0.2) as caller:
            try:
                caller.line.sendall(junk)
                caller.hear()
            except (TimeoutError, ConnectionError):
                pass
        with Caller(lab, transport) as caller:
            assert caller.ask("OPTIONS").startswith("SIP/2.0 200")


def resolve(lab: Lab, name: str, kind: str = "A") -> dns.message.Message:
    host, _, port = lab.addresses["resolver"].partition(":")
    return dns.query.udp(dns.message.make_query(name, kind), host, port=int(port), timeout=0.5)


def test_the_resolver_knows_every_name_under_example(lab: Lab) -> None:
    found = resolve(lab, "nexus.eksempel.example")
    assert found.answer[0].to_text().endswith("IN A 127.0.0.1")
    assert found.flags & dns.flags.RA
    assert resolve(lab, "nexus.eksempel.example", "AAAA").answer == []
    assert resolve(lab, "findes-ikke.test").rcode() == dns.rcode.NXDOMAIN


def test_the_resolver_breaks(lab: Lab) -> None:
    lab.break_("resolver", "servfail")
    assert resolve(lab, "a.example").rcode() == dns.rcode.SERVFAIL
    lab.break_("resolver", "nxdomain")
    assert resolve(lab, "a.example").rcode() == dns.rcode.NXDOMAIN
    lab.break_("resolver", "wrong")
    assert resolve(lab, "a.example").answer[0].to_text().endswith("127.0.0.9")
    for system, how in (("resolver", "silent"), ("line", "dead")):
        lab.mend()
        lab.break_(system, how)
        with pytest.raises(dns.exception.Timeout):
            resolve(lab, "a.example")
    lab.mend()
    assert resolve(lab, "a.example").answer


def ends(lab: Lab) -> float:
    """When the certificate ends, in days of the epoch; raises what a client raises that trusts the lab."""
    port = int(lab.addresses["tls"].rpartition(":")[2])
    context = ssl.create_default_context(cafile=lab.addresses["tls_ca"])
    with (
        socket.create_connection(("127.0.0.1", port), 5) as line,
        context.wrap_socket(line, server_hostname="localhost") as safe,
    ):
        certificate = safe.getpeercert()
    assert certificate
    return ssl.cert_time_to_seconds(str(certificate["notAfter"])) / 86400


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("expired", "certificate has expired"),
        ("wrong-chain", "unable to get local issuer certificate"),
        ("untrusted", "unable to get local issuer certificate"),
        ("wrong-name", "not valid for 'localhost'"),
    ],
)
def test_a_certificate_fails(lab: Lab, how: str, said: str) -> None:
    lab.break_("tls", how)
    with pytest.raises(ssl.SSLCertVerificationError, match=said):
        ends(lab)
    lab.mend("tls")
    assert ends(lab) > 0


def test_a_certificate_ends_when_it_is_told_to(lab: Lab) -> None:
    usual = ends(lab)
    lab.break_("tls", "expires-in", days=7)
    assert usual - ends(lab) == pytest.approx(83, abs=0.1)
