"""`tls`: what is made of a chain, and real handshakes with good, bad and hostile servers."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP
from pydantic import ValidationError

from checks.tls import Certificate, Settings, Shown, judge
from monitor.core.finding import Miss, Outcome, Reason
from monitor.core.plan import Severity
from tests.support.httpserver import NOW, context, probed
from tests.support.tls_server import (
    Handler,
    Issued,
    bundle,
    dripping,
    endless,
    hanging_up,
    issue,
    saying,
    server_context,
    serving,
    silent,
    sockets,
)

DAY = dt.timedelta(days=1)
ROOT = issue("rod")
MIDDLE = issue("mellem", ROOT)
SETTINGS = Settings.model_validate({"name": "cert", "kind": "tls", "host": "portal.example"})


def certificate(days: float, title: str = "servercertifikat", *, needed: bool = True) -> Certificate:
    return Certificate(title, NOW - 30 * DAY, NOW + days * DAY, needed)


@pytest.mark.parametrize(
    ("days", "outcome", "grade"),
    [
        (400, Outcome.OK, 0),
        (21.001, Outcome.OK, 0),
        (21, Outcome.WARN, 1),
        (7.001, Outcome.WARN, 1),
        (7, Outcome.WARN, 2),
        (1.001, Outcome.WARN, 2),
        (1, Outcome.WARN, 3),
        (0.001, Outcome.WARN, 3),
        (0, Outcome.FAIL, 0),
        (-5, Outcome.FAIL, 0),
    ],
)
def test_the_days_left_make_the_grade(days: float, outcome: Outcome, grade: int) -> None:
    verdict = judge(SETTINGS, Shown((certificate(days), certificate(1000, "rodcertifikat")), "TLSv1.3"), NOW)

    assert (verdict.outcome, verdict.grade) == (outcome, grade)
    assert bool(verdict.misses) is (outcome is not Outcome.OK)
    if outcome is Outcome.WARN:
        assert verdict.misses[0].reason is Reason.CERTIFICATE_EXPIRES
    if outcome is Outcome.FAIL:
        assert verdict.misses[0].reason is Reason.CERTIFICATE_EXPIRED


def test_the_earliest_of_the_chain_counts() -> None:
    verdict = judge(SETTINGS, Shown((certificate(300), certificate(5, "mellemcertifikat"))), NOW)

    assert (verdict.outcome, verdict.grade) == (Outcome.WARN, 2)
    assert verdict.misses[0].expected == "over 7 dage tilbage"
    assert verdict.misses[0].seen == "5 dage, til 07-03-2026"


def test_a_certificate_nobody_needs_that_has_expired_is_a_warning() -> None:
    verdict = judge(SETTINGS, Shown((certificate(300), certificate(-5, "mellemcertifikat", needed=False))), NOW)

    assert verdict.outcome is Outcome.WARN
    assert [miss.reason for miss in verdict.misses] == [Reason.CERTIFICATE_EXPIRED]


def test_one_that_is_not_valid_yet_is_not_trusted() -> None:
    early = Certificate("servercertifikat", NOW + DAY, NOW + 90 * DAY)

    verdict = judge(SETTINGS, Shown((early,)), NOW)

    assert verdict.outcome is Outcome.FAIL
    assert verdict.misses == (
        Miss(Reason.CERTIFICATE_UNTRUSTED, "gyldigt servercertifikat", "gælder først fra 03-03-2026"),
    )


def test_expired_and_untrusted_are_both_told_expired_first() -> None:
    distrust = Miss(Reason.CERTIFICATE_UNTRUSTED, "betroet certifikat", "self-signed certificate")

    verdict = judge(SETTINGS, Shown((certificate(-1),), distrust=distrust), NOW)

    assert [miss.reason for miss in verdict.misses] == [Reason.CERTIFICATE_EXPIRED, Reason.CERTIFICATE_UNTRUSTED]


@pytest.mark.parametrize("days", [["7", "21"], ["7", "7"], ["0"]])
def test_warn_days_fall(days: list[str]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"name": "cert", "kind": "tls", "host": "portal.example", "warn_days": days})


def test_a_certificate_that_runs_out_is_an_advisory() -> None:
    assert SETTINGS.warn_means is Severity.ADVISORY
    assert SETTINGS.fail_means is Severity.DOWN


@asynccontextmanager
async def showing(folder: Path, leaf: Issued, *sent: Issued) -> AsyncIterator[dict[str, Any]]:
    """A TLS server, and the settings of a check that trusts ROOT and looks at it."""
    async with serving(silent, server_context(folder, leaf, *sent)) as port:
        yield {"kind": "tls", "host": "127.0.0.1", "port": port, "ca_file": bundle(folder, ROOT)}


def leaf_until(ends: dt.datetime, *hosts: str, issuer: Issued = MIDDLE) -> Issued:
    return issue("portal.example", issuer, ends=ends, hosts=hosts or ("portal.example", "127.0.0.1"))


async def test_a_good_chain(tmp_path: Path) -> None:
    ends = NOW + 90 * DAY
    async with showing(tmp_path, leaf_until(ends), MIDDLE) as settings:
        finding = await probed(**settings)

    assert finding.outcome is Outcome.OK
    assert finding.facts["tls_expiry_timestamp_seconds"] == ends.timestamp()
    assert finding.facts["tls_leaf_expiry_timestamp_seconds"] == ends.timestamp()
    assert finding.facts["tls_version"] == "TLSv1.3"
    assert [held.seen for held in finding.held] == ["TLSv1.3", "3, mindst 90 dage"]
    assert {"connect", "tls"} <= set(finding.phases)


async def test_the_chain_is_seen_whole_and_the_earliest_end_is_the_fact(tmp_path: Path) -> None:
    soon = NOW + 5 * DAY
    middle = issue("mellem", ROOT, ends=soon)
    leaf = leaf_until(NOW + 300 * DAY, issuer=middle)
    async with showing(tmp_path, leaf, middle) as settings:
        finding = await probed(**settings)

    assert (finding.outcome, finding.grade) == (Outcome.WARN, 2)
    assert finding.facts["tls_expiry_timestamp_seconds"] == soon.timestamp()
    assert finding.facts["tls_leaf_expiry_timestamp_seconds"] == (NOW + 300 * DAY).timestamp()


@pytest.mark.parametrize("year", [2001, 2080])
async def test_dates_are_held_against_now_and_not_the_machines_clock(tmp_path: Path, year: int) -> None:
    now = NOW.replace(year=year)
    leaf = issue("portal.example", ROOT, begins=now - DAY, ends=now + 60 * DAY, hosts=("127.0.0.1",))
    async with showing(tmp_path, leaf) as settings:
        at_that_time, by_now = context(), context()
        at_that_time.now = lambda: now
        then, today = await probed(at_that_time, **settings), await probed(by_now, **settings)

    assert then.outcome is Outcome.OK
    assert today.outcome is Outcome.FAIL
    assert today.reason is (Reason.CERTIFICATE_EXPIRED if year == 2001 else Reason.CERTIFICATE_UNTRUSTED)


async def test_an_expired_certificate(tmp_path: Path) -> None:
    async with showing(tmp_path, leaf_until(NOW - DAY), MIDDLE) as settings:
        finding = await probed(**settings)

    assert (finding.outcome, finding.reason) == (Outcome.FAIL, Reason.CERTIFICATE_EXPIRED)
    assert finding.misses[0].seen == "udløbet 01-03-2026"
    assert len(finding.misses) == 1


async def test_a_renewal_without_its_intermediate(tmp_path: Path) -> None:
    ends = NOW + 90 * DAY
    async with showing(tmp_path, leaf_until(ends)) as settings:
        finding = await probed(**settings)

    assert (finding.outcome, finding.reason) == (Outcome.FAIL, Reason.CERTIFICATE_UNTRUSTED)
    assert finding.facts["tls_expiry_timestamp_seconds"] == ends.timestamp()


async def test_a_chain_of_somebody_else(tmp_path: Path) -> None:
    stranger = issue("fremmed", issue("fremmed rod"))
    async with showing(tmp_path, leaf_until(NOW + 90 * DAY, issuer=stranger), stranger) as settings:
        finding = await probed(**settings)

    assert (finding.outcome, finding.reason) == (Outcome.FAIL, Reason.CERTIFICATE_UNTRUSTED)


async def test_an_expired_certificate_sent_along_that_no_trust_hangs_on(tmp_path: Path) -> None:
    old = issue("gammelt mellem", ROOT, ends=NOW - DAY)
    async with showing(tmp_path, leaf_until(NOW + 90 * DAY), MIDDLE, old) as settings:
        finding = await probed(**settings)

    assert (finding.outcome, finding.reason) == (Outcome.WARN, Reason.CERTIFICATE_EXPIRED)
    assert finding.misses[0].expected == "gyldigt mellemcertifikat"


async def test_a_self_signed_certificate_that_has_expired_as_well(tmp_path: Path) -> None:
    alone = issue("portal.example", ends=NOW - DAY, hosts=("127.0.0.1",))
    async with showing(tmp_path, alone) as settings:
        finding = await probed(**settings)

    assert [miss.reason for miss in finding.misses] == [Reason.CERTIFICATE_EXPIRED, Reason.CERTIFICATE_UNTRUSTED]


async def test_the_system_does_not_know_a_private_authority(tmp_path: Path) -> None:
    async with showing(tmp_path, leaf_until(NOW + 90 * DAY), MIDDLE) as settings:
        finding = await probed(**settings | {"ca_file": None})

    assert finding.reason is Reason.CERTIFICATE_UNTRUSTED


async def test_the_name_asked_for_is_the_one_that_must_be_in_it(tmp_path: Path) -> None:
    async with showing(tmp_path, leaf_until(NOW + 90 * DAY, "portal.example"), MIDDLE) as settings:
        right = await probed(**settings, server_name="portal.example")
        wrong = await probed(**settings, server_name="andet.example")
        address = await probed(**settings)

    assert right.outcome is Outcome.OK
    assert [wrong.reason, address.reason] == [Reason.CERTIFICATE_NAME, Reason.CERTIFICATE_NAME]


async def test_a_replaced_ca_file_counts_from_the_next_look(tmp_path: Path) -> None:
    stranger = issue("fremmed rod")
    async with showing(tmp_path, leaf_until(NOW + 90 * DAY, issuer=stranger)) as settings:
        before = await probed(**settings)
        bundle(tmp_path, stranger)
        after = await probed(**settings)

    assert [before.reason, after.outcome] == [Reason.CERTIFICATE_UNTRUSTED, Outcome.OK]


async def test_a_ca_file_that_is_not_there_is_our_own_fault(tmp_path: Path) -> None:
    finding = await probed(kind="tls", host="127.0.0.1", port=1, ca_file=tmp_path / "none.pem")

    assert (finding.outcome, finding.reason) == (Outcome.UNKNOWN, Reason.INTERNAL)


def starttls(folder: Path, lines: list[tuple[bytes, bytes]]) -> Handler:
    """Says the first of each pair, waits for a line that begins with the second; then TLS."""
    tls = server_context(folder, leaf_until(NOW + 90 * DAY), MIDDLE)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for says, awaits in lines:
            writer.write(says)
            if awaits:
                assert (await reader.readline()).startswith(awaits)
        await writer.start_tls(tls)
        await reader.read(1)

    return handler


SMTP_LINES = [
    (b"220-mx.example\r\n220 ESMTP\r\n", b"EHLO "),
    (b"250-mx.example\r\n250 STARTTLS\r\n", b"STARTTLS"),
    (b"220 go\r\n", b""),
]
IMAP_LINES = [(b"* OK [CAPABILITY IMAP4rev1] ready\r\n", b"a1 STARTTLS"), (b"* 1 EXISTS\r\na1 OK begin\r\n", b"")]


@pytest.mark.parametrize(("protocol", "lines"), [("smtp", SMTP_LINES), ("imap", IMAP_LINES)])
async def test_starttls(tmp_path: Path, protocol: str, lines: list[tuple[bytes, bytes]]) -> None:
    async with serving(starttls(tmp_path, lines)) as port:
        ca_file = bundle(tmp_path, ROOT)
        finding = await probed(kind="tls", host="127.0.0.1", port=port, starttls=protocol, ca_file=ca_file)

    assert finding.outcome is Outcome.OK
    assert list(finding.phases) == ["connect", "processing", "tls"]


async def test_starttls_with_a_real_mail_server(tmp_path: Path) -> None:
    tls = server_context(tmp_path, leaf_until(NOW + 90 * DAY), MIDDLE)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Sink(), tls_context=tls, loop=loop), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        ca_file = bundle(tmp_path, ROOT)
        finding = await probed(kind="tls", host="127.0.0.1", port=port, starttls="smtp", ca_file=ca_file)
        await asyncio.sleep(0)

    assert finding.outcome is Outcome.OK


@pytest.mark.parametrize(
    ("protocol", "says", "reason"),
    [
        ("smtp", b"554 go away\r\n", Reason.REPLY),
        ("smtp", b"220 mx\r\n502 no\r\n", Reason.REPLY),
        ("smtp", b"220 mx\r\n250 yes\r\n220 go\r\n250 injected\r\n", Reason.PROTOCOL),
        ("smtp", b"220-more\r\n" * 1000, Reason.TOO_LARGE),
        ("smtp", b"220 " + b"x" * 100_000, Reason.TOO_LARGE),
        ("imap", b"* BYE\r\n", Reason.REPLY),
        ("imap", b"* OK\r\na1 NO\r\n", Reason.REPLY),
        ("imap", b"* OK\r\n" * 1000, Reason.TOO_LARGE),
    ],
)
async def test_starttls_that_is_refused_or_abused(protocol: str, says: bytes, reason: Reason) -> None:
    async with serving(saying(says)) as port:
        finding = await probed(kind="tls", host="127.0.0.1", port=port, starttls=protocol)

    assert (finding.outcome, finding.reason) == (Outcome.FAIL, reason)


@pytest.mark.parametrize(
    ("handler", "reasons"),
    [
        (silent, {Reason.TIMEOUT}),
        (hanging_up, {Reason.RESET}),
        (saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), {Reason.TLS}),
        (saying(b"\x16\x03\x03\xff\xff" + b"\x00" * 70_000), {Reason.TLS}),
        (saying(b"\x16\x03\x03\x40\x00\x02\xff\xff\xff"), {Reason.TLS, Reason.TIMEOUT}),
        (endless(b"\x16\x03\x03\x00\x00" * 1000), {Reason.TLS, Reason.TIMEOUT}),
        (endless(b"\x00" * 65_536), {Reason.TLS}),
        (dripping(b"\x16\x03\x03\x10\x00\x02\x00\x0f\xfc"), {Reason.TIMEOUT, Reason.TLS}),
    ],
    ids=["silent", "hangs-up", "http", "long-record", "long-message", "empty-records", "endless", "drip"],
)
async def test_hostile_servers_end_as_a_finding_with_nothing_left_open(handler: Handler, reasons: set[Reason]) -> None:
    before = sockets()
    async with serving(handler) as port:
        finding = await probed(
            kind="tls", host="127.0.0.1", port=port, timeout="500ms" if Reason.TIMEOUT in reasons else "10s"
        )

    assert finding.outcome is Outcome.FAIL
    assert finding.reason in reasons
    assert sockets() == before
