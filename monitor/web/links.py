"""`/a/{token}`: answering by the link in a mail.

Looking does nothing, since mail scanners look; the press of a button acts. A link counts once, and after it has, the
page carries the next one, so that who has seen it can say more.
"""

from dataclasses import replace
from urllib.parse import parse_qs

from monitor.core import words
from monitor.core.reasons import HumanState
from monitor.core.records import Incident
from monitor.engine import people
from monitor.engine.links import LASTS, PATH, Asking, Forged, Link
from monitor.engine.people import Answer as Came
from monitor.web.answer import Answer, Receive, Scope, plain
from monitor.web.guard import whole_body
from monitor.web.pages import render
from monitor.web.site import Site
from monitor.web.standing import who_has

LINK = PATH
_LARGEST = 1024
_GONE = 410
_STILL = "still"
"""The button for who has nothing new to say: the state stays, and we know that somebody is there."""
_CHOICES: dict[str, str] = {
    HumanState.SEEN: "Jeg har set den",
    HumanState.WORKING: "Jeg arbejder på den",
    HumanState.FALLBACK: "Nøddrift er i gang",
    _STILL: "Stadig i gang, intet nyt",
}
_DONE: dict[str, str] = {
    HumanState.SEEN: "Noteret: du har set den.",
    HumanState.WORKING: "Noteret: du arbejder på den.",
    HumanState.FALLBACK: "Noteret: nøddrift er i gang.",
    _STILL: "Noteret: stadig i gang.",
}
_FIRST: tuple[str, ...] = (HumanState.SEEN, HumanState.WORKING, HumanState.FALLBACK)
_NEXT: dict[HumanState, tuple[str, ...]] = {
    HumanState.SEEN: (_STILL, HumanState.WORKING, HumanState.FALLBACK),
    HumanState.WORKING: (_STILL, HumanState.FALLBACK),
    HumanState.FALLBACK: (_STILL,),
}
_SPENT = {
    Came.USED: "Linket er allerede brugt.",
    Came.OUTDATED: "Der er sket noget nyt, siden mailen blev sendt. Brug linket i den nyeste mail.",
}


class Links:
    """Answers GET, HEAD and POST of a link."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive) -> Answer:
        """One request for a path that begins with `/a/`."""
        method, asking = scope["method"], self._site.engine.desk.asking
        if method not in ("GET", "HEAD", "POST"):
            return plain(405, "Kun GET, HEAD og POST", (b"allow", b"GET, HEAD, POST"))
        link = _read(asking, scope["path"].removeprefix(LINK))
        if asking is None or link is None:
            return self._refused(method, "forged", 404, "Linket er ikke gyldigt.")
        desk = self._site.engine.desk
        if desk.clock.now() >= link.ends:
            return self._refused(method, "expired", _GONE, "Linket er udløbet.")
        incident = desk.ledger.incidents.get(link.incident)
        if incident is None or not incident.active:
            return self._refused(method, "closed", _GONE, "Hændelsen er slut. Du skal ikke gøre mere.")
        if (spent := people.spent(desk, incident, link)) is not None:
            return self._refused(method, spent.value, _GONE, _SPENT[spent], incident)
        return await self._act(asking, link, receive) if method == "POST" else self._show(incident, self._name(link))

    def _show(self, incident: Incident, name: str) -> Answer:
        lines = (self._holder(incident), "Tryk for at svare. De andre, der har fået besked, hører så, at du har den.")
        choices = _NEXT.get(incident.human, _FIRST) if incident.acknowledged_by == name else _FIRST
        return self._page(200, _head(self._site, incident), lines, incident, choices=choices)

    async def _act(self, asking: Asking, link: Link, receive: Receive) -> Answer:
        body = await whole_body(receive, _LARGEST)
        if isinstance(body, Answer):
            return body
        said = _said(body)
        if said is None:
            return plain(400, "Svaret mangler")
        human = HumanState(said) if said != _STILL else None
        desk = self._site.engine.desk
        act = await people.acknowledge(desk, link.incident, self._name(link), human, link)
        if act.answer not in (Came.DONE, Came.NOTED, Came.ALREADY) or act.incident is None:
            text = _SPENT.get(act.answer, "Hændelsen er slut. Du skal ikke gøre mere.")
            return self._refused("POST", act.answer.value, _GONE, text, act.incident)
        done = act.answer is not Came.ALREADY
        self._count("acknowledged" if act.answer is Came.DONE else act.answer.value)
        again = replace(link, turn=link.turn + done, ends=desk.clock.now() + LASTS)
        action = LINK + asking.token(again)
        lines = (self._holder(act.incident), "Hændelsen slutter, når systemet virker igen. Du får besked.")
        head = _DONE[said] if done else "Det er allerede noteret."
        choices = _NEXT.get(act.incident.human, _FIRST)
        return self._page(200, head, lines, act.incident, choices=choices, action=action)

    def _name(self, link: Link) -> str:
        person = self._site.engine.desk.plan.people.get(link.person)
        return person.name if person else link.person

    def _holder(self, incident: Incident) -> str:
        desk = self._site.engine.desk
        return f"{who_has(desk, incident, desk.clock.now())}."

    def _refused(self, method: str, why: str, status: int, text: str, incident: Incident | None = None) -> Answer:
        if method == "POST":
            self._count(why)
        lines = (self._holder(incident),) if incident is not None and incident.active else ()
        return self._page(status, text, lines, incident)

    def _count(self, verdict: str) -> None:
        self._site.metrics.replies.labels("link", verdict).inc()

    def _page(
        self,
        status: int,
        head: str,
        lines: tuple[str, ...],
        incident: Incident | None,
        *,
        choices: tuple[str, ...] = (),
        action: str = "",
    ) -> Answer:
        page = render(
            self._site,
            "answer.html",
            status,
            head=head,
            lines=lines,
            number=incident.number if incident else "",
            practised=bool(incident and incident.drill),
            choices=[(str(one), _CHOICES[one]) for one in choices],
            action=action,
        )
        return replace(page, forms=bool(choices))


def _read(asking: Asking | None, token: str) -> Link | None:
    try:
        return asking.read(token) if asking else None
    except Forged:
        return None


def _head(site: Site, incident: Incident) -> str:
    desk = site.engine.desk
    system = desk.plan.systems.get(incident.system)
    severity = words.SEVERITIES[incident.current or incident.severity]
    since = words.clock(incident.began, desk.clock.now(), desk.plan.calendar.zone)
    return f"{system.title if system else incident.system}: {severity} siden {since}"


def _said(body: bytes) -> str | None:
    """The button that was pressed; None for anything else."""
    try:
        given = parse_qs(body.decode("ascii"), max_num_fields=4).get("state", [""])[-1]
    except ValueError:
        return None
    return next((str(one) for one in _CHOICES if one == given), None)
