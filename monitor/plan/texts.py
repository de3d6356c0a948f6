"""The texts people get, from the templates in `config/texts/`.

A text is rendered when it is decided, and kept: what is sent is what was decided. Templates are an operator's data,
so they run in a sandbox and a name that does not exist is a fault when loading, not at 03:00.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from monitor.core.gsm import cut, parts, transliterate
from monitor.core.plan import ChannelName
from monitor.core.reasons import Kind

DRILL = "ØVELSE "
REPEATED = " (gentaget)"
EXAMPLE: Mapping[str, object] = {
    "system": "Omsorgssystem Nexus",
    "system_title": "Omsorgssystem (Nexus)",
    "severity": "FORRINGET",
    "since": "ons 23:50",
    "detected": "ons 23:51",
    "recovered": "ons 23:59",
    "lasted": "11 t 59 min",
    "number": "26-0007",
    "cause": "svarer med fejl (status 503)",
    "also": "",
    "role": "Afdelingsledelsen",
    "downs": 12,
    "acknowledged_by": "NEXUS support",
    "human": "nøddrift",
    "reply": " Svar VAGTHUND OK 4711.",
    "link": "https://vagt.eksempel.example/a/",
    "holder": "NEXUS support",
    "until": "24/12 12:00",
    "owner": "Sektionsleder for Myndighed",
    "reason": "opdatering af Nexus",
    "work": "beskeder slået fra",
    "device": "990001",
    "fleet": "Nødkaldsenheder",
    "head": "300 systemer STADIG ramt (298 NEDE, 2 FORRINGET) siden ons 23:50:",
    "list": "Omsorgssystem Nexus 26-0007 ...",
    "see": " Se mail.",
    "count": 300,
    "answer": "For mange forkerte koder. Svar tages ikke imod den næste time. Ring i stedet.",
    "task": "Ring til regionens servicedesk 78412345, giv akutnr 30300276.",
    "task_title": "Kontakt regionens servicedesk",
    "task_text": "",
    "contact": "",
    "timeline": "",
    "card": "",
    "at": "24/12 12:00",
}
"""The longest of what may stand in a text, for checking lengths and names while loading."""


_SAID = tuple(kind for kind in Kind if kind is not Kind.PULSE)
"""What somebody reads."""


@dataclass(frozen=True, slots=True)
class Text:
    """A rendered text: `subject` is empty for SMS, whose body is GSM 03.38."""

    body: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class TextFault:
    """What is wrong with one template."""

    path: Path
    line: int
    wrong: str
    mend: str


class Texts:
    """The loaded templates, one for each kind of notice and channel."""

    def __init__(self, templates: Mapping[tuple[Kind, ChannelName], Template]) -> None:
        self._templates = templates

    def render(self, kind: Kind, channel: ChannelName, facts: Mapping[str, object], *, drill: bool = False) -> Text:
        """The text for one person. An SMS comes out in GSM 03.38 and at most three parts long."""
        rendered = self._templates[kind, channel].render(facts).strip()
        mark = DRILL if drill else ""
        if channel is ChannelName.SMS:
            return Text(cut(transliterate(mark + " ".join(rendered.split())), 3 * 153))
        subject, _, body = rendered.partition("\n")
        return Text(body.strip() + "\n", mark + " ".join(subject.removeprefix("Emne:").split()))


def load_texts(folder: Path) -> tuple[Texts, list[TextFault]]:
    """Every template compiled and tried on an example, all faults at once; whole only when there are none."""
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    environment.filters["cap"] = _capital
    templates: dict[tuple[Kind, ChannelName], Template] = {}
    faults: list[TextFault] = []
    for kind in _SAID:
        for channel in ChannelName:
            path = folder / f"{kind}.{channel}"
            try:
                templates[kind, channel] = environment.from_string(path.read_text(encoding="utf-8-sig"))
                faults.extend(_length(path, channel, Texts(templates).render(kind, channel, EXAMPLE)))
            # A template is a small program: anything may come of running it.
            except Exception as error:
                faults.append(_fault(path, error))
    return Texts(templates), faults


def _fault(path: Path, error: Exception) -> TextFault:
    if isinstance(error, OSError):
        return TextFault(path, 1, f"cannot be read: {error.strerror}", "write the text")
    if isinstance(error, UnicodeDecodeError):
        return TextFault(path, 1, "is not UTF-8 text", "save the file as UTF-8")
    line = getattr(error, "lineno", None) or 1
    names = f"use only: {', '.join(sorted(EXAMPLE))}"
    if isinstance(error, TemplateError):
        return TextFault(path, line, str(error).rstrip("."), names)
    return TextFault(path, line, f"cannot be written out ({type(error).__name__}: {error})"[:200].rstrip("."), names)


def _length(path: Path, channel: ChannelName, text: Text) -> list[TextFault]:
    if channel is ChannelName.MAIL:
        if text.subject and text.body.strip():
            return []
        return [TextFault(path, 1, "has no subject or no body", "let the first line be `Emne: …` and a text follow")]
    if parts(text.body) > 1:
        return [TextFault(path, 1, "is longer than one SMS of 160 characters", "write it shorter")]
    return []


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
