"""SCAIP from devices into the running service: two thousand of sipp, behind a kamailio, over TLS, and a stray call."""

import asyncio
import json
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from monitor.core import scaip, sip
from tests.support.fleet_service import FIRST_CID, beats, config, filled, heard, states
from tests.support.lab import until
from tests.support.service import Service, running
from tests.support.sip_process import free_port, program, taken
from tests.support.sip_process import running as peer
from tests.support.terminal import Web, web
from tests.support.tls_server import bundle, issue

pytestmark = pytest.mark.real

COUNT = 2000
PI, BATTERY, LINE, MAINS = "0102", "0016", "0103", "0085"
_SCENE = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="enhed">
{turns}</scenario>
"""
_TURN = """\
  <send{retransmitted}><![CDATA[
MESSAGE sip:vagt@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: <sip:[field0]@[local_ip]>;tag=[call_number]
To: <sip:vagt@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 MESSAGE
Content-Type: application/scaip+xml
Content-Length: [len]

[field1]]]></send>
  <recv response="200"{lost}><action>
    <ereg regexp="&lt;snu&gt;0&lt;/snu&gt;" search_in="msg" check_it="true" assign_to="1"/>
  </action></recv>
  <Reference variables="1"/>
"""


@dataclass(frozen=True, slots=True)
class Place:
    """The service, where devices reach it, and the SMS gateway it has."""

    service: Service
    sip: int
    tls: int
    roots: Path
    sms: Web


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("scaip")
    root = issue("prøverod")
    leaf = issue("vagten", root, hosts=["127.0.0.1"])
    (folder / "cert.pem").write_bytes(leaf.pem)
    (folder / "key.pem").write_bytes(leaf.key_pem)
    port, tls = free_port(), free_port()
    with web() as sms:
        sms.answers["POST", "/rest/mtsms"] = (200, b'{"ids": [1]}')
        made = config(folder, sms.port)
        environment = {
            "OMSORGSVAGT_SCAIP_LISTEN": f"udp:127.0.0.1:{port} tcp:127.0.0.1:{port} tls:127.0.0.1:{tls}",
            "OMSORGSVAGT_SCAIP_CERTIFICATE": str(folder / "cert.pem"),
            "OMSORGSVAGT_SCAIP_KEY": str(folder / "key.pem"),
        }
        with running(made, folder / "run", {"gatewayapi_token": "tegn"}, **environment) as service:
            filled(service, made, COUNT)
            yield Place(service, port, tls, bundle(folder, root), sms)


def written(number: int) -> str:
    """What a unit writes: each vendor has its own ways."""
    cid, ref = FIRST_CID + number, f"{number:08X}"
    code = (PI, BATTERY, LINE, MAINS)[number % 4]
    kind = "PI" if code == PI else "IN"
    match number % 3:
        case 0:
            fields = (
                f"<ref>{ref}</ref><ver>01.00</ver><mty>{kind}</mty><cid>{cid}</cid><dty>0031</dty><stc>{code}</stc>"
            )
            return f'<?xml version="1.0" encoding="UTF-8"?><mrq>{fields}<did>01</did><crd>no-voice:</crd></mrq>'
        case 1:
            fields = f"<CID>  +{cid} </CID><dty>3</dty><MTY>{kind}</MTY><Ref> {ref} </Ref><stc>{int(code)}</stc>"
            return f"<scaip>{fields}<ite>fri tekst</ite></scaip>"
        case _:
            fields = f"<dty>0002</dty><cid>{cid}</cid><ref>{ref}</ref><stc>{code}</stc><mty>{kind.lower()}</mty>"
            return f"<mrq xmlns='urn:x'>{fields}<did>0A1B2C3D4E5F</did><lge>55.1,12.2</lge></mrq>"


def list_of(folder: Path) -> Path:
    path = folder / "enheder.csv"
    lines = (f"{FIRST_CID + n};{written(n)}\n" for n in range(COUNT))
    path.write_text("SEQUENTIAL\n" + "".join(lines), encoding="utf-8")
    return path


async def play(folder: Path, port: int, mode: str, turns: str) -> None:
    """Every device plays its turns once; fails unless each was answered 200 with snu 0."""
    scene = folder / "enhed.xml"
    scene.write_text(_SCENE.format(turns=turns), encoding="utf-8")
    limits = ["-m", str(COUNT), "-r", "1000", "-l", "200", "-timeout", "30", "-timeout_error", "-nostdin"]
    where = ["-i", "127.0.0.1", "-p", str(free_port()), "-t", mode]
    command = [program("sipp"), "-sf", str(scene), "-inf", str(list_of(folder)), *where, *limits, f"127.0.0.1:{port}"]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode(errors="replace")[-3000:]


async def test_two_thousand_over_udp_and_those_whose_answer_is_lost_get_the_same_again(
    tmp_path: Path, place: Place
) -> None:
    service = place.service

    await play(tmp_path, place.sip, "u1", _TURN.format(retransmitted=' retrans="500"', lost=' lost="10"'))

    assert states(service) == {"new": 0, "ok": COUNT, "late": 0, "silent": 0, "muted": 0}
    assert beats(service, "ok") == COUNT
    assert beats(service, "repeated", "") > 50
    few = service.get("/api/v1/fleets/kald/devices?limit=5").json()["devices"]
    assert {one["id"]: one["flags"] for one in few if one["flags"]} == {"d1": ["battery_low"], "d3": ["no_power"]}


async def test_two_thousand_over_one_tcp_connection(tmp_path: Path, place: Place) -> None:
    before = beats(place.service, "ok")

    await play(tmp_path, place.sip, "t1", _TURN.format(retransmitted="", lost=""))

    assert beats(place.service, "ok") == before + COUNT
    assert len(heard(place.service)) == COUNT


def request(number: int, branch: str, transport: str = "UDP", body: str = "", route: str = "") -> bytes:
    text = (body or written(number)).encode()
    head = (
        f"MESSAGE sip:vagt@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{transport} 127.0.0.1;branch=z9hG4bK{branch};rport\r\n"
        f"{route}Max-Forwards: 70\r\nFrom: <sip:{number}@x>;tag=1\r\nTo: <sip:vagt@x>\r\nCall-ID: {branch}@x\r\n"
        f"CSeq: 1 MESSAGE\r\nContent-Type: application/scaip+xml\r\nContent-Length: {len(text)}\r\n\r\n"
    )
    return head.encode() + text


def read(data: bytes) -> tuple[sip.Response, int]:
    """An answer and its snu."""
    answer = sip.parse(data)
    assert isinstance(answer, sip.Response)
    mrs = scaip.parse(answer.body)
    assert isinstance(mrs, scaip.Mrs)
    return answer, mrs.snu


async def test_over_tls_with_the_service_s_own_certificate(place: Place) -> None:
    trusted = ssl.create_default_context(cafile=str(place.roots))
    before = beats(place.service, "ok")
    reader, writer = await asyncio.open_connection("127.0.0.1", place.tls, ssl=trusted)
    async with asyncio.timeout(10):
        for number in range(20):
            writer.write(request(number, f"s{number}", "TLS"))
        answers = [await reader.readuntil(b"</mrs>") for _ in range(20)]
    writer.close()
    await writer.wait_closed()

    assert [read(one)[1] for one in answers] == [0] * 20
    assert beats(place.service, "ok") == before + 20


def answered(port: int, data: bytes) -> bytes:
    """The answer to a datagram; nothing when none comes in half a second."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unit:
        unit.settimeout(0.5)
        unit.connect(("127.0.0.1", port))
        unit.send(data)
        try:
            return unit.recv(4096)
        except TimeoutError:
            return b""


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
loadmodule "rr.so"
loadmodule "tm.so"
request_route {{
    force_rport();
    record_route();
    $du = "sip:127.0.0.1:{onward}{how}";
    t_relay();
}}
"""


@pytest.mark.parametrize("how", ["", ";transport=tcp"])
async def test_behind_a_relay_with_its_own_via_and_route(tmp_path: Path, place: Place, how: str) -> None:
    port, before = free_port(), beats(place.service, "ok")
    written_to = tmp_path / "relay.cfg"
    written_to.write_text(_RELAY.format(port=port, onward=place.sip, how=how))
    command = [program("kamailio"), "-f", str(written_to), "-DD", "-E", "-m", "64", "-M", "8", "-Y", str(tmp_path)]
    async with peer(command, tmp_path, lambda: taken(port, "tcp")):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unit:
            unit.settimeout(10)
            unit.connect(("127.0.0.1", port))
            for number in range(5):
                await asyncio.to_thread(unit.send, request(number, f"k{how}{number}".replace(";", "").replace("=", "")))
                answer, snu = read(await asyncio.to_thread(unit.recv, 4096))
                assert (answer.status, snu, len(answer.all("Via"))) == (200, 0, 1)

    assert beats(place.service, "ok") == before + 5


def test_a_person_s_call_is_passed_on_unacknowledged_and_somebody_s_phone_rings(place: Place) -> None:
    """The unit is told that nobody treats it here (snu 5), and goes on to its next receiver."""
    body = f"<mrq><ref>A1</ref><mty>ME</mty><cid>{FIRST_CID + 7}</cid><dty>0031</dty><lco>Stuen</lco></mrq>"
    asked = len(place.sms.asked)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unit:
        unit.settimeout(10)
        unit.connect(("127.0.0.1", place.sip))
        unit.send(request(7, "call", body=body))
        answer, snu = read(unit.recv(4096))
    assert (answer.status, snu) == (200, 5)

    def texts() -> list[str]:
        return [json.loads(one[3])["message"] for one in place.sms.asked[asked:] if one[1] == "/rest/mtsms"]

    [text] = until(lambda: [one for one in texts() if one.startswith("NØDKALD fra enhed d7")])
    assert "Se til borgeren NU" in text
    assert beats(place.service, "stray_alarm") == 1
    said = place.service.log + json.dumps(place.service.status())
    assert "Stuen" not in said
    assert "fri tekst" not in said


def test_noise_on_every_port_harms_nobody(place: Place) -> None:
    before = beats(place.service, "ok")
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><mrq><ref>&b;</ref></mrq>'
    hostile = [b"\x00" * 900, b"INVITE", request(1, "n1", body=bomb), request(1, "n2", body="<a>" * 3000)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noise:
        noise.bind(("127.0.0.2", 0))
        for _ in range(300):
            for one in hostile:
                noise.sendto(one, ("127.0.0.1", place.sip))
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", place.sip), 5, source_address=("127.0.0.2", 0)) as stream:
            stream.sendall(b"MESSAGE sip:x SIP/2.0\r\nContent-Length: 99999999\r\n\r\n")
    # What the noise has crowded out of the port's buffer is sent again, as every unit does (RFC 3261 §17.1.2.2).
    assert read(until(lambda: answered(place.sip, request(9, "after"))))[1] == 0
    assert beats(place.service, "ok") == before + 1
    assert place.service.process.poll() is None
