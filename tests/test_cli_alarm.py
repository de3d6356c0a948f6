"""`alarm test`: a practised message over every way there is, each answer told, nothing left to guess."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.terminal import Terminal, Web, terminal, web

TAKEN = b'{"ids": [421332671]}'
TOKEN = {"OMSORGSVAGT_GATEWAYAPI_TOKEN": "tegn-der-er-hemmeligt"}
SECOND = '  - {via: gatewayapi, name: anden, url: "http://127.0.0.1:9", token: anden_token, sender: Vagt}'


def gateway(place: Web, folder: Path, status: int = 200, said: bytes = TAKEN) -> Terminal:
    """A terminal whose plan sends SMS by this web server."""
    place.answers["POST", "/rest/mtsms"] = (status, said)
    return terminal(folder, 9, place.port, **TOKEN)


def sent(place: Web) -> list[dict[str, Any]]:
    return [json.loads(body) for method, _, _, body in place.asked if method == "POST"]


def test_a_way_that_takes_it_is_exit_0(tmp_path: Path) -> None:
    with web() as place:
        result = gateway(place, tmp_path).run("alarm", "test", "--to", "vagt")

    assert (result.exit_code, result.stderr) == (0, "")
    [line] = result.stdout.splitlines()
    assert "accepted" in line.split()
    [text] = sent(place)
    assert text["recipients"] == [{"msisdn": 4500000001}]
    assert text["message"].startswith("PRØVEALARM")


def test_as_data(tmp_path: Path) -> None:
    with web() as place:
        code, found = gateway(place, tmp_path).read("alarm", "test", "--to", "vagt")
    assert code == 0
    assert [(one["channel"], one["outcome"], one["said"]) for one in found] == [("sms", "accepted", "200")]


def test_a_way_that_refuses_is_exit_1_with_its_word(tmp_path: Path) -> None:
    refused = b'{"code": "0x0216", "message": "Insufficient credit", "incident_uuid": "x"}'
    with web() as place:
        result = gateway(place, tmp_path, 403, refused).run("alarm", "test", "--to", "vagt")
    assert result.exit_code == 1
    assert "403" in result.stdout
    assert "hemmeligt" not in result.stdout + result.stderr


def test_a_way_without_its_secret_is_told_and_does_not_stop_the_others(tmp_path: Path) -> None:
    with web() as place:
        at = gateway(place, tmp_path)
        at.edit("plan.yaml", "\n  sms: [", "\n  sms:\n  - ")
        at.edit("plan.yaml", "sender: Vagt}]", "sender: Vagt}\n" + SECOND)
        code, found = at.read("alarm", "test", "--to", "vagt")

    assert code == 1
    assert [one["outcome"] for one in found] == ["accepted", "broken"]
    assert "anden_token" in found[1]["said"]
    assert len(sent(place)) == 1


def test_one_way_only(tmp_path: Path) -> None:
    with web() as place:
        at = gateway(place, tmp_path)
        at.edit("plan.yaml", "\n  sms: [", "\n  sms:\n  - ")
        at.edit("plan.yaml", "sender: Vagt}]", "sender: Vagt}\n" + SECOND)
        code, found = at.read("alarm", "test", "--to", "vagt", "--route", "anden")
    assert (code, [one["route"] for one in found]) == (1, ["anden"])
    assert sent(place) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--to", "ingen"), "there is no person 'ingen'. The plan's people are: vagt"),
        (("--to", "vagt", "--route", "due"), "no route 'due' reaches vagt. The routes are: "),
    ],
)
def test_a_person_or_a_way_that_is_not_there(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    with web() as place:
        result = gateway(place, tmp_path).run("alarm", "test", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert sent(place) == []


def test_it_says_to_whom(tmp_path: Path) -> None:
    assert terminal(tmp_path).run("alarm", "test").exit_code == 2
