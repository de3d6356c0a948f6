"""`scaip` against a real sipp as receiver, and behind a real kamailio that asks for a login and relays both ways."""

import asyncio
import contextlib
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from monitor.core.finding import Finding, Outcome, Reason
from tests.support.httpserver import context, probed
from tests.support.sip_process import free_port, program, running, taken

pytestmark = pytest.mark.real

Transport = Literal["udp", "tcp"]

_HEAR = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="modtager">
  <recv request="MESSAGE"><action>
    <ereg regexp="[0-9A-F]{16}&lt;/ref" search_in="msg" assign_to="1"/>
    <ereg regexp="[0-9A-F]{16}" search_in="var" variable="1" assign_to="2"/>
    <ereg regexp="sip:[^&gt;]*" search_in="hdr" header="From:" assign_to="3"/>
  </action></recv>
"""
_CARRIED = """\
  <send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[pid][call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Type: application/scaip+xml
Content-Length: [len]

{body}]]></send>
"""
_APART = """\
  <send retrans="500"><![CDATA[
MESSAGE [$3] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:modtager@[local_ip]:[local_port]>;tag=[pid]r[call_number]
To: <[$3]>
Call-ID: [call_id]
CSeq: 1 MESSAGE
Content-Type: application/scaip+xml
Content-Length: [len]

{body}]]></send>
  <recv response="200"/>
"""
_UNUSED = """\
  <nop><action><assignstr assign_to="2" value="[$2]"/><assignstr assign_to="3" value="[$3]"/></action></nop>
"""


def mrs(snu: int = 0, ref: str = "[$2]") -> str:
    return f'<?xml version="1.0"?><mrs><ref>{ref}</ref><snu>{snu}</snu></mrs>\n'


APART = _CARRIED.format(body="") + _APART.format(body=mrs())
SCENES: dict[str, tuple[str, Outcome, Reason | None]] = {
    "in the 200": (_CARRIED.format(body=mrs()), Outcome.OK, None),
    "apart": (APART, Outcome.OK, None),
    "never": (_CARRIED.format(body=""), Outcome.FAIL, Reason.REPLY),
    "snu 5": (_CARRIED.format(body=mrs(5)), Outcome.FAIL, Reason.SICK),
    "snu 5 apart": (_CARRIED.format(body="") + _APART.format(body=mrs(5)), Outcome.FAIL, Reason.SICK),
    "snu 7": (_CARRIED.format(body=mrs(7)), Outcome.UNKNOWN, Reason.PROBE_REFUSED),
    "another's ref": (_CARRIED.format(body=mrs(ref="0FFFFFFFFFFFFFFF")), Outcome.FAIL, Reason.REPLY),
    "another's ref apart": (
        _CARRIED.format(body="") + _APART.format(body=mrs(ref="0FFFFFFFFFFFFFFF")),
        Outcome.FAIL,
        Reason.REPLY,
    ),
}


@dataclass(frozen=True, slots=True)
class Receiver:
    """A sipp that plays its scene once, and ends well only when each message it waits for came."""

    port: int
    process: Process

    async def played(self) -> bool:
        """Whether the scene was played to its end."""
        async with asyncio.timeout(10):
            return await self.process.wait() == 0


@contextlib.asynccontextmanager
async def receiving(folder: Path, scene: str, transport: Transport = "udp") -> AsyncIterator[Receiver]:
    port, file = free_port(), folder / "scene.xml"
    file.write_text(f"{_HEAR}{_UNUSED}{scene}</scenario>\n")
    how = ["-i", "127.0.0.1", "-p", str(port), "-t", {"udp": "u1", "tcp": "t1"}[transport], "-m", "1", "-nostdin"]
    command = [program("sipp"), "-sf", str(file), *how]
    async with running(command, folder, lambda: taken(port, transport)) as process:
        yield Receiver(port, process)


async def ask(port: int, secrets: dict[str, str] | None = None, **values: Any) -> Finding:
    unit = {"kind": "scaip", "host": "127.0.0.1", "port": port, "cid": "990001"}
    return await probed(context(secrets), **unit, **values)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("name", SCENES)
async def test_a_receiver(tmp_path: Path, name: str, transport: Transport) -> None:
    scene, outcome, reason = SCENES[name]
    async with receiving(tmp_path, scene, transport) as receiver:
        finding = await ask(receiver.port, transport=transport, timeout="1s" if reason is Reason.REPLY else "10s")
        played = await receiver.played()

    assert (finding.outcome, finding.reason) == (outcome, reason)
    assert finding.facts["status"] == 200
    assert played


async def test_a_receiver_that_says_nothing_at_all(tmp_path: Path) -> None:
    async with receiving(tmp_path, '  <recv request="BYE"/>\n') as receiver:
        finding = await ask(receiver.port, timeout="700ms")

    assert (finding.outcome, finding.reason) == (Outcome.FAIL, Reason.TIMEOUT)
    assert finding.facts["sent"] == 2


_RELAY = """\
debug=1
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{port}
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "tm.so"
loadmodule "auth.so"
modparam("auth", "algorithm", "{algorithm}")
request_route {{
    force_rport();
    if ($fU == "990001") {{
        if (!pv_www_authenticate("alarm", "hemmelig", "0")) {{
            www_challenge("alarm", "1");
            exit;
        }}
        consume_credentials();
        $du = "sip:127.0.0.1:{receiver}";
    }}
    t_relay();
}}
"""


@contextlib.asynccontextmanager
async def relay(folder: Path, receiver: int, algorithm: str) -> AsyncIterator[int]:
    port, config = free_port(), folder / "relay.cfg"
    config.write_text(_RELAY.format(port=port, receiver=receiver, algorithm=algorithm))
    command = [program("kamailio"), "-f", str(config), "-DD", "-E", "-m", "64", "-M", "8", "-Y", str(folder)]
    async with running(command, folder, lambda: taken(port, "tcp")):
        yield port


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
async def test_behind_a_relay_that_asks_for_a_login(tmp_path: Path, algorithm: str) -> None:
    """The receiver's own message comes back through the relay, addressed as the heartbeat's From said."""
    async with receiving(tmp_path, APART) as receiver, relay(tmp_path, receiver.port, algorithm) as port:
        strangers = [await ask(port), await ask(port, {"kode": "forkert"}, password="kode")]
        known = await ask(port, {"kode": "hemmelig"}, password="kode")
        played = await receiver.played()

    assert [(one.outcome, one.reason) for one in strangers] == [(Outcome.UNKNOWN, Reason.CREDENTIALS)] * 2
    assert (known.outcome, known.facts["snu"]) == (Outcome.OK, 0)
    assert played
