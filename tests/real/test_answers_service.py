"""The service as it runs: an alarm by the lab's GatewayAPI, its answer signed as the provider signs, a mail's link."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.intake.test_sms import signed
from tests.support.lab import ROOT, Lab, part, running_lab, until
from tests.support.service import Service, running

pytestmark = [pytest.mark.real, pytest.mark.slow]

OURS = "4500000900"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, Service]]:
    folder = tmp_path_factory.mktemp("answers")
    with running_lab(folder) as lab:
        config = folder / "config"
        part("config").write(config, lab.addresses, ROOT / "config", quick=True)
        plan = yaml.load((config / "plan.yaml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - makes text only
        plan["routes"]["sms"][0] |= {"sender": OURS, "replies": "yes"}
        (config / "plan.yaml").write_text(yaml.dump(plan, allow_unicode=True, sort_keys=False), encoding="utf-8")
        url = "http://vagt.eksempel.example"
        with running(config, folder, lab.addresses["secrets"], OMSORGSVAGT_PUBLIC_URL=url) as service:
            yield lab, service


def answerable(lab: Lab) -> list[tuple[str, str]]:
    """Every phone that was asked for an answer, and its code."""
    asked = [(to, re.search(r"Svar OK (\d{4})\.", one["text"])) for to, got in lab.phones().items() for one in got]
    return [(to, found[1]) for to, found in asked if found]


def incident(service: Service) -> dict[str, Any]:
    found: list[dict[str, Any]] = service.status()["incidents"]
    return next(one for one in found if one["system"] == "omsorgssystem")


def test_an_answer_by_sms_and_one_by_link(town: tuple[Lab, Service]) -> None:
    lab, service = town
    until(lambda: service.status()["systems"][0]["state"] == "up")
    lab.break_("nexus", "home-500")
    number, code = until(lambda: answerable(lab))[0]
    route = service.status()["routes"][0]["name"]
    said: dict[str, Any] = {"id": 1, "msisdn": int(number[1:]), "receiver": int(OURS), "message": f"ok {code}"}
    said["senttime"] = int(time.time())
    where, secret = f"/api/v1/sms/{route}/reply", lab.addresses["secrets"]["gatewayapi_jwt_secret"]

    forged = service.client.post(where, json=said, headers={"X-Gwapi-Signature": signed(said, "forkert")})
    assert forged.status_code == 401
    assert incident(service)["acknowledged"] is None
    taken = service.client.post(where, json=said, headers={"X-Gwapi-Signature": signed(said, secret)})
    assert (taken.status_code, taken.content) == (200, b"")
    assert incident(service)["human"] == "seen"
    shown = incident(service)["number"]
    until(lambda: [one for one in lab.texts(number) if one["text"] == f"{shown}: noteret, du har den."])

    mail = until(lambda: [one for one in lab.mails() if "/a/" in str(one)])[0]
    found = re.search(r"http://vagt\.eksempel\.example(/a/[\w.-]+)", str(mail).replace("=\\n", ""))
    assert found is not None
    assert service.get(found[1]).status_code == 200
    assert incident(service)["human"] == "seen"
    assert service.client.post(found[1], data={"state": "fallback"}).status_code == 200
    assert incident(service)["human"] == "fallback"
    assert service.client.post(found[1], data={"state": "fallback"}).status_code == 410

    assert 'omsorgsvagt_replies_total{route="link",verdict="acknowledged"} 1.0' in service.get("/metrics").text
    for kept_to_us in (secret, found[1], number, number[1:], f"ok {code}", "noteret"):
        assert kept_to_us not in service.log
    assert (service.folder / "state" / "answer-key").stat().st_mode & 0o777 == 0o600
