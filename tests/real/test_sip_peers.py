"""`sip` against real stacks: kamailio over UDP, TCP and TLS, and sipp as a receiver that answers or does not."""

from pathlib import Path
from typing import Any, Literal

import pytest

from monitor.core.finding import Finding, Outcome, Reason
from tests.support.httpserver import probed
from tests.support.kamailio import kamailio
from tests.support.sipp import sipp
from tests.support.tls_server import bundle, issue

pytestmark = pytest.mark.real

ROOT = issue("rod")
LEAF = issue("sip.example", ROOT, hosts=("127.0.0.1",))


async def ask(port: int, **values: Any) -> Finding:
    return await probed(kind="sip", host="127.0.0.1", port=port, **values)


async def test_kamailio(tmp_path: Path) -> None:
    async with kamailio(tmp_path, LEAF.pem + LEAF.key_pem) as relay:
        trusting = {"transport": "tls", "ca_file": bundle(tmp_path, ROOT)}
        alive = [
            await ask(relay.port),
            await ask(relay.port, transport="tcp"),
            await ask(relay.tls, **trusting),
            await ask(relay.port, uri="sip:ukendt@127.0.0.1"),
        ]
        sick = [await ask(relay.port, uri="sip:syg@127.0.0.1", transport=over) for over in ("udp", "tcp")]
        silent = [
            await ask(relay.port, uri="sip:tavs@127.0.0.1", transport=over, timeout="300ms") for over in ("udp", "tcp")
        ]
        stranger = await ask(relay.tls, transport="tls")

    assert [(finding.outcome, finding.facts["status"]) for finding in alive] == [
        (Outcome.OK, 200),
        (Outcome.OK, 200),
        (Outcome.OK, 200),
        (Outcome.OK, 404),
    ]
    assert str(alive[0].facts["rport"]).isdigit()
    assert alive[2].facts["tls_version"] in {"TLSv1.2", "TLSv1.3"}
    assert [finding.reason for finding in sick] == [Reason.SICK] * 2
    assert [finding.reason for finding in silent] == [Reason.TIMEOUT] * 2
    assert stranger.reason is Reason.CERTIFICATE_UNTRUSTED


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize(
    ("status", "reason"), [("200 OK", None), ("503 Service Unavailable", Reason.SICK), ("", Reason.TIMEOUT)]
)
async def test_sipp(tmp_path: Path, transport: Literal["udp", "tcp"], status: str, reason: Reason | None) -> None:
    async with sipp(tmp_path, status, transport) as port:
        finding = await ask(port, transport=transport, timeout="5s" if status else "700ms")

    assert finding.outcome is (Outcome.FAIL if reason else Outcome.OK)
    assert finding.reason is reason
    assert finding.facts.get("status") == (int(status[:3]) if status else None)
