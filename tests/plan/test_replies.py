"""Routes people can answer: what a plan may say of them, and what it is warned of."""

import shutil
from pathlib import Path

import pytest

from monitor.plan.faults import PlanFaults
from monitor.plan.texts import load_texts
from tests.plan.real import really_loaded
from tests.support.story import TEXTS

CONFIG = TEXTS.parent
_ROUTE = "sender: Omsorgsvagt}"


def changed(folder: Path, route: str) -> Path:
    whole = shutil.copytree(CONFIG, folder / "config")
    plan = whole / "plan.yaml"
    text = plan.read_text(encoding="utf-8")
    assert text.count(_ROUTE) == 1
    plan.write_text(text.replace(_ROUTE, route), encoding="utf-8")
    return whole


def test_as_shipped_nobody_is_asked_for_an_answer() -> None:
    assert not any(route.replies for route in really_loaded(CONFIG).plan.routes)


def test_a_route_that_takes_replies_and_one_that_does_not(tmp_path: Path) -> None:
    loaded = really_loaded(changed(tmp_path, 'sender: "4500000900", replies: yes, keyword: VAGT}'))
    assert [(route.replies, route.keyword) for route in loaded.plan.routes[:2]] == [(True, "VAGT"), (False, "")]
    assert "what comes by modem cannot be answered" in str([str(one) for one in loaded.warnings])


@pytest.mark.parametrize(
    ("route", "wrong"),
    [
        ("sender: Omsorgsvagt, replies: yes}", "needs a number as sender"),
        ('sender: "4500000900", replies: måske}', "replies"),
        ('sender: "4500000900", replies: yes, keyword: "to ord"}', "keyword"),
    ],
)
def test_what_cannot_be_answered_is_refused(tmp_path: Path, route: str, wrong: str) -> None:
    with pytest.raises(PlanFaults, match=wrong):
        really_loaded(changed(tmp_path, route))


def test_an_sms_keeps_to_one_part_with_the_longest_question(tmp_path: Path) -> None:
    texts = shutil.copytree(TEXTS, tmp_path / "texts")
    assert load_texts(texts)[1] == []
    alarm = texts / "alarm.sms"
    alarm.write_text(alarm.read_text(encoding="utf-8").strip() + " " + "mere " * 8, encoding="utf-8")
    assert [one.path.name for one in load_texts(texts)[1]] == ["alarm.sms"]
