"""`http`: one page or service asked once, redirections included, and its answer held against what is expected.

The plain probe is what the service does most: it runs on our own wire (`checks.httpwire`), not on a general client.
"""

from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field

from checks.expect import Expect, Latency, conclude, look, pace
from checks.httpwire.cookies import Jar
from checks.httpwire.follow import Redirects, Reply, follow
from checks.httpwire.limits import Limits
from checks.httpwire.request import Address, Auth, HeaderName, HeaderValue, Request
from checks.httpwire.send import Trust, send
from monitor.core.finding import Verdict
from monitor.plan.settings import CheckSettings
from monitor.ports import ProbeContext


class Settings(CheckSettings, Latency):
    """What to ask, as whom, and what the answer must be. `degraded_over` and `fail_over` bound the whole probe."""

    kind: Literal["http"]
    url: Address
    method: Literal["GET", "HEAD", "POST", "PUT", "OPTIONS"] = "GET"
    headers: dict[HeaderName, HeaderValue] = Field({}, max_length=50)
    auth: Auth | None = None
    body: Annotated[str, Field(max_length=65_536)] = ""
    redirects: Annotated[int, Field(ge=0, le=20)] = 5
    allow_downgrade: bool = False
    """Whether a redirection may lead from https to http."""
    ca_file: str = ""
    verify: bool = True
    server_name: Annotated[str, Field(max_length=253)] = ""
    body_limit: Annotated[int, Field(ge=0, le=16_777_216)] = 262_144
    expect: Expect = Expect()

    @cached_property
    def request(self) -> Request:
        """The request without its Authorization."""
        return Request(self.method, self.url, tuple(self.headers.items()), self.body.encode())

    @cached_property
    def limits(self) -> Limits:
        """How much of an answer is taken in."""
        return Limits(body=self.body_limit)

    @cached_property
    def trust(self) -> Trust:
        """Whom to believe."""
        return Trust(self.ca_file, self.verify, self.server_name)

    @cached_property
    def rules(self) -> Redirects:
        """How far to follow; a status that is expected is followed no further."""
        return Redirects(self.redirects, self.allow_downgrade, self.expect.status.codes)


async def probe(settings: Settings, context: ProbeContext) -> Reply:
    """Ask once. `took` is seconds for all of it. Raises OSError, ssl.SSLError, EOFError, SecretMissing, ProbeFault."""
    request, jar, began = settings.request, Jar(), context.monotonic()
    if settings.auth:
        request = request.with_header("Authorization", settings.auth.value(context))

    async def go(request: Request) -> Reply:
        cookies = jar.line(request.url)
        asked = request.with_header("Cookie", cookies) if cookies else request
        own = request.url.origin == settings.url.origin
        trust = settings.trust if own else replace(settings.trust, server_name="")
        reply = await send(asked, trust, settings.limits, context)
        jar.take(reply)
        return reply

    reply = await follow(go, request, settings.rules, jar.state)
    return replace(reply, took=context.monotonic() - began)


def judge(settings: Settings, measurement: Reply, now: datetime) -> Verdict:
    """Every expectation, held or missed; slow is WARN, or FAIL beyond `fail_over`."""
    del now
    outcome, told = pace(measurement.took, settings, settings.expect)
    return conclude([*look(settings.expect, measurement), *told], outcome)
