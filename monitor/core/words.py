"""The Danish words for what the machine knows: reasons, states, times.

One place for wording, so that a text never depends on who noticed. `_` marks what a translation would replace.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from monitor.core.answers import Verdict
from monitor.core.delivery import Ended
from monitor.core.finding import Miss, Reason
from monitor.core.plan import Severity
from monitor.core.reasons import Entry, HumanState, Kind
from monitor.core.receipts import Delivery
from monitor.core.state import State
from monitor.core.withholding import Sort


def _(text: str) -> str:
    return text


REASONS: Mapping[Reason, str] = {
    Reason.TIMEOUT: _("svarer ikke"),
    Reason.REFUSED: _("afviser forbindelsen"),
    Reason.RESET: _("afbryder forbindelsen"),
    Reason.NAME_UNKNOWN: _("navnet findes ikke i DNS"),
    Reason.TLS: _("sikker forbindelse fejler"),
    Reason.PROTOCOL: _("svarer uforståeligt"),
    Reason.STATUS: _("svarer med fejl"),
    Reason.HEADER: _("svarer med forkert hoved"),
    Reason.BODY: _("viser en forkert side"),
    Reason.JSON: _("svarer med forkerte data"),
    Reason.SLOW: _("er langsom"),
    Reason.REDIRECTS: _("sender i ring"),
    Reason.TOO_LARGE: _("svarer uden ende"),
    Reason.CONTENT: _("viser login- eller vedligeholdelsesside"),
    Reason.REPLY: _("svarer forkert"),
    Reason.CERTIFICATE_EXPIRED: _("certifikatet er udløbet"),
    Reason.CERTIFICATE_EXPIRES: _("certifikatet udløber snart"),
    Reason.CERTIFICATE_UNTRUSTED: _("certifikatet er ikke betroet"),
    Reason.CERTIFICATE_NAME: _("certifikatet har forkert navn"),
    Reason.RECORDS: _("DNS giver forkert svar"),
    Reason.LOSS: _("svarer ikke på ping"),
    Reason.MISSING: _("filen mangler"),
    Reason.STALE: _("filen er for gammel"),
    Reason.SICK: _("melder sig syg"),
    Reason.SILENT: _("enheder er tavse"),
    Reason.EARLY: _("enheder falder fra"),
    Reason.WORN: _("enheder skal ses til"),
    Reason.NOT_OUT: _("prøvebeskeden kom ikke frem"),
    Reason.LATE_OUT: _("prøvebeskeden kom sent frem"),
    Reason.NO_ROUTE: _("ingen vej fra os"),
    Reason.RESOLVER: _("vores navneopslag svarer ikke"),
    Reason.CREDENTIALS: _("vores adgang bliver afvist"),
    Reason.PROBE_REFUSED: _("vores prøvebesked bliver afvist"),
    Reason.SECRET: _("vores adgangskode mangler"),
    Reason.INTERNAL: _("intern fejl i overvågningen"),
    Reason.BLIND: _("vi kan ikke se ud"),
    Reason.EMPTY: _("ingen enheder er meldt til"),
    Reason.AWAITED: _("venter på første prøvebesked"),
    Reason.PLAN: _("planen kunne ikke indlæses"),
    Reason.STORE: _("databasen kan ikke skrives"),
    Reason.STORE_LOST: _("databasen gik tabt"),
    Reason.LOOP: _("en del af overvågningen står stille"),
    Reason.ROUTE: _("vejen til telefonerne fejler"),
    Reason.CREDIT: _("saldoen er ved at slippe op"),
    Reason.COVERAGE: _("overvågningen dækker ikke"),
    Reason.ROSTER: _("vagtplanen har huller"),
    Reason.CLOCK: _("serverens ur blev stillet"),
    Reason.STANDSTILL: _("en hændelse går ikke videre"),
    Reason.SIGN_OF_LIFE: _("livstegnet kan ikke afleveres"),
}

STATES: Mapping[State, str] = {
    State.UP: _("oppe"),
    State.SUSPECT: _("under mistanke"),
    State.DEGRADED: _("forringet"),
    State.DOWN: _("nede"),
    State.RECOVERING: _("på vej op"),
    State.UNKNOWN: _("ukendt"),
}

SEVERITIES: Mapping[Severity, str] = {
    Severity.ADVISORY: _("ADVARSEL"),
    Severity.DEGRADED: _("FORRINGET"),
    Severity.DOWN: _("NEDE"),
}

KINDS: Mapping[Kind, str] = {
    Kind.ALARM: _("alarm"),
    Kind.WORSENED: _("forværret"),
    Kind.REOPENED: _("igen"),
    Kind.UNSTABLE: _("ustabil"),
    Kind.REMINDER: _("påmindelse"),
    Kind.HANDOVER: _("overdragelse"),
    Kind.TASK: _("opgave"),
    Kind.NOBODY_ON_DUTY: _("ingen på vagt"),
    Kind.TAKEN: _("en anden har den"),
    Kind.ANSWER: _("svar"),
    Kind.PROGRESS: _("nyt?"),
    Kind.NO_NEWS: _("intet nyt"),
    Kind.REROUTED: _("under varslet arbejde"),
    Kind.EASED: _("bedre"),
    Kind.DEAD_ADDRESS: _("adressen virker ikke"),
    Kind.BUNDLE: _("samlet besked"),
    Kind.SILENT_DEVICE: _("tavs enhed"),
    Kind.STRAY_ALARM: _("nødkald kom forkert"),
    Kind.WORKLIST: _("arbejdsliste"),
    Kind.PULSE: _("puls"),
    Kind.ALL_CLEAR: _("afblæsning"),
    Kind.TEST: _("prøvealarm"),
}

ENTRIES: Mapping[Entry, str] = {
    Entry.OPENED: _("Hændelsen åbnet"),
    Entry.WORSENED: _("Forværret"),
    Entry.EASED: _("Bedre"),
    Entry.BACK: _("Tilbage"),
    Entry.REOPENED: _("Genåbnet"),
    Entry.UNSTABLE: _("Ustabil"),
    Entry.RECOVERED: _("Oppe igen"),
    Entry.CLOSED: _("Lukket"),
    Entry.PERIOD: _("Nyt tidsrum"),
    Entry.STEP_DROPPED: _("Trin bortfaldet"),
    Entry.NOBODY_ON_DUTY: _("Ingen på vagt"),
    Entry.QUEUED: _("Besked oprettet"),
    Entry.WITHHELD: _("Tilbageholdt"),
    Entry.ACCEPTED: _("Sendt"),
    Entry.NOT_ACCEPTED: _("Forsøg"),
    Entry.GAVE_UP: _("Kunne ikke sendes"),
    Entry.ACKNOWLEDGED: _("Kvitteret"),
    Entry.NOTE: _("Notat"),
    Entry.HUMAN: _("Status"),
    Entry.TASK_DONE: _("Opgave udført"),
    Entry.NOT_RECORDED: _("Ikke gemt"),
    Entry.RELEASED: _("Frigivet"),
    Entry.NOT_WATCHED: _("Ikke overvåget"),
    Entry.DELIVERED: _("Kommet frem"),
    Entry.NOT_DELIVERED: _("Ikke kommet frem"),
    Entry.OVERDUE: _("Uden kvittering"),
    Entry.NO_NEWS: _("Intet nyt"),
    Entry.CLOCK: _("Uret blev stillet"),
}

SORTS: Mapping[Sort, str] = {
    Sort.MAINTENANCE: _("varslet arbejde"),
    Sort.MUTE: _("beskeder slået fra"),
}
"""Why notices are withheld."""

HUMAN: Mapping[HumanState, str] = {
    HumanState.UNSEEN: _("ikke set"),
    HumanState.SEEN: _("set"),
    HumanState.WORKING: _("i arbejde"),
    HumanState.FALLBACK: _("nøddrift"),
    HumanState.RESOLVED: _("løst"),
}

ANSWERS: dict[Verdict, str] = {
    Verdict.ACKNOWLEDGED: _("{number}: noteret, du har den."),
    Verdict.NOTED: _("{number}: noteret. Vi spørger igen senere."),
    Verdict.ALREADY: _("{number}: noteret. {who} har den allerede."),
    Verdict.CLOSED: _("{number} er slut. Du skal ikke gøre mere."),
    Verdict.WRONG_CODE: _("Koden passer ikke. Svar OK og koden fra den nyeste alarm."),
    Verdict.NOT_UNDERSTOOD: _("Ikke forstået. Svar kun OK og koden fra den nyeste alarm."),
    Verdict.TOO_MANY: _("For mange forkerte koder. Svar tages ikke imod den næste time. Ring i stedet."),
}
"""What a reply is answered with; whom we do not know gets none."""

BUNDLES: Mapping[Kind, str] = {
    Kind.ALARM: _("{count} systemer {state} siden {since}:"),
    Kind.REMINDER: _("{count} systemer STADIG {state} siden {since}, ingen har kvitteret:"),
    Kind.ALL_CLEAR: _("{count} systemer OPPE IGEN:"),
    Kind.TAKEN: _("{who} har {count} hændelser nu:"),
    Kind.TASK: _("OPGAVE for {count} hændelser: {task}"),
    Kind.PROGRESS: _("{count} hændelser, er der nyt?"),
    Kind.HANDOVER: _("{count} hændelser OVERTAGES af dig:"),
    Kind.NOBODY_ON_DUTY: _("INGEN PÅ VAGT til {count} hændelser. Ret vagtplanen."),
}
"""How one message for several incidents begins; the list of them follows."""
BUNDLE = _("{count} beskeder ({kind}):")
AMONG = _("ramt ({states})")
OTHERS = _("Andre")
SEE_MAIL = _(" Se mail.")
AND_MORE = _("og {count} mere")

INCIDENTS = _("{count} hændelser")
ANSWERS_TO_MANY: dict[Verdict, str] = {
    Verdict.ACKNOWLEDGED: _("{number}: noteret, du har dem."),
    Verdict.ALREADY: _("{number}: noteret. {who} har dem allerede."),
    Verdict.CLOSED: _("{number} er slut. Du skal ikke gøre mere."),
}
"""The same where the code is a bundle's."""

ENDED: Mapping[Ended, str] = {
    Ended.REJECTED: _("afvist ad alle veje"),
    Ended.EXPIRED: _("opgivet efter et døgn"),
    Ended.NO_ROUTE: _("ingen vej i planen"),
    Ended.OVERTAKEN: _("overhalet af begivenhederne"),
    Ended.TOO_MANY: _("påmindelse nok i denne time"),
    Ended.DEAD_ADDRESS: _("adressen virker ikke, den anden kanal bruges"),
}

OUTCOMES: Mapping[str, str] = {
    "accepted": _("sendt"),
    "temporary": _("ikke modtaget, prøves igen"),
    "rejected": _("afvist"),
    "broken": _("vejen virker ikke"),
    "unknown": _("uvist, om den kom frem"),
}
"""What became of a try (`monitor.ports.SendOutcome`)."""

UNDELIVERED: Mapping[Delivery, str] = {
    Delivery.EXPIRED: _("telefonen kunne ikke nås i tide"),
    Delivery.REFUSED: _("adressen findes ikke mere"),
}
"""Why something never will arrive."""

RUNGS: Mapping[str, str] = {
    "queued": _("på vej"),
    "accepted": _("sendt"),
    "delivered": _("kommet frem"),
    "seen": _("set"),
    "acknowledged": _("kvitteret"),
    "overdue": _("uden kvittering"),
    "undelivered": _("ikke kommet frem"),
    "failed": _("kunne ikke sendes"),
}
"""How far a notice has come (`monitor.core.ladder.rung`)."""

CHANNELS: Mapping[str, str] = {"sms": _("SMS"), "mail": _("mail")}

_WEEKDAYS = (_("man"), _("tir"), _("ons"), _("tor"), _("fre"), _("lør"), _("søn"))


def cause(misses: tuple[Miss, ...]) -> str:
    """What is wrong, in a few words: the first miss, with what was seen where it says more."""
    if not misses:
        return ""
    miss = misses[0]
    words = REASONS[miss.reason]
    return f"{words} ({miss.seen})" if miss.seen else words


def explain(miss: Miss) -> str:
    """One miss in full: the reason, what was expected and what was seen."""
    words = REASONS[miss.reason]
    if miss.expected and miss.seen:
        return _("{words}: ventede {expected}, så {seen}").format(words=words, expected=miss.expected, seen=miss.seen)
    if miss.expected:
        return _("{words}: ventede {expected}").format(words=words, expected=miss.expected)
    return f"{words}: {miss.seen}" if miss.seen else words


def clock(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """An instant as people say it: `03:12` today, `ons 23:50` within a week, else `24/12 03:12`."""
    local, today = at.astimezone(zone), now.astimezone(zone)
    if local.date() == today.date():
        return f"{local:%H:%M}"
    if abs(today - local) < timedelta(days=6):
        return f"{_WEEKDAYS[local.weekday()]} {local:%H:%M}"
    return f"{local.day}/{local.month} {local:%H:%M}"


def duration(span: timedelta) -> str:
    """`40 sek`, `28 min`, `1 t 5 min`, `2 døgn 3 t`."""
    total = max(0, int(span.total_seconds()))
    if total < 60:
        return _("{n} sek").format(n=total)
    minutes, hours, days = total // 60 % 60, total // 3600 % 24, total // 86400
    if days:
        return _("{d} døgn {h} t").format(d=days, h=hours)
    if hours:
        return _("{h} t {m} min").format(h=hours, m=minutes) if minutes else _("{h} t").format(h=hours)
    return _("{m} min").format(m=minutes)
