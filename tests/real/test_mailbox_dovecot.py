"""A mailbox on a real IMAP server: read, marked, never emptied; and what stands in the way is told."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from monitor.core.bounce import LARGEST
from monitor.core.fault import ProbeFault
from monitor.core.finding import Reason
from monitor.mailbox.box import Box
from monitor.mailbox.letters import AT_ONCE, Letter
from monitor.mailbox.place import Place
from tests.support.bounces import dsn
from tests.support.dovecot import PASSWORD, USER, Dovecot, available, dovecot
from tests.support.kannel import until

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not available(), reason="Dovecot runs as root, with users of its own"),
]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Dovecot]:
    async with dovecot(tmp_path) as here:
        yield here


def box(here: Dovecot, password: str = PASSWORD, **changes: Any) -> Box:
    given = {"imap": f"localhost:{here.tls}", "ca_file": here.trust, "user": USER, **changes}
    return Box(Place.model_validate(given), lambda _: password, lambda: datetime.now(UTC))


async def read(from_: Box) -> list[Letter]:
    letters = await from_.read(LARGEST)
    for letter in letters:
        from_.handled(letter)
    return letters


async def test_each_mail_is_read_once_marked_and_left_where_it_is(server: Dovecot) -> None:
    mails = {f"{number}.M1P1.mx": dsn("failed", f"5.1.{number}") for number in (1, 2)}
    for name, mail in mails.items():
        server.lay(name, mail)
    here = box(server)

    first, second = await read(here), await read(here)

    assert sorted(letter.raw.replace(b"\r\n", b"\n") for letter in first) == sorted(mails.values())
    assert all(letter.at.tzinfo is UTC for letter in first)
    assert second == []
    await until(lambda: server.seen() == sorted(mails))
    assert await read(box(server)) == []


async def test_what_was_not_handled_is_read_again(server: Dovecot) -> None:
    server.lay("1.M1P1.mx", dsn("failed", "5.1.1"))

    assert len(await box(server).read(LARGEST)) == len(await box(server).read(LARGEST)) == 1
    assert server.seen() == []


async def test_more_than_are_read_at_once_and_large_ones(server: Dovecot) -> None:
    for number in range(AT_ONCE + 3):
        server.lay(f"{number}.M1P1.mx", b"Subject: x\n\n" + b"x" * (3 * LARGEST if number == 0 else 10) + b"\n")
    here = box(server)

    first, second = await read(here), await read(here)

    assert (len(first), len(second)) == (AT_ONCE, 3)
    assert max(len(letter.raw) for letter in first + second) == LARGEST


@pytest.mark.parametrize("way", ["starttls", "none"])
async def test_the_other_ways_in(tmp_path: Path, way: str) -> None:
    async with dovecot(tmp_path, secure=way != "none") as server:
        server.lay("1.M1P1.mx", dsn("failed", "5.1.1"))

        assert len(await read(box(server, imap=f"localhost:{server.plain}", security=way))) == 1


@pytest.mark.parametrize(
    ("reason", "password", "changes"),
    [
        (Reason.CREDENTIALS, "forkert", {}),
        (Reason.MISSING, PASSWORD, {"folder": "Findes ikke"}),
    ],
)
async def test_what_stands_in_the_way_is_told(
    server: Dovecot, reason: Reason, password: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(ProbeFault) as caught:
        await read(box(server, password, **changes))

    assert caught.value.miss.reason is reason
    assert "hemmelig" not in str(caught.value)


async def test_a_certificate_nobody_vouches_for_is_refused(server: Dovecot) -> None:
    with pytest.raises(OSError, match="certificate"):
        await read(box(server, ca_file=None))
