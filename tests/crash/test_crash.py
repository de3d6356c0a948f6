"""The short form of the crash matrix, and that its judge sees what is wrong."""

import pytest

from tests.crash.plan import DAY, DAY_LATER, MAILS, NIGHT, NIGHT_LATER
from tests.crash.promises import Outage, expected, judge, mentions
from tests.crash.sinks import Told
from tests.crash.table import Came, table, worlds

CHANGES = 1000.0
OUTAGE = Outage("s01", 10.0, 60.0)


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(600)
def test_killed_sixty_times_no_promise_is_broken() -> None:
    told: list[Came] = []

    came = worlds(60, 2, 1, told.append, each=30)

    assert [broken for one in came for broken in one.found.broken] == [], table(came)
    assert sum(one.kills for one in came) >= 60
    assert sum(one.found.alarms for one in came) >= 20, table(came)


def sms(at: float, to: str, text: str) -> Told:
    return Told(at, to, "sms", text)


def alarm(at: float = 12.0, to: str = DAY, mark: str = "") -> Told:
    return sms(at, to, f"S01 NEDE siden 10:00. Hændelse 26-0001. Svarer ikke.{mark}")


def clear(at: float = 62.0, to: str = DAY, mark: str = "") -> Told:
    return sms(at, to, f"S01 OPPE IGEN 10:01. Hændelse 26-0001. Nede fra 10:00, i alt 50 sek.{mark}")


def by_mail(at: float, subject: str, body: str = "") -> Told:
    return Told(at, MAILS[DAY], "mail", f"{subject}\n{body}")


WELL = [
    *(alarm(to=to) for to in (DAY, DAY_LATER)),
    by_mail(12.0, "S01: NEDE siden 10:00 (hændelse 26-0001)"),
    *(clear(to=to) for to in (DAY, DAY_LATER)),
    by_mail(62.0, "OPPE IGEN: S01 10:01 (hændelse 26-0001)"),
]


def broken(*told: Told, outage: Outage = OUTAGE, kills: tuple[float, ...] = (), changes: float = CHANGES) -> set[str]:
    """The promises that are broken by these besides what is well."""
    found = judge([outage], [*WELL, *told], kills, changes)
    names = ("lost", "wrong", "twice", "clears", "other")
    return {name for name in names if getattr(found, name)}


def test_what_is_well_breaks_nothing() -> None:
    assert broken() == set()


def test_a_repeat_needs_a_kill_and_a_mark() -> None:
    assert broken(alarm(20.0, mark=" (gentaget)"), kills=(15.0,)) == set()
    assert broken(alarm(20.0), kills=(15.0,)) == {"twice"}
    assert broken(alarm(20.0, mark=" (gentaget)")) == {"twice"}
    assert broken(alarm(20.0, mark=" (gentaget)"), alarm(22.0, mark=" (gentaget)"), kills=(15.0,)) == {"twice"}


def test_a_lost_alarm_and_a_stray_all_clear() -> None:
    outage = Outage("s02", 10.0, 60.0)
    assert judge([outage], [], [], CHANGES).lost
    assert broken(clear(to=NIGHT)) == {"clears"}
    assert broken(clear(30.0), kills=(20.0,)) == {"wrong", "twice"}


def test_the_wrong_period() -> None:
    assert "wrong" in broken(alarm(20.0, NIGHT), clear(to=NIGHT))
    assert "wrong" in broken(outage=Outage("s01", 10.0, 60.0), changes=5.0)
    assert "wrong" in broken(outage=Outage("s01", 10.0, 60.0), changes=11.0)
    night = [told for to in (NIGHT, NIGHT_LATER) for told in (alarm(40.0, to), clear(to=to))]
    mails = [Told(at, MAILS[NIGHT], "mail", f"{text} (hændelse 26-0001)") for at, text in ((40.0, "S01: NEDE"),)]
    mails.append(Told(62.0, MAILS[NIGHT], "mail", "OPPE IGEN: S01 10:01 (hændelse 26-0001)"))
    assert broken(*night, *mails, changes=30.0) == set()


def test_one_outage_is_one_incident() -> None:
    assert "other" in broken(sms(15.0, DAY, "S01 NEDE siden 10:00. Hændelse 26-0002. Svarer ikke."))


def test_nobody_is_told_of_what_was_never_down() -> None:
    assert broken(sms(15.0, DAY, "S09 NEDE siden 10:00. Hændelse 26-0009. Svarer ikke.")) == {"wrong"}


def test_several_in_one_message_are_read_apart() -> None:
    text = "3 systemer NEDE siden 01:43: S01 26-0001, S02 26-0002, S03 26-0003. Svar OK 4711. (gentaget)"
    read = [(one.system, one.number, one.clear, one.marked) for one in mentions(sms(1.0, DAY, text))]
    assert read == [(f"S0{n}", f"26-000{n}", False, True) for n in (1, 2, 3)]
    body = "3 systemer OPPE IGEN:\n\n26-0001  S01: oppe igen 01:44, nede fra 01:43\n26-0002  S02: oppe igen 01:44\n"
    listed = mentions(by_mail(1.0, "3 systemer OPPE IGEN: 26-0001 m.fl.", body))
    assert [(one.system, one.clear) for one in listed] == [("S01", True), ("S02", True)]


def test_who_is_expected_to_hear() -> None:
    by_day, by_night = {DAY, DAY_LATER, MAILS[DAY]}, {NIGHT, NIGHT_LATER, MAILS[NIGHT]}
    assert {to for to, _ in expected(Outage("s01", 10, 60), CHANGES, 70)} == by_day
    assert {to for to, _ in expected(Outage("s01", 10), CHANGES, 70)} == by_day
    assert {to for to, _ in expected(Outage("s01", 10), CHANGES, 1001)} == by_night
    assert {to for to, _ in expected(Outage("s01", 1001, 1002), CHANGES, 1003)} == by_night
