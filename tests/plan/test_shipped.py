"""The shipped configuration: a whole, fictional municipality that carries every paragraph of the customer's plan."""

import re
import shutil
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from markdown_it import MarkdownIt

import checks
from monitor.core.calendar import PeriodName
from monitor.core.finding import SystemName
from monitor.core.gsm import is_gsm, parts
from monitor.core.plan import OWN_SYSTEMS, Severity, TaskId
from monitor.plan.lint import lint
from monitor.plan.show import describe
from tests.plan.real import CONFIG, really_loaded

ZONE = ZoneInfo("Europe/Copenhagen")
LOADED = really_loaded(CONFIG)
PLAN = LOADED.plan
CARE = ("omsorgssystem", "phoniro", "noedkald", "medicoteknik")
REGION = {"78412345", "30300276"}


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def steps(at: str, system: str = "omsorgssystem", severity: Severity = Severity.DOWN) -> list[tuple[str, str, str]]:
    """Of all chains: seconds after the beginning, the role told, the task handed over."""
    shown = describe(PLAN, local(at), system, severity)
    return [
        (f"{step.after:.0f}", called.role, step.task)
        for chain in shown.chains
        for step in chain.steps
        for called in step.called
    ]


def first(at: str, system: str = "omsorgssystem", severity: Severity = Severity.DOWN) -> list[str]:
    """Who is told at once."""
    return list(dict.fromkeys(role for after, role, task in steps(at, system, severity) if after == "0" and not task))


def tasked(at: str) -> dict[str, set[str]]:
    """Each task's title with the roles it is handed to."""
    found: dict[str, set[str]] = {}
    for _, role, task in steps(at):
        found.setdefault(task, set()).add(role)
    return found


DAY, NIGHT = "2026-03-05T10:00", "2026-03-05T22:00"
OUT = ["Afdelingschefen", "Brand og Redning"]


def test_it_loads_without_a_warning_and_a_closer_look_finds_nothing() -> None:
    assert LOADED.warnings == ()
    assert lint(LOADED) == []


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("2026-03-05T14:59:30", ["NEXUS support"]),
        ("2026-03-05T15:00:30", OUT),
        ("2026-03-06T13:59:59", ["NEXUS support"]),
        ("2026-03-06T14:00:00", OUT),
        ("2026-03-07T10:00:00", OUT),
        ("2026-12-24T10:00:00", OUT),
        ("2026-06-05T11:59:59", ["NEXUS support"]),
        ("2026-06-05T12:00:00", OUT),
        ("2026-12-31T11:59:59", ["NEXUS support"]),
        ("2026-12-31T12:00:00", OUT),
        ("2026-04-02T10:00:00", OUT),
        ("2026-04-06T10:00:00", OUT),
        ("2027-04-23T10:00:00", ["NEXUS support"]),
        ("2026-05-15T10:00:00", OUT),
    ],
)
@pytest.mark.parametrize("system", CARE)
def test_who_is_told_first_of_an_outage(at: str, told: list[str], system: str) -> None:
    assert first(at, system) == told


def test_a_degraded_system_is_not_told_as_an_outage() -> None:
    assert first(DAY, severity=Severity.DEGRADED) == ["NEXUS support"]
    assert first(NIGHT, severity=Severity.DEGRADED) == ["IT-vagten"]
    assert first(NIGHT, "noedkald", Severity.DEGRADED) == ["IT-vagten", "Vagthavende sygeplejerske"]


@pytest.mark.parametrize("system", [*CARE, *OWN_SYSTEMS])
def test_an_advisory_goes_to_nexus_support_by_mail_in_working_hours_only(system: str) -> None:
    shown = describe(PLAN, local(DAY), system, Severity.ADVISORY)

    assert [list(called.addresses) for step in shown.chains[0].steps for called in step.called] == [["mail"]]
    assert first(DAY, system, Severity.ADVISORY) == ["NEXUS support"]
    assert steps(NIGHT, system, Severity.ADVISORY) == []


@pytest.mark.parametrize("system", OWN_SYSTEMS)
def test_our_own_faults_are_told_to_it(system: str) -> None:
    assert first(DAY, system) == ["IT-konsulenterne", "NEXUS support"]
    assert first(NIGHT, system) == ["IT-vagten"]


def test_the_tasks_of_an_outage_in_working_hours() -> None:
    found = tasked(DAY)

    assert found["Orientér afdelingsledelsen og alle samarbejdspartnere"] == {"NEXUS support"}
    assert found["Skriv om nedbruddet på Siko"] == {"IT-konsulenterne"}
    assert found["Led indsatsen lokalt og vurdér bemandingen"] == {"De daglige ledere"}
    assert found["Kontakt regionens servicedesk"] == {"Sektionsleder for Myndighed", "Funktionslederne"}


def test_the_tasks_of_an_outage_outside_working_hours() -> None:
    found = tasked(NIGHT)

    assert found["Kontakt IT-vagten"] == {"Brand og Redning"}
    assert found["Send information om nedbruddet på mail"] == {"IT-vagten"}
    assert found["Led indsatsen i vagten og vurdér bemandingen"] == {"Vagthavende sygeplejerske"}
    assert found["Vær klar til at afgøre, om flere skal kaldes ind"] == {"Sektionslederen på vagt"}
    assert found["Kontakt regionens servicedesk"] == {"Sektionsleder for Myndighed", "Funktionslederne"}


@pytest.mark.parametrize("at", [DAY, NIGHT])
def test_the_krisestabs_tasks_run_from_the_outages_beginning_whatever_the_period(at: str) -> None:
    krisestab = [one for one in steps(at) if "kris" in one[1].lower() and one[2]]
    hours = {(int(after) // 3600, role, task) for after, role, task in krisestab}

    assert hours == {
        (1, "Kriselederen", "Overvej at indkalde krisestaben"),
        (2, "Krisestaben, kommunikation", "Krisestab, orientér samarbejdspartnerne"),
        (2, "Krisestaben, løsning", "Krisestab, hold kontakt til NEXUS support"),
        (2, "Krisestaben, situationsbillede og log", "Krisestab, orientér de berørte sektioners ledelse"),
        (2, "Krisestaben, involverede personer", "Krisestab, sikr hjælp til borgere med livsvigtige behov"),
        (8, "Krisestaben, kommunikation", "Overvej information til borgerne"),
    }


def test_each_role_of_the_krisestab_has_a_deputy() -> None:
    roles = [role for role in PLAN.roles.values() if "kris" in role.title.lower()]

    assert len(roles) == 5
    assert all(len(role.always) == 2 for role in roles)
    assert all("stedfortræder" in PLAN.people[role.always[1]].name for role in roles)


def test_the_regions_servicedesk_is_a_persons_task_with_number_words_and_akutnummer() -> None:
    task = PLAN.tasks[TaskId("kontakt_regionens_servicedesk")]

    assert set(task.contact.values()) == {"78412345", "servicedesk@rm.dk", "3030 0276"}
    assert "driftsinfo" in task.text
    assert "3030 0276" in task.text
    assert "78412345" in task.sms
    assert all("rm.dk" not in person.mail for person in PLAN.people.values())


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ("orienter_ledelse_og_partnere", ["koordinerer", "ledelsen", "private leverandører"]),
        ("krisestab_orienter_partnere", ["private leverandører", "friplejehjem", "sygehuset", "praktiserende læger"]),
        ("led_indsatsen_lokalt", ["overblik", "beredskab", "livsvigtige", "medarbejdere ind"]),
        ("led_indsatsen_i_vagten", ["sektionslederen", "beslutter"]),
        ("overvej_krisestab", ["Økonomi- og IT-afdelingens beredskabsplan", "overordnede koordinering"]),
        ("informer_borgere", ["kommunikationsenhed", "borgere", "kanaler"]),
    ],
)
def test_the_words_of_a_task_carry_the_plan(task: str, words: list[str]) -> None:
    text = PLAN.tasks[TaskId(task)].text
    assert [word for word in words if word.lower() not in text.lower()] == []


def test_every_tasks_words_fit_beside_the_outage_in_one_sms() -> None:
    longest = "ØVELSE OPGAVE: Omsorgssystem FORRINGET siden 24/12 23:50. Hændelse 26-0007. "
    assert all(is_gsm(task.sms) and parts(longest + task.sms) == 1 for task in PLAN.tasks.values())


def test_every_kind_of_check_and_three_canaries_or_more_are_shown() -> None:
    # A canary's way is agreed with others: it is shown, and not in force.
    assert {check.kind for check in LOADED.checks.values()} >= set(checks.KINDS) - {"canary"}
    assert sum(rule.canary for rule in PLAN.checks.values()) >= 4
    assert set(PLAN.systems) == {*CARE, *OWN_SYSTEMS}


def test_the_canary_that_is_shown_can_be_put_in_force(tmp_path: Path) -> None:
    shutil.copytree(CONFIG, tmp_path, dirs_exist_ok=True)
    systems = tmp_path / "systems.yaml"
    before, mark, rest = systems.read_text(encoding="utf-8").partition("      # - name: noedkald-kanariefugl")
    shown, end, after = rest.partition("      - {name: noedkald-certifikat")
    systems.write_text(before + re.sub(r"(?m)^      # ", "      ", mark + shown) + end + after, encoding="utf-8")

    found = really_loaded(tmp_path).checks
    assert [found[name].kind for name in found if name not in LOADED.checks] == ["canary"]


def test_certificates_are_advisories_and_phoniro_worsens_noedkald() -> None:
    warned = {rule.warn_means for name, rule in PLAN.checks.items() if LOADED.checks[name].kind == "tls"}

    assert warned == {Severity.ADVISORY}
    assert PLAN.systems[SystemName("noedkald")].worsened_by == ("phoniro",)


def test_no_hour_of_a_year_is_without_somebody_for_every_outage() -> None:
    at = local("2026-03-02T00:00")
    for change in [at, *PLAN.calendar.changes(at, local("2027-03-01T00:00"))]:
        for system in PLAN.systems:
            assert first(change.astimezone(ZONE).isoformat()[:19], system), (change, system)


def test_both_periods_come() -> None:
    assert PLAN.calendar.periods == (PeriodName("arbejdstid"), PeriodName("uden_for_arbejdstid"))


def test_all_files_name_nobody_but_the_region_and_the_fictional() -> None:
    for path in sorted(CONFIG.rglob("*")):
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8")
        hosts = set(re.findall(r"[\w.-]+@([\w.-]+\w)", text)) | set(re.findall(r"https?://([\w.-]+)", text))
        numbers = {re.sub(r"\D", "", number) for number in re.findall(r"\+?\b\d{4} ?\d{4}\b", text)}
        assert {host for host in hosts if not host.endswith(".example") and host != "rm.dk"} == set(), path
        assert {number for number in numbers if path.suffix in (".md", ".sms", ".mail")} <= REGION, path
        assert set(re.findall(r"\+45(\d{8})", text)) <= {f"00000{n:03}" for n in range(1000)}, path


def test_the_secrets_named_are_those_the_example_lists() -> None:
    example = (CONFIG / "omsorgsvagt.env.example").read_text(encoding="utf-8")
    listed = {line.partition("=")[0].lower() for line in example.splitlines() if line.startswith("OMSORGSVAGT_")}
    settings = (*LOADED.checks.values(), *LOADED.routes)
    keys = ("token", "password", "client_id", "client_secret", "key")
    found = {getattr(each, key) for each in settings for key in keys if getattr(each, key, None)}
    found |= {getattr(each, "jwt_secret", "") for each in LOADED.routes if getattr(each, "receipts", False)}
    files = "".join((CONFIG / name).read_text(encoding="utf-8") for name in ("plan.yaml", "systems.yaml"))
    found |= set(re.findall(r"\{secret:([a-z0-9_]+)\}", files))

    assert {name.removeprefix("omsorgsvagt_") for name in listed} == found


CARDS = sorted((CONFIG / "cards").glob("*.md"))


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_an_action_card_has_numbered_steps_and_fits_on_a_page(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tokens = [token.type for token in MarkdownIt().parse(text)]

    assert text.startswith("# Action card: ")
    assert tokens.count("ordered_list_open") >= 2
    assert 8 <= sum(bool(re.match(r"\d+\. ", line)) for line in text.splitlines()) <= 24
    assert max(len(line) for line in text.splitlines()) <= 130


def test_every_system_has_its_card() -> None:
    assert {system.card for system in PLAN.systems.values()} == {f"cards/{path.name}" for path in CARDS}


def test_the_comment_that_maps_the_plan_names_what_is_there() -> None:
    text = (CONFIG / "plan.yaml").read_text(encoding="utf-8")
    head = text[: text.index("\nmunicipality:")]

    for kind, name in re.findall(r"\b(chains|tasks)\.([a-z_]+)", head):
        assert name in (PLAN.tasks if kind == "tasks" else {chain.id for chain in PLAN.chains}), name
    assert {TaskId(name) for name in re.findall(r"tasks\.([a-z_]+)", head)} == set(PLAN.tasks)
