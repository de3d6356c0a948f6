"""`dns` against a real dnsmasq: answers, refusals, a sick and a silent upstream."""

from pathlib import Path
from typing import Any

import pytest

from monitor.core.finding import Finding, Outcome, Reason
from tests.support.dns_server import answer, datagrams
from tests.support.dnsmasq import dnsmasq
from tests.support.httpserver import probed

pytestmark = pytest.mark.real

ZONE = (
    "--local=/example/",
    "--address=/nexus.example/192.0.2.10",
    "--address=/nexus.example/2001:db8::10",
    "--host-record=web.example,192.0.2.11",
    "--cname=www.example,web.example",
    "--mx-host=mail.example,mx.example,10",
    "--txt-record=tekst.example,v=spf1 -all",
    *(f"--host-record=stor.example,192.0.2.{last}" for last in range(1, 200)),
)


async def ask(port: int, query: str, **values: Any) -> Finding:
    return await probed(kind="dns", query=query, servers=["127.0.0.1"], port=port, **values)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_answers(tmp_path: Path, transport: str) -> None:
    async with dnsmasq(tmp_path, *ZONE) as port:
        findings = [
            await ask(port, query, type=type_, expect=expect, transport=transport)
            for query, type_, expect in (
                ("nexus.example", "A", ["192.0.2.10"]),
                ("nexus.example", "AAAA", ["2001:DB8::10"]),
                ("www.example", "A", ["192.0.2.11"]),
                ("www.example", "CNAME", ["web.example"]),
                ("mail.example", "MX", ["10 mx.example"]),
                ("tekst.example", "TXT", ["v=spf1 -all"]),
            )
        ]
        wrong = await ask(port, "nexus.example", expect=["192.0.2.66"], transport=transport)
        unknown = await ask(port, "findes-ikke.example", transport=transport)
        empty = await ask(port, "web.example", type="MX", transport=transport)

    assert [finding.outcome for finding in findings] == [Outcome.OK] * 6
    assert [wrong.reason, unknown.reason, empty.reason] == [Reason.RECORDS, Reason.NAME_UNKNOWN, Reason.RECORDS]
    assert (wrong.misses[0].expected, wrong.misses[0].seen) == ("192.0.2.66", "192.0.2.10")


async def test_an_answer_too_large_for_a_datagram_comes_over_tcp(tmp_path: Path) -> None:
    async with dnsmasq(tmp_path, *ZONE) as port:
        finding = await ask(port, "stor.example")

    assert finding.outcome is Outcome.OK
    assert "connect" in finding.phases


async def test_a_sick_upstream_is_sick(tmp_path: Path) -> None:
    async with (
        datagrams(lambda question: [answer(question, rcode="SERVFAIL")]) as upstream,
        dnsmasq(tmp_path, f"--server=127.0.0.1#{upstream}") as port,
    ):
        finding = await ask(port, "nexus.example")

    assert (finding.outcome, finding.reason) == (Outcome.FAIL, Reason.SICK)
    assert finding.facts["rcode"] == "SERVFAIL"


async def test_a_silent_upstream_is_silence(tmp_path: Path) -> None:
    async with datagrams(lambda _: []) as upstream, dnsmasq(tmp_path, f"--server=127.0.0.1#{upstream}") as port:
        finding = await ask(port, "nexus.example", timeout="500ms")

    assert (finding.outcome, finding.reason) == (Outcome.FAIL, Reason.TIMEOUT)


async def test_a_server_that_knows_nobody_to_ask_refuses(tmp_path: Path) -> None:
    async with dnsmasq(tmp_path) as port:
        finding = await ask(port, "nexus.example")

    assert (finding.outcome, finding.reason) == (Outcome.FAIL, Reason.SICK)
    assert finding.misses[0].seen == "svarkode REFUSED"
