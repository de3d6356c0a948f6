"""Several requests in a row as one visitor, for `flow` and `phoniro`: their settings, the walking, the judging.

A step that misses ends the walk, and secrets go only to origins that are written in the configuration.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from pydantic import Field, model_validator

from checks.carry import Take, ValueName, as_is, fill, in_address, in_json, places
from checks.expect import Expect, Latency, conclude, document_of, look, pace
from checks.failure import miss_of, timed_out
from checks.httpwire.address import Url, join, parse
from checks.httpwire.follow import Redirects, Reply, follow
from checks.httpwire.limits import Limits
from checks.httpwire.request import Address, Auth, HeaderName, Request, in_header
from checks.httpwire.send import Trust
from checks.httpwire.session import Session, session
from checks.wire import budget
from monitor.core.fault import ProbeFault
from monitor.core.finding import Held, Miss, Outcome, Reason, Verdict
from monitor.plan.settings import CheckSettings, Strict
from monitor.ports import ProbeContext

_REFUSED: Final = frozenset({401, 403})
_REFUSALS: Final = frozenset({"invalid_grant", "invalid_client", "unauthorized_client", "access_denied"})


class Step(Strict):
    """One request. Text in `url`, `headers`, `form` and `body` may hold `{name}` of a value taken before.

    `{secret:name}` may stand anywhere but in an address, which ends up in logs. `login` marks the step where the
    probe says who it is: being refused there is our own credentials' fault.
    """

    name: Annotated[str, Field(min_length=1, max_length=40)]
    url: Annotated[str, Field(min_length=1, max_length=2000)]
    method: Literal["GET", "HEAD", "POST", "PUT"] | None = None
    headers: dict[HeaderName, Annotated[str, Field(max_length=4096)]] = Field(default={}, max_length=50)
    form: dict[str, str] = Field(default={}, max_length=50)
    body: Annotated[str, Field(max_length=65_536)] = ""
    auth: Auth | None = None
    redirects: Annotated[int, Field(ge=0, le=20)] = 5
    login: bool = False
    expect: Expect = Expect()
    take: dict[ValueName, Take] = Field(default={}, max_length=20)

    @model_validator(mode="after")
    def _whole(self) -> "Step":
        if self.form and self.body:
            raise ValueError("write either form or body")
        if any(is_secret for is_secret, _ in places(self.url)):
            raise ValueError("no secret in an address; write it in headers, form or body")
        _ = self.fixed_origin  # raises for an address whose host is not written out
        return self

    @property
    def wants(self) -> set[str]:
        """The names of the values it needs from earlier steps."""
        texts = [self.url, self.body, *self.headers.values(), *self.form.values()]
        return {name for text in texts for is_secret, name in places(text) if not is_secret}

    @property
    def fixed_origin(self) -> tuple[str, str, int] | None:
        """Where it goes, when that is written out; None for an address that is taken or relative. Raises ValueError."""
        if not self.url.startswith(("http://", "https://")):
            return None
        scheme, _, rest = self.url.partition("://")
        return parse(f"{scheme}://{rest.partition('/')[0].partition('?')[0]}/").origin


class Walk(CheckSettings, Latency):
    """What a flow's settings hold. `origins` are further servers a step's address may turn out to lie on."""

    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=20)]
    origins: tuple[Address, ...] = ()
    allow_downgrade: bool = False
    ca_file: str = ""
    verify: bool = True
    body_limit: Annotated[int, Field(ge=0, le=16_777_216)] = 262_144

    @model_validator(mode="after")
    def _in_order(self) -> "Walk":
        known: set[str] = set()
        for step in self.steps:
            if missing := step.wants - known:
                raise ValueError(f"step {step.name}: {{{min(missing)}}} is taken by no earlier step")
            known |= set(step.take)
        if self.steps[0].fixed_origin is None:
            raise ValueError("the first step's address is written out whole, for instance https://portal.example/")
        return self

    @property
    def known_origins(self) -> set[tuple[str, str, int]]:
        """Where secrets and taken values may go."""
        written = {step.fixed_origin for step in self.steps}
        return {origin for origin in written if origin} | {url.origin for url in self.origins}


@dataclass(frozen=True, slots=True)
class Walked:
    """One step that was tried: with a reply to judge, or with the fault that came instead."""

    step: Step
    reply: Reply | None = field(default=None, repr=False)
    fault: Miss | None = None


@dataclass(frozen=True, slots=True)
class Trail:
    """The steps as far as they went, and seconds for all."""

    steps: tuple[Walked, ...]
    took: float


async def walk(settings: Walk, context: ProbeContext) -> Trail:
    """Take the steps once. The fact `step` is the one it stands at.

    Raises nothing for what happens in a step, the time's running out included: that is the step's fault.
    """
    began, done = context.monotonic(), list[Walked]()
    trust, limits = Trust(settings.ca_file, settings.verify), Limits(body=settings.body_limit)
    step = settings.steps[0]
    try:
        async with asyncio.timeout(budget(settings.timeout)), session(trust, limits, context) as visitor:
            way = _Way(settings, visitor, context)
            for step in settings.steps:
                context.facts["step"] = step.name
                done.append(Walked(step, await way.go(step)))
                if any(isinstance(one, Miss) and one.reason is not Reason.SLOW for one in told(done[-1])):
                    break
                way.take(step)
    except TimeoutError:
        done.append(Walked(step, fault=timed_out(settings.timeout, context.phases)))
    except Exception as exc:
        done.append(Walked(step, fault=miss_of(exc)))
    return Trail(tuple(done), context.monotonic() - began)


class _Way:
    """One walk's own state: where it is and what it carries."""

    def __init__(self, settings: Walk, visitor: Session, context: ProbeContext) -> None:
        self._settings, self._visitor, self._context = settings, visitor, context
        self._values: dict[str, str] = {}
        self._reply: Reply | None = None

    async def go(self, step: Step) -> Reply:
        rules = Redirects(step.redirects, self._settings.allow_downgrade, step.expect.status.codes)
        self._reply = await follow(self._visitor.ask, self._request(step), rules, self._visitor.cookies)
        return self._reply

    def take(self, step: Step) -> None:
        cookies = dict(self._visitor.cookies())
        if self._reply:
            self._values |= {name: take.out_of(self._reply, cookies) for name, take in step.take.items()}

    def _request(self, step: Step) -> Request:
        headers = [(name, in_header(self._fill(value, as_is))) for name, value in step.headers.items()]
        body = self._fill(step.body, in_json if step.body.startswith(("{", "[")) else as_is)
        if step.form:
            body = urlencode({name: self._fill(value, as_is) for name, value in step.form.items()})
            headers.append(("Content-Type", "application/x-www-form-urlencoded"))
        if step.auth:
            headers.append(("Authorization", step.auth.value(self._context)))
        method = step.method or ("POST" if body else "GET")
        return Request(method, self._address(step), tuple(headers), body.encode())

    def _address(self, step: Step) -> Url:
        """Raises ProbeFault where an answer's word would lead to a server nobody wrote down."""
        if step.fixed_origin or self._reply is None:
            return parse(self._fill(step.url, in_address))
        try:
            url = join(self._reply.url, self._fill(step.url, as_is if step.url.startswith("{") else in_address))
        except ValueError as exc:
            raise ProbeFault(Reason.CONTENT, "en adresse til næste trin", "en ugyldig") from exc
        if url.origin not in self._settings.known_origins:
            raise ProbeFault(Reason.CONTENT, "en adresse på en kendt vært", "en anden vært")
        return url

    def _fill(self, text: str, escape: Any) -> str:
        return fill(text, self._values, self._context.secret, escape)


def judged(settings: Walk, trail: Trail) -> Verdict:
    """The first step that missed decides; a refused login is ours (UNKNOWN); slowness is of a step or of all. Pure."""
    outcomes, results = [], list[Miss | Held]()
    for walked in trail.steps:
        results += told(walked)
        outcomes += [pace(walked.reply.took, walked.step.expect)[0]] if walked.reply else []
    outcome, whole = pace(trail.took, settings)
    outcomes.append(outcome)
    worst = next((one for one in (Outcome.FAIL, Outcome.WARN) if one in outcomes), Outcome.OK)
    return conclude([*results, *whole], worst)


def told(walked: Walked) -> Iterator[Miss | Held]:
    """What one step has to tell, each with the step's name before it. Pure."""
    name, reply = walked.step.name, walked.reply
    if walked.fault:
        yield replace(walked.fault, expected=f"{name}: {walked.fault.expected}")
    if reply is None:
        return
    if walked.step.login and _refused(walked.step, reply):
        yield Miss(Reason.CREDENTIALS, f"{name}: adgang", f"status {reply.status}")
        return
    _, paced = pace(reply.took, walked.step.expect)
    yield from (replace(one, expected=f"{name}: {one.expected}") for one in [*look(walked.step.expect, reply), *paced])


def _refused(step: Step, reply: Reply) -> bool:
    """Whether the answer says that we, not the system, are at fault (RFC 9110 section 15.5, RFC 6749 section 5.2)."""
    if reply.status in step.expect.status.codes:
        return False
    if reply.status in _REFUSED:
        return True
    document = document_of(reply) if reply.status == 400 else None
    return isinstance(document, dict) and document.get("error") in _REFUSALS
