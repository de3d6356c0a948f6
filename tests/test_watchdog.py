"""The service manager's side is a real datagram socket that the test owns."""

import socket
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from monitor.watchdog import Watchdog


def _listener(address: str) -> socket.socket:
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(address)
    manager.settimeout(5)
    return manager


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    if request.param == "path":
        named = str(tmp_path / "notify")
        bound = named
    else:
        named = f"@omsorgsvagt-{uuid4().hex}"
        bound = "\0" + named[1:]
    with _listener(bound) as listener:
        yield listener, named


def test_each_word_arrives_as_one_datagram(manager: tuple[socket.socket, str]) -> None:
    listener, named = manager
    watchdog = Watchdog.from_environment({"NOTIFY_SOCKET": named})

    told = [
        watchdog.ready("Ser efter 12 kontroller"),
        watchdog.alive(),
        watchdog.alive("Alt kører"),
        watchdog.reloading(12.5),
        watchdog.status("Nøddrift"),
        watchdog.stopping(),
    ]

    assert told == [True] * 6
    assert [listener.recv(4096).decode() for _ in told] == [
        "READY=1\nSTATUS=Ser efter 12 kontroller",
        "WATCHDOG=1",
        "WATCHDOG=1\nSTATUS=Alt kører",
        "RELOADING=1\nMONOTONIC_USEC=12500000",
        "STATUS=Nøddrift",
        "STOPPING=1",
    ]


def test_a_status_cannot_smuggle_in_another_word(manager: tuple[socket.socket, str]) -> None:
    listener, named = manager

    Watchdog(address=("\0" + named[1:]) if named[0] == "@" else named).status("på vej\nSTOPPING=1 " + "æ" * 1000)

    heard = listener.recv(4096).decode()
    assert heard.startswith("STATUS=på vej STOPPING=1 æææ")
    assert "\n" not in heard
    assert len(heard) <= 210


@pytest.mark.parametrize("socket_name", ["", "@", "relative/path", "vsock:2:1234"])
def test_nobody_listening_is_no_fault(socket_name: str) -> None:
    watchdog = Watchdog.from_environment({"NOTIFY_SOCKET": socket_name})

    assert watchdog == Watchdog()
    assert not watchdog.ready()
    assert not watchdog.status("")


def test_a_manager_that_went_away_or_is_full_is_answered_not_raised(tmp_path: Path) -> None:
    assert not Watchdog(str(tmp_path / "gone")).alive()

    with _listener(str(tmp_path / "deaf")):
        deaf = Watchdog(str(tmp_path / "deaf"))
        answers = [deaf.alive() for _ in range(10_000)]

    assert answers[0]
    assert not answers[-1], "a full socket must never make us wait"


@pytest.mark.parametrize(
    ("environment", "every"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "41"}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "42"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_how_often_it_is_to_be_fed(environment: dict[str, str], every: float | None) -> None:
    assert Watchdog.from_environment(environment, pid=41).every == every
