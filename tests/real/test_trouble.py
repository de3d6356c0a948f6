"""Scenario 17 with the running service: each way in which a way out fails, and what reaches whom all the same.

The second gateway and the second relay are well throughout; every service's log is searched for secrets and numbers.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support import black_hole
from tests.support.lab import until
from tests.support.trouble import (
    FIRST,
    FIRST_MAIL,
    NEXT,
    OWNER,
    RECEIPT_WITHIN,
    Trouble,
    began,
    dripping_relay,
    entries,
    gateway,
    receipt,
    trouble,
    unsaid,
)

pytestmark = pytest.mark.real


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Trouble]:
    with trouble(tmp_path) as place:
        yield place
    unsaid((tmp_path / "service.log").read_text(encoding="utf-8"))


@pytest.mark.parametrize("mood", ["refuses", "timeout", "500", "error-200", "no-credit"])
def test_the_next_gateway_is_tried_and_the_way_s_own_trouble_is_told_by_it(here: Trouble, mood: str) -> None:
    with gateway(mood) as a, here.service(a.url) as service:
        here.world.down.add("s01")
        alarm = here.told(FIRST, "S01 NEDE")
        here.told(FIRST_MAIL, "S01")
        here.told(OWNER, "Alarmvej FORRINGET")
        assert not a.taken
        # One second is what the plan gives the first gateway.
        assert alarm - began(service, "s01") < 1 + 5 + 4, "within the routes' limits, and a slow machine's own"
        assert entries(service, "s01").count("not_accepted") == 1
        marked = "(gentaget)" in here.texts(FIRST)[0]
        assert marked is (mood in ("timeout", "error-200")), "only what may have gone is marked"


def test_a_gateway_that_takes_every_text_and_delivers_none(here: Trouble) -> None:
    with gateway() as a, here.service(a.url, receipts="yes") as service:
        here.world.down.add("s01")
        until(lambda: [number for _, number, text in a.taken if number == FIRST and "S01 NEDE" in text])
        taken = time.time()
        at = here.told(FIRST, "S01 NEDE", "(gentaget)", within=RECEIPT_WITHIN + 10)
        assert at - taken > RECEIPT_WITHIN - 2
        here.told(FIRST_MAIL, "S01")
        # Not after the ten minutes the plan gives the first: he was not reached.
        until(lambda: [number for _, number, _ in a.taken if number == NEXT] or here.texts(NEXT))
        assert len([number for _, number, text in a.taken if number == FIRST and "S01" in text]) == 1
        assert "overdue" in entries(service, "s01")


def test_a_mail_server_that_says_an_octet_a_second(here: Trouble) -> None:
    with dripping_relay() as (relay, came), gateway() as a, here.service(a.url, c=relay) as service:
        here.world.down.add("s01")
        until(lambda: [text for _, number, text in a.taken if number == FIRST and "S01 NEDE" in text])
        sms = time.time()
        mail = here.told(FIRST_MAIL, "S01")
        assert came, "the first relay was asked"
        assert sms < mail, "nobody's phone waits for a mail server"
        until(lambda: "not_accepted" in entries(service, "s01"))


def test_killed_between_the_gateway_s_yes_and_its_receipt(here: Trouble) -> None:
    with gateway() as a:
        with here.service(a.url, receipts="yes") as service:
            here.world.down.add("s01")
            until(lambda: "accepted" in entries(service, "s01"))
            (ident,) = [ident for ident, number, text in a.taken if number == FIRST and "S01 NEDE" in text]
            service.kill()
            with pytest.raises(httpx.TransportError):
                receipt(service, ident, FIRST, time.time())
        with here.service(a.url, receipts="yes") as service:
            # A gateway that was not answered tells again.
            assert receipt(service, ident, FIRST, time.time()) == 200
            assert receipt(service, ident, FIRST, time.time()) == 200
            assert entries(service, "s01").count("delivered") == 1
            end = time.monotonic() + RECEIPT_WITHIN + 2
            until(lambda: time.monotonic() > end, within=RECEIPT_WITHIN + 10)
            assert "overdue" not in entries(service, "s01")
            assert [text for text in here.texts(FIRST) if "S01" in text] == []
            assert len([number for _, number, text in a.taken if "S01" in text]) == 1


@pytest.mark.skipif(not black_hole.available(), reason="another /etc/resolv.conf for one process alone takes root")
def test_no_name_is_ever_resolved(here: Trouble) -> None:
    with black_hole.silent_resolver() as resolver:
        places = {"c": "mail.eksempel.example:25", "OMSORGSVAGT_TEST_RESOLVER": resolver}
        by = "tests.support.black_hole"
        with here.service("http://gateway.eksempel.example", by=by, named=30, **places) as service:
            here.world.down.add("s01")
            at = here.told(FIRST, "S01 NEDE")
            here.told(FIRST_MAIL, "S01", within=30)
            here.told(OWNER, "Alarmvej", within=30)
            assert at - began(service, "s01") < 20
            # A look-up that hangs keeps nobody from ending it.
            assert service.terminate() == 0
