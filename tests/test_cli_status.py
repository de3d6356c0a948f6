"""`check` asks one system once; `status` and the acts on an incident ask the running service."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.support.terminal import Terminal, Web, terminal, web

STATUS: dict[str, Any] = {
    "plan": {"municipality": "Måling"},
    "period": {"name": "arbejdstid"},
    "blind": False,
    "systems": [{"title": "Omsorgssystem (Nexus)", "state": "up", "words": ""}],
    "incidents": [],
}
OPEN = {
    "number": "26-0007", "system": "phoniro", "active": True, "recovered": None, "current": "down", "severity": "down",
    "cause": "svarer med fejl", "acknowledged_by": "",
}  # fmt: skip


def spoken_to(place: Web, folder: Path, token: str | None = "hemmeligt-tegn") -> Terminal:
    """A terminal whose service is this web server."""
    at = terminal(folder, OMSORGSVAGT_LISTEN=f"127.0.0.1:{place.port}")
    if token is not None:
        at.state.mkdir()
        (at.state / "api-token").write_text(token, encoding="ascii")
    return at


def test_a_check_that_holds_is_exit_0_and_explained(tmp_path: Path) -> None:
    with web(system_0000=(200, "<h1>Log ind</h1>")) as place:
        result = terminal(tmp_path, place.port).run("check", "c-system-0000-0")

    assert (result.exit_code, result.stderr) == (0, "")
    first, *rest = result.stdout.splitlines()
    assert first.startswith("OK  c-system-0000-0 (http)  ")
    assert {line.split()[0] for line in rest} == {"phase", "fact", "held"}
    assert any(line.startswith("  held   status 200") for line in rest)


def test_a_check_that_misses_is_exit_1_and_says_what_was_expected_and_seen(tmp_path: Path) -> None:
    with web(system_0000=(503, "vedligeholdelse")) as place:
        at = terminal(tmp_path, place.port)
        result = at.run("check", "c-system-0000-0")
        code, found = at.read("check", "c-system-0000-0")

    assert (result.exit_code, code) == (1, 1)
    assert "MISSED [status]" in result.stdout
    assert (found["check"], found["kind"], found["outcome"]) == ("c-system-0000-0", "http", "fail")
    assert {"expected": "status 200", "seen": "status 503"}.items() <= found["missed"][0].items()
    assert found["seconds"] >= 0
    assert "connect" in found["phases"]


def test_a_check_that_reaches_nobody_is_exit_1(tmp_path: Path) -> None:
    with socket.socket() as shut:
        shut.bind(("127.0.0.1", 0))
        code, found = terminal(tmp_path, shut.getsockname()[1]).read("check", "c-system-0000-0")
    assert (code, found["missed"][0]["reason"]) == (1, "refused")


def test_a_check_nobody_has_configured(tmp_path: Path) -> None:
    result = terminal(tmp_path).run("check", "nexus")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "there is no check 'nexus'. The checks are: c-system-0000-0, c-system-0001-0\n"


def test_all_is_well(tmp_path: Path) -> None:
    with web() as place:
        place.answers["GET", "/api/v1/status"] = (200, json.dumps(STATUS).encode())
        at = spoken_to(place, tmp_path)
        result = at.run("status")
        data = at.read("status")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == ["Måling: arbejdstid", f"{'Omsorgssystem (Nexus)':<34} up"]
    assert data == (0, STATUS)


@pytest.mark.parametrize(("more", "code"), [({}, 1), ({"active": False, "recovered": "2026-03-05T10:00:00+01:00"}, 0)])
def test_an_open_incident_is_exit_1_until_it_is_over(tmp_path: Path, more: dict[str, Any], code: int) -> None:
    with web() as place:
        found = STATUS | {"incidents": [OPEN | more], "blind": True}
        place.answers["GET", "/api/v1/status"] = (200, json.dumps(found).encode())
        result = spoken_to(place, tmp_path).run("status")

    assert result.exit_code == code
    assert "(BLIND)" in result.stdout
    assert "26-0007  phoniro: " in result.stdout
    assert "nobody has acknowledged" in result.stdout


def test_a_service_that_does_not_answer(tmp_path: Path) -> None:
    with socket.socket() as shut:
        shut.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{shut.getsockname()[1]}"
        result = terminal(tmp_path, OMSORGSVAGT_LISTEN=listen).run("status")

    assert (result.exit_code, result.stdout) == (2, "")
    assert f"the service does not answer on {listen}" in result.stderr
    assert "systemctl start omsorgsvagt" in result.stderr


def test_something_else_answers_on_the_address(tmp_path: Path) -> None:
    with web() as place:
        place.answers["GET", "/api/v1/status"] = (200, b"<h1>It works!</h1>")
        result = spoken_to(place, tmp_path).run("status")
    assert result.exit_code == 2
    assert "is not omsorgsvagt. Set OMSORGSVAGT_LISTEN" in result.stderr


ACTS = [
    (("ack", "26-0007", "--state", "working"), "acknowledge", {"who": "Vagten", "state": "working"}, "acknowledged by"),
    (("note", "26-0007", "Ringet"), "note", {"who": "Vagten", "text": "Ringet"}, "noted"),
    (
        ("done", "26-0007", "kontakt_regionen"),
        "tasks/kontakt_regionen/done",
        {"who": "Vagten"},
        "kontakt_regionen done",
    ),
    (("resolve", "26-0007"), "resolve", {"who": "Vagten"}, "closed by Vagten"),
]


@pytest.mark.parametrize(("words", "path", "body", "said"), ACTS, ids=[act[0][0] for act in ACTS])
def test_acting_on_an_incident(
    tmp_path: Path, words: tuple[str, ...], path: str, body: dict[str, str], said: str
) -> None:
    with web() as place:
        place.answers["POST", f"/api/v1/incidents/26-0007/{path}"] = (200, b'{"answer": "done"}')
        at = spoken_to(place, tmp_path)
        result = at.run("incidents", *words, "--who", "Vagten")
        data = at.read("incidents", *words, "--who", "Vagten")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("26-0007: ")
    assert said in result.stdout
    assert data == (0, {"answer": "done"})
    assert [json.loads(asked[3]) for asked in place.asked] == [body, body]
    assert {asked[2]["authorization"] for asked in place.asked} == {"Bearer hemmeligt-tegn"}


def test_what_is_typed_stays_one_part_of_the_address(tmp_path: Path) -> None:
    with web() as place:
        spoken_to(place, tmp_path).run("incidents", "resolve", "../../x?y=1#z", "--who", "Vagten")
    assert [asked[1] for asked in place.asked] == ["/api/v1/incidents/..%2F..%2Fx%3Fy%3D1%23z/resolve"]


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (404, b'{"detail": "der er ingen"}', "der er ingen 'omsorgsvagt incidents list' names the open ones"),
        (409, '{"detail": "Hændelsen er lukket"}'.encode(), "the service refused (409): Hændelsen er lukket"),
        (422, b'{"detail": [{"loc": ["body", "state"], "msg": "must be seen"}]}', "(422): state: must be seen"),
        (503, b"<h1>optaget</h1>", "the service refused (503): <h1>optaget</h1>"),
    ],
)
def test_what_the_service_refuses_is_told_in_its_words(tmp_path: Path, status: int, body: bytes, said: str) -> None:
    with web() as place:
        place.answers["POST", "/api/v1/incidents/26-0007/acknowledge"] = (status, body)
        result = spoken_to(place, tmp_path).run("incidents", "ack", "26-0007", "--who", "Vagten")
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert "hemmeligt-tegn" not in result.stderr


def test_acting_takes_the_services_own_token(tmp_path: Path) -> None:
    with web() as place:
        result = spoken_to(place, tmp_path, token=None).run("incidents", "ack", "26-0007", "--who", "Vagten")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{tmp_path}/state/api-token: No such file or directory. Run as the service's user")
    assert place.asked == []
