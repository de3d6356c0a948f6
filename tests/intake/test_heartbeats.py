"""Single heartbeats: taken from those we know, refused with a clear word from all others."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.fleet import DeviceState, Flag
from monitor.intake.heartbeats import PATH, Heartbeats
from monitor.intake.refusals import MOST, WINDOW, Refusals, source_of
from tests.support.fleet import FLEET, OWN, START, TOKEN, Book


class Way:
    """The intake over a book, called as the wire calls it."""

    def __init__(self) -> None:
        self.book = Book()
        self.beats = Heartbeats(self.book, self.book.now, lambda: self.book.at)

    def post(self, where: str, body: bytes = b"", token: str = TOKEN, peer: str = "192.0.2.7") -> tuple[int, str]:
        headers = [(b"host", b"x"), (b"authorization", f"Bearer {token}".encode())]
        answer = self.beats.quick(PATH + where.encode(), headers, body, peer)
        assert answer is not None
        head, _, said = answer.partition(b"\r\n\r\n")
        status = int(head.split()[1])
        return status, json.loads(said)["detail"] if said else ""


def test_a_known_device_is_heard_when_it_arrives_and_nothing_more_is_said() -> None:
    way = Way()

    assert way.post(f"{FLEET}/u3") == (204, "")

    assert way.book.last("u3") == START
    assert way.book.last("u4") == 0
    assert way.book.counts == {(FLEET, "ok"): 1}


def test_what_it_says_of_itself_is_kept_until_it_says_otherwise() -> None:
    way = Way()
    devices, index = way.book.devices, way.book.devices.index["u1"]

    said = {"status": "fail", "battery": 12, "power": False, "text": "Fru Hansen, 2. sal"}
    assert way.post(f"{FLEET}/u1", json.dumps(said).encode())[0] == 204
    assert devices.flags(index) == Flag.FAILING | Flag.BATTERY_LOW | Flag.NO_POWER
    assert devices.battery(index) == 12
    assert way.post(f"{FLEET}/u1?status=start&battery=90")[0] == 204
    assert devices.flags(index) == Flag.FAILING | Flag.STARTED | Flag.NO_POWER

    way.book.at += 60
    assert way.post(f"{FLEET}/u1")[0] == 204

    assert devices.flags(index) == Flag.NO_POWER, "a plain heartbeat after a failure says that it is well again"
    assert way.book.counts == {(FLEET, "fail"): 1, (FLEET, "ok"): 2}


@pytest.mark.parametrize(
    ("where", "body", "token", "status", "word", "outcome"),
    [
        (f"{FLEET}/u1", b"", "forkert", 401, "devices enrol", (FLEET, "forged")),
        (f"{FLEET}/u1", b"", "", 401, "Bearer", (FLEET, "forged")),
        (f"{FLEET}/u1", b"", OWN, 403, "another fleet or device", (FLEET, "foreign")),
        (f"{FLEET}/u1", b"", "anden", 403, "another fleet or device", (FLEET, "foreign")),
        (f"{FLEET}/ukendt", b"", TOKEN, 404, "devices import", (FLEET, "unknown")),
        ("andre/u1", b"", "anden", 404, "devices import", ("", "unknown")),
        (f"{FLEET}/u1", b"{", TOKEN, 400, "not JSON", (FLEET, "malformed")),
        (f"{FLEET}/u1", b"[]", TOKEN, 400, "JSON object", (FLEET, "malformed")),
        (f"{FLEET}/u1", b"[" * 4000, TOKEN, 400, "JSON", (FLEET, "malformed")),
        (f"{FLEET}/u1", b"\xff\xfe", TOKEN, 400, "not JSON", (FLEET, "malformed")),
        (f"{FLEET}/u1", b'{"status":"dead"}', TOKEN, 400, "start, ok, fail", (FLEET, "malformed")),
        (f"{FLEET}/u1", b'{"status":["ok"]}', TOKEN, 400, "start, ok, fail", (FLEET, "malformed")),
        (f"{FLEET}/u1", b'{"battery":101}', TOKEN, 400, "from 0 to 100", (FLEET, "malformed")),
        (f"{FLEET}/u1", b'{"battery":true}', TOKEN, 400, "from 0 to 100", (FLEET, "malformed")),
        (f"{FLEET}/u1", b'{"battery":1e999}', TOKEN, 400, "from 0 to 100", (FLEET, "malformed")),
        (f"{FLEET}/u1", b'{"power":"maybe"}', TOKEN, 400, "true or false", (FLEET, "malformed")),
        (f"{FLEET}/u1?battery=-1", b"", TOKEN, 400, "from 0 to 100", (FLEET, "malformed")),
        (f"{FLEET}/u1?" + "a=1&" * 40, b"", TOKEN, 400, "query", (FLEET, "malformed")),
    ],
)
def test_what_is_refused_is_told_why_and_harms_nothing(
    where: str, body: bytes, token: str, status: int, word: str, outcome: tuple[str, str]
) -> None:
    way = Way()

    got, said = way.post(where, body, token)

    assert (got, word in said) == (status, True), said
    assert way.book.last("u1") == 0
    assert way.book.counts == {outcome: 1}


def test_a_device_s_own_token_opens_that_device_alone() -> None:
    way = Way()

    assert way.post(f"{FLEET}/u0", token=OWN)[0] == 204
    assert way.post(f"{FLEET}/u1", token=OWN)[0] == 403


def test_a_revoked_token_opens_nothing() -> None:
    way = Way()
    assert way.post(f"{FLEET}/u0", token=OWN)[0] == 204

    way.book.tokens = {}

    assert way.post(f"{FLEET}/u0", token=OWN)[0] == 401


def test_who_floods_with_wrong_tokens_is_turned_away_and_nobody_else_is() -> None:
    way = Way()
    for _ in range(MOST):
        assert way.post(f"{FLEET}/u1", token="gæt", peer="198.51.100.9")[0] == 401

    assert way.post(f"{FLEET}/u1", token="gæt", peer="198.51.100.9")[0] == 429
    assert way.post(f"{FLEET}/u1", token=TOKEN, peer="198.51.100.9")[0] == 429, "not even the right one: it is a guess"
    assert way.post(f"{FLEET}/u1", token=TOKEN, peer="192.0.2.7")[0] == 204

    way.book.at += WINDOW + 1
    assert way.post(f"{FLEET}/u1", token=TOKEN, peer="198.51.100.9")[0] == 204


def test_a_flood_of_sources_costs_a_bounded_memory() -> None:
    refusals = Refusals()
    for i in range(30_000):
        refusals.add(f"2001:db8::{i:x}", 0.0)

    assert len(refusals._counts) <= 10_000


def test_behind_our_own_proxy_a_source_is_what_the_proxy_says_it_is_and_elsewhere_nobody_s_word_counts() -> None:
    said = [(b"x-forwarded-for", b"203.0.113.1, 198.51.100.9")]

    assert source_of("127.0.0.1", said) == "198.51.100.9"
    assert source_of("192.0.2.7", said) == "192.0.2.7"
    assert source_of("::1", []) == "::1"


@given(where=st.binary(max_size=80), token=st.binary(max_size=80), body=st.binary(max_size=200))
def test_whatever_comes_is_answered_or_left_to_the_ordinary_way(where: bytes, token: bytes, body: bytes) -> None:
    way = Way()

    answer = way.beats.quick(PATH + where, [(b"authorization", token)], body, "192.0.2.7")

    assert answer is None or answer.startswith((b"HTTP/1.1 401", b"HTTP/1.1 429"))
    assert way.book.devices.counts()[DeviceState.NEW] == 10


@given(
    body=st.binary(max_size=200) | st.text(max_size=100).map(lambda t: json.dumps({"status": "ok", "x": t}).encode())
)
def test_whatever_a_device_of_ours_says_it_is_taken_or_refused_and_never_kept(body: bytes) -> None:
    way = Way()

    status, said = way.post(f"{FLEET}/u1", body)

    assert status in (204, 400)
    assert len(body) < 4 or body.decode("latin-1") not in said
