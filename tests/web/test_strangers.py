"""Whatever strangers send by whichever way in: refused, counted, nothing harmed, and no secret or number said of it.

All ways in are open at once on real ports; what is logged and measured meanwhile is searched as a whole.
"""

import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.channels.number import receipt_token
from monitor.core.plan import FleetName
from monitor.engine import canaries
from tests.intake.test_receipts import seal
from tests.intake.test_scaip_receiver import heartbeat, message
from tests.intake.test_sms import signed
from tests.stories.test_answers import code_in
from tests.support.fleet_story import NAME
from tests.support.open_house import CANARY, CID, DEVICE, SECRETS, House, open_house, overheard
from tests.web.setting import TOKEN

NEXUS, OTHER = "+4500000001", "+4500000077"
_LINK = re.compile(r"/a/(\S+)")
_EXAMPLES = settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
_LATIN = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _LATIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_LATIN, inner, max_size=4),
    max_leaves=8,
)


@dataclass
class Strangers:
    """They know the addresses and the forms, a phone's number, and nothing that opens anything."""

    house: House
    web: httpx.Client
    said: list[str]
    code: str
    link: str
    tried: list[str] = field(default_factory=list)

    def call(self, method: str, path: str, *, taken: bool = False, **more: Any) -> httpx.Response:
        """A call that must be answered, and not as a fault of ours; unless `taken` it opens nothing either."""
        answer = self.web.request(method, path, **more)
        assert answer.status_code < 500, (method, path, answer.status_code)
        for secret in self.secrets():
            assert secret not in answer.text, path
        return answer

    def secrets(self) -> list[str]:
        return [TOKEN, self.house.beat, self.link, *SECRETS.values()]

    def counted(self) -> float:
        """Every call that was counted as anything, by whichever way in."""
        registry = self.house.story.engine.desk.metrics.registry
        names = ("omsorgsvagt_replies", "omsorgsvagt_receipts", "omsorgsvagt_heartbeats")
        found = [one for family in registry.collect() if family.name in names for one in family.samples]
        return sum(one.value for one in found if one.name.endswith("_total"))

    def unharmed(self) -> None:
        """Nobody has it, nothing has arrived, no device was heard, nothing is announced."""
        engine = self.house.story.engine
        ledger = engine.desk.ledger
        devices = engine.fleets.find(NAME)
        assert [i.number for i in ledger.active() if i.acknowledged is None] == [self.house.outage]
        assert all(n.delivered is None and not n.undelivered for n in ledger.notices.values())
        assert devices is not None and devices.last(devices.index[DEVICE]) == 0
        assert canaries.last(engine.desk, CANARY) is None
        assert not ledger.announced and not ledger.flags.rows and not engine.desk.sick


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Strangers]:
    said: list[str] = []
    folder = tmp_path_factory.mktemp("house")
    with overheard(said), open_house(folder) as house, httpx.Client(base_url=house.url, trust_env=False) as web:
        texts = [m for phone in house.story.phones.values() for m in phone.got]
        code = next(code_in(m.text) for m in texts if m.to == NEXUS)
        found = next(_LINK.search(m.text) for m in texts if _LINK.search(m.text))
        assert found is not None
        yield Strangers(house, web, said, code, found[1])


def now(strangers: Strangers) -> int:
    return int(strangers.house.story.clock.at.timestamp())


def right_reply(strangers: Strangers, **more: Any) -> dict[str, Any]:
    """What the gateway would sign, had Nexus answered."""
    sent = {"id": 17, "msisdn": int(NEXUS[1:]), "receiver": 4500000900, "senttime": now(strangers)}
    return sent | {"message": f"OK {strangers.code}"} | more


def ident(strangers: Strangers) -> str:
    """What the carrier calls the alarm it has taken."""
    return strangers.house.story.carrier("primary").ids[0]


def right_receipt(strangers: Strangers) -> dict[str, Any]:
    return {"id": ident(strangers), "msisdn": int(NEXUS[1:]), "time": now(strangers), "status": "DELIVERED"}


@_EXAMPLES
@given(secret=_LATIN, said=_JSON, body=st.binary(max_size=200), mangled=st.integers(0, 400), noun=st.booleans())
def test_forged_and_mangled_signatures(
    strangers: Strangers, secret: str, said: object, body: bytes, mangled: int, noun: bool
) -> None:
    path = f"/api/v1/sms/primary/{'reply' if noun else 'receipt'}"
    right = right_reply(strangers) if noun else right_receipt(strangers)
    good = signed(right, SECRETS["gatewayapi_jwt_secret"])
    at = mangled % len(good)
    turned = good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :]
    # The last sign of a signature carries two bits that say nothing.
    tokens = [signed(right, secret), signed(said, secret), turned if at < len(good) - 1 else "", _shown(secret)]
    for token in tokens:
        headers = {b"X-Gwapi-Signature": token.encode("latin-1"), b"Signature": seal(body, secret)}
        assert strangers.call("POST", path, headers=headers, content=body).status_code == 401
    strangers.unharmed()


def _shown(text: str) -> str:
    """What of a text an HTTP header can hold (RFC 9110 §5.5)."""
    return "".join(sign for sign in text if "!" <= sign <= "~")


@_EXAMPLES
@given(
    number=st.sampled_from([OTHER, "4500000006", "", "abc", "+45 00 00 00 01", "-1", "1" * 400]),
    text=_LATIN | st.sampled_from(["OK 0000", "OK", "ok ok 0000"]),
    sent=st.integers(-10_000, -3_700) | st.just(0),
)
def test_wrong_numbers_and_old_calls_that_the_gateway_really_signed(
    strangers: Strangers, number: str, text: str, sent: int
) -> None:
    said = right_reply(strangers, id=text, msisdn=number, message=text, senttime=now(strangers) + sent)
    old = right_reply(strangers, id=f"{sent}", senttime=now(strangers) + (sent or -4_000))
    for claims in (said, old):
        token = signed(claims, SECRETS["gatewayapi_jwt_secret"])
        answer = strangers.call("POST", "/api/v1/sms/primary/reply", headers={"X-Gwapi-Signature": token})
        assert answer.status_code in (200, 400)
    strangers.unharmed()


@_EXAMPLES
@given(asked=st.dictionaries(st.sampled_from(["token", "from", "text", "ref", "type", "status", "said"]), _LATIN))
def test_fetched_calls_without_the_right_token(strangers: Strangers, asked: dict[str, str]) -> None:
    known = {"from": NEXUS, "text": f"OK {strangers.code}", "type": "1", "status": "1"} | asked
    for route in ("modem", "cpsms"):
        ref = f"{ident(strangers)}.{receipt_token(asked.get('token', 'x'), route, ident(strangers))}"
        for noun in ("reply", "receipt"):
            params = {"ref": ref, **known}
            answer = strangers.call("GET", f"/api/v1/sms/{route}/{noun}", params=params)
            assert answer.status_code in (400, 401, 404, 405), (route, noun)
    strangers.unharmed()


@_EXAMPLES
@given(link=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=80), at=st.integers(0, 400))
def test_forged_links(strangers: Strangers, link: str, at: int) -> None:
    good = strangers.link
    turned = good[: at % len(good)] + "_" + good[at % len(good) :]
    for token in (re.sub(r"[^\w.~-]", "", link), turned, good[: at % len(good)]):
        assert strangers.call("GET", f"/a/{token}").status_code in (404, 405)
        answer = strangers.call("POST", f"/a/{token}", data={"state": "seen"})
        assert answer.status_code in (404, 405)
    assert strangers.call("GET", f"/a/{good}").status_code == 200, "a scanner looks"
    strangers.unharmed()


@_EXAMPLES
@given(token=_LATIN, body=st.binary(max_size=200) | _JSON.map(lambda said: json.dumps(said).encode()))
def test_devices_nobody_knows(strangers: Strangers, token: str, body: bytes) -> None:
    headers = {b"authorization": f"Bearer {token}".strip().encode("latin-1"), b"content-type": b"application/json"}
    # A source that is refused too often is not listened to; each of these is another one.
    headers[b"x-forwarded-for"] = f"192.0.2.{len(strangers.tried) % 250}".encode()
    strangers.tried.append(token)
    for path in (f"/{NAME}/{DEVICE}", f"/{NAME}/en-anden", "/andre/x", f"/{NAME}/%00", ""):
        answer = strangers.call("POST", f"/api/v1/heartbeats{path}", headers=headers, content=body)
        assert 400 <= answer.status_code < 500, path
    for path in (f"/{CANARY}", "/en-anden"):
        answer = strangers.call("POST", f"/api/v1/canaries{path}", headers=headers, content=body)
        assert answer.status_code in (401, 404)
    strangers.unharmed()


@_EXAMPLES
@given(noise=st.binary(max_size=300), cut=st.integers(0, 500), cid=st.sampled_from(["1", "99007732", "", "x" * 17]))
def test_noise_on_the_scaip_ports(strangers: Strangers, noise: bytes, cut: int, cid: str) -> None:
    whole = message(heartbeat(cid))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for data in (noise, whole, whole[:cut], whole[:cut] + noise):
            udp.sendto(data, ("127.0.0.1", strangers.house.udp))
    with socket.create_connection(("127.0.0.1", strangers.house.tcp), 5) as tcp:
        tcp.sendall(whole[:cut] + noise)
    strangers.unharmed()


def test_a_call_of_a_unit_nobody_knows_is_refused_and_counted(strangers: Strangers) -> None:
    before = strangers.counted()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(5)
        # An answer to what came before may still be on its way.
        udp.sendto(message(heartbeat("99007732"), branch="sidste"), ("127.0.0.1", strangers.house.udp))
        assert udp.recv(2000).startswith(b"SIP/2.0 404")
    until(lambda: strangers.counted() > before)
    strangers.unharmed()


def lay(inbox: Path, name: str, content: bytes) -> None:
    """A file in the modem's inbox, whole at once and old enough to be."""
    aside = inbox.parent / "aside"
    aside.write_bytes(content)
    os.utime(aside, (1, 1))
    aside.replace(inbox / name)


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


@_EXAMPLES
@given(name=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40), content=st.binary(max_size=200))
def test_files_in_the_modem_s_inbox(strangers: Strangers, name: str, content: bytes) -> None:
    inbox = strangers.house.inbox
    number = "+4500000001" if b"OK" not in content else OTHER
    for each in (f"IN20260305_100100_00_{number}_00.txt", f"IN{name.replace('/', '')}"):
        lay(inbox, each[:60], content)
    until(lambda: not any(path.name.startswith("IN") for path in inbox.iterdir()))
    strangers.unharmed()


@_EXAMPLES
@given(
    path=st.text(max_size=60),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]),
    token=_LATIN,
    body=st.binary(max_size=100),
)
def test_any_path(strangers: Strangers, path: str, method: str, token: str, body: bytes) -> None:
    headers = {b"authorization": f"Bearer {token}".strip().encode("latin-1"), b"content-type": b"application/json"}
    for start in ("/", "/api/v1/", f"/api/v1/incidents/{strangers.house.outage}/", "/api/v1/maintenance", "/a/"):
        answer = strangers.call(method, f"{start}{quote(path)}", headers=headers, content=body)
        assert method in ("GET", "OPTIONS") or answer.status_code >= 400, f"{start}{path}"
    strangers.unharmed()


def test_a_flood_is_cut_short_and_those_who_are_known_still_get_in(strangers: Strangers) -> None:
    forged = {"authorization": "Bearer forkert", "x-forwarded-for": "198.51.100.9"}
    answers = [strangers.call("POST", f"/api/v1/heartbeats/{NAME}/{DEVICE}", headers=forged) for _ in range(80)]
    assert (answers[0].status_code, answers[-1].status_code) == (401, 429)
    strangers.unharmed()

    known = {"authorization": f"Bearer {strangers.house.beat}", "x-forwarded-for": "198.51.100.10"}
    assert strangers.call("POST", f"/api/v1/heartbeats/{NAME}/{DEVICE}", headers=known).status_code == 204


def test_what_is_right_is_taken_once_and_its_replay_does_nothing(strangers: Strangers) -> None:
    token = signed(right_receipt(strangers), SECRETS["gatewayapi_jwt_secret"])
    for _ in range(3):
        assert strangers.call("POST", "/api/v1/sms/primary/receipt", headers={"X-Gwapi-Signature": token}).is_success
    ledger = strangers.house.story.engine.desk.ledger
    assert sum(n.delivered is not None for n in ledger.notices.values()) == 1
    token = signed(right_reply(strangers, id=99), SECRETS["gatewayapi_jwt_secret"])
    for _ in range(3):
        assert strangers.call("POST", "/api/v1/sms/primary/reply", headers={"X-Gwapi-Signature": token}).is_success
    until(lambda: len([m for m in strangers.house.story.carrier("primary").got if "noteret" in m.text]) == 1)
    assert [i.acknowledged_by for i in ledger.active()] == ["Nexus"]


def test_everything_was_counted_and_nothing_of_it_was_said(strangers: Strangers) -> None:
    metrics = strangers.call("GET", "/metrics").text
    assert strangers.counted() > 500
    assert any("call_not_taken" in line or "notice" in line for line in strangers.said), "nothing was overheard at all"
    written = "\n".join([*strangers.said, *(line for line in metrics.splitlines() if not line.startswith("#"))])
    private = [*strangers.secrets(), DEVICE, CID, "@eksempel.example", "OK 0", f"OK {strangers.code}"]
    assert [one for one in private if one in written] == []
    assert re.findall(r"(?<!\d)(?:\+?45)?0000\d{4}(?!\d)", written) == []
    assert FleetName(NAME) in metrics
