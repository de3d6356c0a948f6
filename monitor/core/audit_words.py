"""The Danish words for what an open incident waits for, and for what the auditor finds wrong.

Beside `monitor.core.words`, for pages and findings; `_` marks what a translation would replace.
"""

from collections.abc import Mapping

from monitor.core.audit import Next, Wrong


def _(text: str) -> str:
    return text


NEXT: Mapping[Next, str] = {
    Next.SEND: _("en besked sendes"),
    Next.STEP: _("næste trin i planen"),
    Next.PERIOD: _("næste tidsrum"),
    Next.QUESTION: _("der spørges, om der er nyt"),
    Next.HELD: _("beskederne holdes tilbage"),
    Next.STEADY: _("det ses an, om den er stabil"),
    Next.CLOSE: _("hændelsen lukkes"),
    Next.IN_HAND: _("nogen har den"),
    Next.PLAN_DONE: _("alle i planen har fået besked"),
}
"""What an open incident waits for."""

WRONG: Mapping[Wrong, str] = {
    Wrong.NO_NEXT_STEP: _("intet næste skridt"),
    Wrong.MISSED: _("et skridt blev ikke taget"),
    Wrong.UNTOLD: _("nogen mangler besked"),
    Wrong.NOBODY_TOLD: _("ingen har fået besked"),
    Wrong.UNSENT: _("en besked ligger stille"),
    Wrong.NOT_KEPT: _("gemt anderledes, end den er"),
    Wrong.NO_INCIDENT: _("nede uden hændelse"),
}
"""What the auditor has found."""
