"""`nexus`: the omsorgssystem's own door for machines, from the shared token host to one list of the municipality's.

No patient is ever asked for: one relation is followed, on the instance's own host only, and what it holds is dropped
(DOMAIN section 2). The instance and the token host are told apart: the one down is ours, the other everybody's.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from checks.expect import Latency, conclude, pace
from checks.failure import miss_of, timed_out
from checks.httpwire.address import join, parse
from checks.httpwire.limits import Limits
from checks.httpwire.request import Address
from checks.httpwire.send import Trust
from checks.httpwire.session import session
from checks.nexus_client import PERSONAL, Door, Stage, Visit
from checks.wire import budget
from monitor.core.finding import Held, Miss, Reason, Verdict
from monitor.plan.settings import CheckSettings, SecretName
from monitor.ports import ProbeContext

_REFUSALS: Final = frozenset({"invalid_client", "invalid_grant", "unauthorized_client"})
_OK: Final = 200


def _impersonal(rel: str) -> str:
    if PERSONAL.search(rel):
        raise ValueError(f"{rel} leads to persons; a probe follows for instance organizations")
    return rel


Rel = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,60}$")]


class Settings(CheckSettings, Latency):
    """Which `instance`, as whom (names of secrets), and the one relation to `follow`."""

    kind: Literal["nexus"]
    instance: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,60}$")]
    iam: Address = parse("https://iam.nexus.kmd.dk")
    """The token host; it has moved before."""
    api: Address | None = None
    """The instance's own host: https://{instance}.nexus.kmd.dk unless said."""
    client_id: SecretName = "nexus_client_id"
    client_secret: SecretName = "nexus_client_secret"  # noqa: S105 -- the name of a secret, not one
    follow: Annotated[Rel, AfterValidator(_impersonal)] = "organizations"
    required: Annotated[tuple[Rel, ...], Field(max_length=20)] = ()
    """Further relations that home must show; they are not followed."""
    login_every: Annotated[int, Field(ge=1, le=1000)] = 10
    """A fresh login at least every so many probes, whatever the token's own life."""
    ca_file: str = ""
    body_limit: Annotated[int, Field(ge=1024, le=16_777_216)] = 2_097_152

    @cached_property
    def door(self) -> Door:
        """Where to go and as whom."""
        own = self.api or parse(f"https://{self.instance}.nexus.kmd.dk")
        return Door(
            realm=join(self.iam, f"/authx/realms/{self.instance}/"),
            home=join(own, f"/api/core/mobile/{self.instance}/v2/"),
            client=(self.client_id, self.client_secret),
            follow=self.follow,
            required=self.required,
            login_every=self.login_every,
        )


@dataclass(frozen=True, slots=True)
class Visited:
    """The stages as far as they went, and seconds for all."""

    stages: tuple[Stage, ...]
    took: float


async def probe(settings: Settings, context: ProbeContext) -> Visited:
    """Ask once, with the kept token or a new one. The fact `where` is the host that is asked: token or instance."""
    began, visit = context.monotonic(), Visit(settings.door, context)
    trust, limits = Trust(settings.ca_file), Limits(body=settings.body_limit)
    try:
        async with asyncio.timeout(budget(settings.timeout)), session(trust, limits, context) as visitor:
            await visit.make(visitor)
    except TimeoutError:
        visit.fault(timed_out(settings.timeout, context.phases))
    except Exception as exc:
        visit.fault(miss_of(exc))
    return Visited(tuple(visit.stages), context.monotonic() - began)


def judge(settings: Settings, measurement: Visited, now: datetime) -> Verdict:
    """Our own client refused is UNKNOWN; anything else amiss, a page instead of JSON too, is FAIL; slow is WARN."""
    del now
    outcome, told = pace(measurement.took, settings)
    return conclude([*(one for stage in measurement.stages for one in _told(stage)), *told], outcome)


def _told(stage: Stage) -> Iterator[Miss | Held]:
    where = f"{'fælles login' if stage.shared else 'instansen'}, {stage.name}:"
    seen = f"status {stage.status}"
    if stage.fault:
        yield replace(stage.fault, expected=f"{where} {stage.fault.expected}")
    elif _refused(stage):
        yield Miss(Reason.CREDENTIALS, f"{where} adgang", seen)
    elif 300 <= stage.status < 400:
        yield Miss(Reason.REDIRECTS, f"{where} svar uden viderestilling", seen)
    elif stage.status != _OK:
        yield Miss(Reason.STATUS, f"{where} status 200", seen)
    elif stage.content:
        yield Miss(Reason.CONTENT, f"{where} JSON", stage.content)
    elif stage.lacks:
        yield Miss(Reason.JSON, f"{where} {stage.lacks}", "mangler")
    else:
        yield Held(f"{where} JSON", seen)


def _refused(stage: Stage) -> bool:
    """401 and 403 at the token, and 403 at the instance: our client lacks a right. 401 for a fresh token is theirs."""
    if stage.shared and stage.name == "token":
        return stage.status in (401, 403) or stage.error in _REFUSALS
    return stage.status == 403 and not stage.shared
