"""Check kind `tcp`: a connection, plain or over TLS, and a dialogue of texts sent and answers expected.

What the peer says is held against the patterns and dropped: none of it gets into a finding.
"""

import asyncio
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, PlainValidator, model_validator

from checks.pattern import parse
from checks.trust import Host, Port, StartTls, TlsSettings, secure, trusting
from checks.wire import LIMIT, Wire, budget, connected
from monitor.core.finding import Held, Miss, Outcome, Phase, Reason, Verdict
from monitor.plan.settings import CheckSettings, Seconds, Strict
from monitor.ports import ProbeContext

_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Expected:
    """A pattern over bytes; `label` is what the operator wrote."""

    label: str
    regex: re.Pattern[bytes]


def _expected(value: Any) -> Expected:
    """A text, or a regular expression as `checks.pattern` allows it. Raises ValueError."""
    written = parse(value)
    if written.regex is None:
        return Expected(written.label, re.compile(re.escape(written.label.encode())))
    return Expected(written.label, re.compile(written.regex.pattern.encode(), written.regex.flags & ~re.UNICODE))


class Step(Strict):
    """Either a text to send as it stands, line end and all, or a pattern that must appear in what comes."""

    model_config = ConfigDict(str_strip_whitespace=False)

    send: Annotated[str, Field(min_length=1, max_length=4_096)] | None = None
    expect: Annotated[Expected, PlainValidator(_expected)] | None = None

    @model_validator(mode="after")
    def _one(self) -> "Step":
        if (self.send is None) == (self.expect is None):
            raise ValueError('a step is either {send: "…\\r\\n"} or {expect: "/…/"}')
        return self

    @property
    def title(self) -> str:
        """What the step is, for people: never what is sent, which may be a password."""
        return f"modtag {self.expect.label[:_SHOWN]}" if self.expect else "send"


class Settings(CheckSettings, TlsSettings):
    """`tls` from the first byte or, with `starttls`, after the protocol's own beginning; not both."""

    kind: Literal["tcp"]
    host: Host
    port: Port
    tls: bool = False
    starttls: StartTls = StartTls.NONE
    dialogue: Annotated[tuple[Step, ...], Field(max_length=20)] = ()
    degraded_over: Seconds | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "Settings":
        if self.tls and self.starttls is not StartTls.NONE:
            raise ValueError("choose either tls: yes or starttls, not both")
        return self


@dataclass(frozen=True, slots=True)
class Dialogue:
    """How far the dialogue came: the steps that held, the one that did not, and seconds from the first byte."""

    held: tuple[str, ...] = ()
    missed: Miss | None = None
    took: float = 0.0


async def probe(settings: Settings, context: ProbeContext) -> Dialogue:
    """Connect and speak. Raises OSError, ssl.SSLError, ProbeFault before the dialogue begins."""
    began = context.monotonic()
    async with connected(settings.host, settings.port, context) as wire:
        if settings.tls or settings.starttls is not StartTls.NONE:
            name = settings.server_name or settings.host
            await secure(wire, trusting(settings.ca_file), name, settings.starttls, context)
        left = budget(settings.timeout) - (context.monotonic() - began)
        with context.phase(Phase.PROCESSING):
            held, missed = await _speak(settings.dialogue, wire, left)
    return Dialogue(tuple(held), missed, context.monotonic() - began)


async def _speak(steps: tuple[Step, ...], wire: Wire, left: float) -> tuple[list[str], Miss | None]:
    """Every step in turn within `left` seconds in all, so that the one that waited in vain can be named."""
    held: list[str] = []
    title = "forbindelse"
    try:
        async with asyncio.timeout(max(0.0, left)):
            for number, step in enumerate(steps, 1):
                title = f"trin {number}: {step.title}"
                if (missed := await _step(step, title, wire)) is not None:
                    return held, missed
                held.append(title)
    except TimeoutError:
        seen = f"{len(wire.buffer)} byte i tide uden det" if wire.buffer else "intet svar i tide"
        return held, Miss(Reason.TIMEOUT, title, seen)
    except OSError:
        return held, Miss(Reason.RESET, title, f"afbrudt efter {len(wire.buffer)} byte")
    return held, None


async def _step(step: Step, title: str, wire: Wire) -> Miss | None:
    if step.expect is None:
        await wire.send((step.send or "").encode())
        return None
    while not (found := step.expect.regex.search(wire.buffer)):
        if len(wire.buffer) >= LIMIT:
            return Miss(Reason.TOO_LARGE, title, f"over {LIMIT} byte uden det")
        if not await wire.fill():
            return Miss(Reason.RESET, title, f"afbrudt efter {len(wire.buffer)} byte")
    del wire.buffer[: found.end()]
    return None


def judge(settings: Settings, dialogue: Dialogue, now: datetime) -> Verdict:
    """FAIL at the step that did not hold, WARN where all held but slowly. Pure; `now` plays no part."""
    del now
    held = (Held("forbindelse"), *(Held(title) for title in dialogue.held))
    if dialogue.missed:
        return Verdict(Outcome.FAIL, (dialogue.missed,), held)
    limit = settings.degraded_over
    if limit is not None and dialogue.took > limit:
        return Verdict(Outcome.WARN, (Miss(Reason.SLOW, f"under {limit:g} s", f"{dialogue.took:.1f} s"),), held)
    return Verdict(Outcome.OK, (), held)
