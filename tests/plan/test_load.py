"""What a load gives: a frozen plan, checks, routes, cards and a digest, or every fault."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import FrozenInstanceError
from datetime import date, time
from pathlib import Path
from typing import Any

import holidays
import pytest

from monitor.core.calendar import PeriodName, Window
from monitor.core.finding import CheckName, SystemName
from monitor.core.plan import (
    ALARM_PATH,
    OWN_SYSTEMS,
    WATCH,
    ChannelName,
    PersonId,
    Plan,
    RoleId,
    RouteName,
    Severity,
    TaskId,
)
from monitor.plan.faults import LIMIT, Fault, Faults, PlanFaults, meant
from monitor.plan.holidays import public_holidays
from monitor.plan.load import Aids, load
from monitor.plan.settings import CheckSettings
from tests.plan.kinds import AIDS, GOOD, KINDS, TODAY, VIAS, Look, loaded
from tests.plan.real import CONFIG, really_loaded


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(GOOD, tmp_path / "config")
    return tmp_path / "config"


def edited(folder: Path, file: str, old: str, new: str) -> Path:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder


def test_the_plan_is_what_the_files_say() -> None:
    plan = loaded(GOOD).plan

    assert plan.municipality == "Eksempel Kommune"
    assert plan.owner == RoleId("ejer")
    assert plan.people[PersonId("anna")].sms == "+4500000001"
    assert plan.roles[RoleId("support")].always == ("anna", "bo")
    assert plan.roles[RoleId("vagt")].from_roster
    assert plan.tasks[TaskId("ring")].sms == "Ring til regionen"
    assert dict(plan.tasks[TaskId("ring")].contact) == {"Telefon": "78412345"}
    assert plan.requirements[0].phone_within == 180.0
    assert plan.rules.rejoin_within == 900.0
    assert plan.rules.accept_within == 5.0


def test_a_chain_without_systems_means_all_care_systems_and_without_severities_down() -> None:
    plan = loaded(GOOD).plan
    day = next(chain for chain in plan.chains if chain.id == "nedbrud_dag")

    assert day.systems == {"omsorg", "kald"}
    assert day.severities == {Severity.DOWN}
    assert [(s.after, s.tell, s.by, s.repeat, s.unacknowledged_only, s.task) for s in day.steps] == [
        (0.0, ("support",), (ChannelName.SMS, ChannelName.MAIL), 300.0, False, None),
        (600.0, ("vagt",), (ChannelName.SMS,), 0.0, True, None),
        (900.0, ("support",), (ChannelName.MAIL,), 0.0, False, "ring"),
    ]


def test_our_own_systems_are_there_also_when_the_file_does_not_name_them() -> None:
    plan = loaded(GOOD).plan

    assert set(OWN_SYSTEMS) <= set(plan.systems)
    assert not plan.systems[ALARM_PATH].over_own_line
    assert plan.systems[WATCH].short == "Omsorgsvagt"


def test_a_check_becomes_settings_and_a_rule() -> None:
    found, name = loaded(GOOD), CheckName("kald-side")

    assert isinstance(found.checks[name], Look)
    rule = found.plan.checks[name]
    assert (rule.system, rule.every, rule.confirm, rule.fail_means) == ("kald", 10.0, 3, Severity.DOWN)
    assert found.plan.systems[SystemName("kald")].checks == (name,)
    assert [each.canary for each in found.plan.checks.values()] == [False, False, True, True]


def test_routes_keep_their_order_and_get_names_of_their_own() -> None:
    found = loaded(GOOD)

    assert [route.name for route in found.routes] == ["text", "modem", "letter", "letter-2"]
    assert [(r.name, r.channel, r.independent) for r in found.plan.routes] == [
        (RouteName("text"), ChannelName.SMS, False),
        (RouteName("modem"), ChannelName.SMS, True),
        (RouteName("letter"), ChannelName.MAIL, False),
        (RouteName("letter-2"), ChannelName.MAIL, False),
    ]


def test_cards_are_markdown_by_path() -> None:
    assert loaded(GOOD).cards["cards/kald.md"].startswith("# Nødkald")


def test_the_digest_changes_with_any_file_that_was_read_and_with_nothing_else(folder: Path) -> None:
    first = loaded(folder).digest
    (folder / "unread.txt").write_text("x")

    assert loaded(folder, date(2026, 5, 1)).digest == first
    edited(folder, "cards/kald.md", "Genstart", "Start")
    assert loaded(folder).digest != first


def test_nothing_of_it_can_be_changed() -> None:
    found = loaded(GOOD)
    people: Any = found.plan.people
    with pytest.raises(FrozenInstanceError):
        found.plan.municipality = "En anden"  # type: ignore[misc]
    with pytest.raises(TypeError):
        people["x"] = None
    with pytest.raises(ValueError, match="frozen"):
        found.routes[0].name = "x"


def test_a_secret_that_is_missing_is_no_fault_of_the_plan() -> None:
    check = loaded(GOOD).checks[CheckName("kald-side")]
    assert isinstance(check, Look)
    assert check.token == "kald_token"


def test_windows_closings_and_holidays() -> None:
    calendar = loaded(GOOD).plan.calendar

    assert calendar.windows[PeriodName("dag")][4] == (Window(time(8), time(14)),)
    assert calendar.holidays[date(2026, 4, 3)] == "Langfredag"
    assert date(2026, 5, 1) not in calendar.holidays
    assert date(2023, 5, 5) not in calendar.holidays
    assert {day.year for day in calendar.holidays} == {2025, 2026, 2027, 2028, 2029}


def test_store_bededag_was_a_holiday_until_2023_and_is_a_working_day_since() -> None:
    names = public_holidays("DK", range(2020, 2030))

    assert {day.year for day, name in names.items() if name == "Store bededag"} == {2020, 2021, 2022, 2023}
    assert not {(day.month, day.day) for day in names if day.year == 2026} & {(5, 1), (6, 5), (12, 24), (12, 31)}


def test_the_holidays_are_those_of_the_library_taken_whole() -> None:
    whole = holidays.country_holidays("DK", years=range(2025, 2030), language="da")

    assert public_holidays("DK", range(2025, 2030)) == dict(whole)


def test_a_closing_over_several_days_and_over_new_year(folder: Path) -> None:
    edited(folder, "plan.yaml", '{date: "12-24", name: Juleaften}', '{date: "12-30", to: "01-02", name: Nytår}')
    edited(folder, "plan.yaml", "    - {date: ", '    - {date: "2026-07-13", to: "2026-07-15"}\n    - {date: ')
    calendar = loaded(folder).plan.calendar

    assert [calendar.yearly[key].name for key in ((12, 30), (12, 31), (1, 1), (1, 2))] == ["Nytår"] * 4
    assert [day.day for day in calendar.dated] == [13, 14, 15]


def test_a_check_that_knows_working_days_takes_the_plans_calendar(folder: Path) -> None:
    class Saved(CheckSettings):
        holidays: str = "none"
        closed: tuple[dict[str, str], ...] = ()
        zone: str = ""

    kinds: dict[str, type[CheckSettings]] = {"look": Look, "saved": Saved}
    check = "      - {name: gemt, kind: saved, zone: UTC}\n"
    edited(folder, "systems.yaml", "      - {name: kald", check + "      - {name: kald")
    saved = load(folder, kinds.__getitem__, VIAS.__getitem__, TODAY, AIDS).checks[CheckName("gemt")]

    assert isinstance(saved, Saved)
    assert saved.holidays == "DK"
    assert saved.closed[0]["date"] == "12-24"
    assert saved.zone == "UTC"


def test_what_cannot_be_kept_is_told_at_the_requirement(folder: Path) -> None:
    def prove(plan: Plan, checks: Mapping[CheckName, CheckSettings]) -> Iterator[tuple[SystemName, str]]:
        assert checks.keys() == plan.checks.keys()
        yield SystemName("kald"), "200 s in dag, the plan demands 180 s"

    with pytest.raises(PlanFaults) as caught:
        loaded(folder, aids=Aids(prove=prove, texts=False))

    assert str(caught.value) == (
        f"{folder}/plan.yaml:50:24: requirements.kald.phone_within: 200 s in dag, the plan demands 180 s."
        " Probe or escalate sooner, or allow more time"
    )


def test_texts_are_part_of_a_whole_configuration(folder: Path) -> None:
    with pytest.raises(PlanFaults, match="texts: the folder is not there"):
        loaded(folder, aids=Aids())
    shutil.copytree(CONFIG / "texts", folder / "texts")
    whole = loaded(folder, aids=Aids())
    (folder / "texts" / "alarm.sms").write_text("{{findes_ikke}}", encoding="utf-8")

    assert whole.texts is not None
    with pytest.raises(PlanFaults, match=r"texts/alarm\.sms:1:1: .*findes_ikke"):
        loaded(folder, aids=Aids())
    (folder / "texts" / "alarm.sms").unlink()
    (folder / "texts" / "alarm.sms").mkdir()
    with pytest.raises(PlanFaults, match=r"texts/alarm\.sms: the file is not a plain file"):
        loaded(folder, aids=Aids())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"{{system}} {{1 / 0}}", "cannot be written out .ZeroDivisionError"),
        (b"{% for x in range(99999999) %}a{% endfor %}", "cannot be written out .OverflowError"),
        (b"{{system + 1}}", "cannot be written out .TypeError"),
        ("Nødkald {{system}}".encode("latin-1"), "is not UTF-8 text. save the file as UTF-8"),
        (b"{{system.__class__}}", "unsafe. use only: "),
    ],
)
def test_a_text_that_cannot_be_written_out_is_a_fault_and_not_a_fall(folder: Path, text: bytes, said: str) -> None:
    shutil.copytree(CONFIG / "texts", folder / "texts")
    (folder / "texts" / "alarm.sms").write_bytes(text)

    with pytest.raises(PlanFaults, match=rf"texts/alarm\.sms:1:1: .*{said}"):
        loaded(folder, aids=Aids())


def test_faults_render_for_people_and_for_machines() -> None:
    fault = Fault(
        "config/plan.yaml", 12, 5, "chains.nedbrud.steps[1].tell", "there is no role 'x'", "Did you mean 'y'?"
    )

    assert str(fault) == "config/plan.yaml:12:5: chains.nedbrud.steps[1].tell: there is no role 'x'. Did you mean 'y'?"
    assert fault.as_dict()["line"] == 12
    assert (
        str(Fault("config/plan.yaml", 0, 0, "", "the file is not there")) == "config/plan.yaml: the file is not there"
    )


def test_a_mend_names_the_nearest_word_else_the_few_there_are() -> None:
    assert meant("suport", ["support", "vagt"]) == "Did you mean 'support'?"
    assert meant("xyz", ["support", "vagt"]) == "There are: support, vagt."
    assert meant("xyz", map(str, range(100))) == ""


def test_faults_are_bounded_and_the_rest_is_counted() -> None:
    faults = Faults()
    for line in range(LIMIT + 50):
        faults.add(Fault("plan.yaml", line + 1, 1, "", "wrong"))
    with pytest.raises(PlanFaults) as caught:
        faults.settle()

    assert len(caught.value.faults) == LIMIT + 1
    assert caught.value.faults[-1].wrong == "and 50 more"


EXTENSIONS = {
    "people:\n": 'people:\n  anden: {name: Anden, sms: "+4500000009", mail: anden@eksempel.example}\n'
    + "".join(
        f'  it_vagt_{n}: {{name: IT-vagt {n}, sms: "+450000000{n + 1}", mail: it{n}@eksempel.example}}\n'
        for n in (1, 2, 3)
    ),
    "roles:\n": "roles:\n"
    + "".join(
        f"  {role}: {{title: {role}, duty: anden}}\n"
        for role in (
            "afdelingsledelse",
            "sektionsleder_myndighed",
            "funktionsledere",
            "afdelingschef",
            "brand_og_redning",
        )
    ),
    "chains:\n": "tasks:\n  kontakt_regionens_servicedesk: {title: Kontakt regionen, text: Ring.}\nchains:\n"
    "  egne: {period: altid, systems: [egen_linje, alarmvej, vagten], severities: [advisory, degraded, down],"
    " steps: [{after: 0s, tell: it_vagt, by: sms}]}\n",
    "{via: gatewayapi, …}": "{via: gatewayapi}",
    "{via: modem, …}": "{via: modem}",
    "{smtp: …}, {smtp: …}": '{smtp: "m1.example:587", sender: v@eksempel.example},'
    ' {smtp: "m2.example:587", sender: v@eksempel.example}',
}
"""What the design's example leaves out: … and the people, roles and tasks it names without declaring them."""


def test_the_designs_example_loads_as_it_stands(tmp_path: Path) -> None:
    for part in ("cards", "rosters"):
        shutil.copytree(CONFIG / part, tmp_path / part)
    example = Path(__file__).parent / "design"
    text = (example / "plan.yaml").read_text(encoding="utf-8")
    for old, new in EXTENSIONS.items():
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "plan.yaml").write_text(f"municipality: Eksempel\nowner: it_vagt\n{text}", encoding="utf-8")
    systems = (example / "systems.yaml").read_text(encoding="utf-8")
    more = "".join(f"  {name}: {{title: {name}}}\n" for name in ("phoniro", "noedkald", "medicoteknik"))
    (tmp_path / "systems.yaml").write_text(systems + more, encoding="utf-8")

    found = really_loaded(tmp_path, texts=False)

    assert [chain.id for chain in found.plan.chains][1:] == ["nedbrud_i_arbejdstid", "nedbrud_uden_for_arbejdstid"]
    assert found.plan.chains[2].systems == {"omsorgssystem", "phoniro", "noedkald", "medicoteknik"}
    assert [route.name for route in found.routes] == ["gatewayapi", "modem", "smtp", "smtp-2"]
    assert KINDS.keys().isdisjoint(each.kind for each in found.checks.values())
