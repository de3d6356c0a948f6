"""From a configuration folder to what the engine runs on."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import structlog
from structlog.testing import LogCapture

from monitor.build import material, read, watched
from monitor.clock import Clock
from monitor.core.finding import CheckName, Outcome, Reason
from monitor.plan.faults import PlanFaults
from monitor.plan.load import Aids, load
from monitor.ports import Message, SecretMissing, SendOutcome
from tests.support.terminal import Terminal, terminal, web

TODAY = date(2026, 11, 23)


def no_secret(name: str) -> str:
    raise SecretMissing(f"secret {name}: set it")


def some_secret(name: str) -> str:
    return f"{name}-der-er-hemmelig"


@pytest.fixture
def at(tmp_path: Path) -> Terminal:
    return terminal(tmp_path)


@pytest.fixture
def logged() -> Iterator[LogCapture]:
    """What is logged meanwhile."""
    capture, before = LogCapture(), structlog.get_config()
    structlog.configure(processors=[capture], cache_logger_on_first_use=False)
    yield capture
    structlog.configure(**before)


def test_the_whole_folder_is_read(at: Terminal) -> None:
    loaded = read(at.config, TODAY)

    assert set(loaded.checks) == {"c-system-0000-0", "c-system-0001-0"}
    assert [(one.via, one.name) for one in loaded.routes] == [("gatewayapi", "gatewayapi")]
    assert loaded.today == TODAY
    assert loaded.texts is not None


def test_what_is_wrong_is_told_whole(at: Terminal) -> None:
    at.edit("plan.yaml", "owner: it", "owner: ingen")
    at.edit("systems.yaml", "c-system-0001-0, kind: http", "c-system-0001-0, kind: hhtp")
    with pytest.raises(PlanFaults) as told:
        read(at.config, TODAY)
    assert [Path(fault.file).name for fault in told.value.faults] == ["plan.yaml", "systems.yaml"]


def test_what_the_plan_demands_is_proved_when_asked(at: Terminal) -> None:
    at.edit("plan.yaml", "phone_within: 5m", "phone_within: 10s")
    assert read(at.config, TODAY).plan.requirements[0].phone_within == 10.0
    with pytest.raises(PlanFaults, match="the plan demands 10 s"):
        read(at.config, TODAY, prove=True)


def test_a_system_nobody_hears_of_by_phone_is_a_fault_when_it_is_proved(at: Terminal) -> None:
    plan = at.config / "plan.yaml"
    text = plan.read_text(encoding="utf-8").replace("by: sms", "by: mail").replace('sms: "+4500000001", ', "")
    mail = '  mail: [{via: smtp, smtp: "127.0.0.1:25", security: none, sender: vagt@eksempel.example}]\n'
    plan.write_text(text[: text.index("  sms: [")] + mail, encoding="utf-8")

    with pytest.raises(PlanFaults, match="nobody with a phone is on duty in arbejdstid from 2026-11-2"):
        read(at.config, TODAY, prove=True)


async def test_a_way_out_that_is_built_takes_a_text(tmp_path: Path) -> None:
    with web() as place:
        place.answers["POST", "/rest/mtsms"] = (200, json.dumps({"ids": [7]}).encode())
        at = terminal(tmp_path, sms=place.port)
        ways = material(read(at.config, TODAY), some_secret, Clock())
        [channel] = ways.channels.values()
        sent = await channel.send(Message("key", "+4500000001", "PRØVEALARM"))
        await channel.close()
    assert (sent.outcome, sent.provider_id) == (SendOutcome.ACCEPTED, "7")


async def test_a_way_out_without_its_secret_stands_and_says_so_when_used(at: Terminal) -> None:
    ways = material(read(at.config, TODAY), no_secret, Clock())
    [channel] = ways.channels.values()
    sent = await channel.send(Message("key", "+4500000001", "PRØVEALARM"))
    await channel.close()
    assert sent.outcome is SendOutcome.BROKEN


async def test_a_way_out_that_cannot_be_built_is_said_and_leaves_the_others(
    at: Terminal, tmp_path: Path, logged: LogCapture
) -> None:
    (tmp_path / "ca.pem").write_text("intet certifikat")
    second = f'{{via: gatewayapi, name: sikker, url: "https://sms.example", ca_file: {tmp_path}/ca.pem}}'
    at.edit("plan.yaml", "sender: Vagt}]", f"sender: Vagt}}, {second}]")

    ways = material(read(at.config, TODAY), some_secret, Clock())

    assert list(ways.channels) == ["gatewayapi"]
    for channel in ways.channels.values():
        await channel.close()
    [entry] = logged.entries
    assert (entry["event"], entry["route"], entry["log_level"]) == ("route_not_built", "sikker", "error")
    assert entry["wrong"].startswith("SSLError: ")


def test_a_configuration_read_without_texts_can_tell_nobody_anything(at: Terminal) -> None:
    from monitor.build import _settings_of_kind, _settings_of_via

    loaded = load(at.config, _settings_of_kind, _settings_of_via, TODAY, Aids(texts=False))
    with pytest.raises(ValueError, match="without texts"):
        material(loaded, some_secret, Clock())


def test_the_critical_start_first(at: Terminal) -> None:
    found = watched(read(at.config, TODAY), no_secret, Clock())
    assert {(one.name, one.urgent, one.every, one.retry_every) for one in found} == {
        ("c-system-0000-0", True, 30.0, 5.0),
        ("c-system-0001-0", False, 30.0, 5.0),
    }


async def test_a_check_is_asked_with_the_services_clock(tmp_path: Path) -> None:
    with web(system_0000=(200, "Log ind")) as place:
        loaded = read(terminal(tmp_path, place.port).config, TODAY)
        [check] = [one for one in watched(loaded, no_secret, Clock()) if one.urgent]
        before = Clock().now()
        finding = await check.run()
    assert (finding.check, finding.outcome) == (CheckName("c-system-0000-0"), Outcome.OK)
    assert before <= finding.at <= Clock().now()


async def test_a_check_never_raises(at: Terminal) -> None:
    at.edit("systems.yaml", '/system_0000"', '/", auth: {bearer: nexus_token}')
    [check] = [one for one in watched(read(at.config, TODAY), no_secret, Clock()) if one.urgent]
    finding = await check.run()
    assert (finding.outcome, finding.reason) == (Outcome.UNKNOWN, Reason.SECRET)


def test_each_check_has_a_memory_of_its_own_that_lasts(at: Terminal) -> None:
    one, other = watched(read(at.config, TODAY), no_secret, Clock())
    assert one.run.memory is one.run.memory  # type: ignore[attr-defined]
    assert one.run.memory is not other.run.memory  # type: ignore[attr-defined]


def test_what_a_check_keeps_goes_on_over_a_new_plan_unless_it_was_changed(at: Terminal) -> None:
    before = watched(read(at.config, TODAY), no_secret, Clock())
    at.edit("systems.yaml", '/system_0001"', '/andet"')
    after = watched(read(at.config, TODAY), no_secret, Clock(), before=before)
    kept = {new.name: new.run.memory is old.run.memory for old, new in zip(before, after, strict=True)}  # type: ignore[attr-defined]
    assert kept == {"c-system-0000-0": True, "c-system-0001-0": False}
