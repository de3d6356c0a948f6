"""The way through Nexus' API, stage by stage: discovery, token, home, one relation.

The token is kept until a minute before its end, in this process' memory alone, and is in no repr, fault or log.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from checks.expect import content_of, document_of
from checks.httpwire.address import Url, join
from checks.httpwire.request import Request, in_header
from checks.httpwire.session import Session
from checks.jsonpath import ABSENT
from monitor.core.fault import ProbeFault
from monitor.core.finding import Miss, Reason
from monitor.ports import ProbeContext

PERSONAL: Final = re.compile(r"patient|citizen|activeassignment|preferences|professional", re.IGNORECASE)
"""Relations and addresses that lead to persons: never asked for."""
_SPARE: Final = 60.0
_DAY: Final = 86_400.0
_OK: Final = 200
_UNAUTHORIZED: Final = 401


@dataclass(frozen=True, slots=True)
class Door:
    """Where to go and as whom: `realm` at the token host, `home` at the instance, `client` names two secrets.

    `follow` is the one relation gone after, `required` are those that must be there; `login_every` counts probes.
    """

    realm: Url
    home: Url
    client: tuple[str, str]
    follow: str
    required: tuple[str, ...]
    login_every: int


@dataclass(frozen=True, slots=True)
class Stage:
    """One answer without what it held. `fault` came instead of it; `content` stood where JSON should; `lacks` in it."""

    name: str
    shared: bool
    """At the token host, which all municipalities share; else at the instance."""
    status: int = 0
    error: str = ""
    """The OAuth2 error of a 400 (RFC 6749 section 5.2), a word of the standard's."""
    content: str = ""
    lacks: str = ""
    fault: Miss | None = None

    @property
    def good(self) -> bool:
        """Whether the next stage makes sense."""
        return self.status == _OK and not (self.content or self.lacks or self.fault)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A token until `until` on the monotonic clock, and how many probes it has served."""

    token: str = field(repr=False)
    until: float
    served: int = 0


class Visit:
    """One probe's way. `stages` tells how far it came; what went wrong in the last of them is in it."""

    def __init__(self, door: Door, context: ProbeContext) -> None:
        self.stages: list[Stage] = []
        self._door, self._context = door, context
        self._name, self._shared = "opslag", True

    async def make(self, session: Session) -> None:
        """Go as far as the answers let us. Raises what a request raises, and ProbeFault for a link led astray."""
        kept = self._kept()
        token = kept or await self._log_in(session)
        if not token:
            return
        home: Any = await self._get(session, "hjem", self._door.home, token)
        if self.stages[-1].status == _UNAUTHORIZED and kept:
            # A token may be called back before its time: only a fresh one refused is the instance's fault.
            self.stages.clear()
            token = await self._log_in(session)
            home = await self._get(session, "hjem", self._door.home, token) if token else ABSENT
        if self._good():
            await self._follow(session, home, token)

    def fault(self, miss: Miss) -> None:
        """The stage that was going on ended so."""
        self.stages.append(Stage(self._name, self._shared, fault=miss))

    def _good(self) -> bool:
        return self.stages[-1].good

    def _kept(self) -> str:
        """The token of an earlier probe, empty when a login is due; a login that failed stays due."""
        kept: _Kept | None = self._context.memory.pop("token", None)
        if kept is None or kept.served >= self._door.login_every or self._context.monotonic() >= kept.until:
            return ""
        self._context.memory["token"] = _Kept(kept.token, kept.until, kept.served + 1)
        return kept.token

    async def _log_in(self, session: Session) -> str:
        """A new token, empty when there is none."""
        self._context.memory.pop("token", None)
        where = join(self._door.realm, ".well-known/openid-configuration")
        found = await self._ask(session, "opslag", True, Request("GET", where), ("token_endpoint",))
        if not self._good():
            return ""
        endpoint = self._at(self._door.realm, found["token_endpoint"])
        name, secret = (self._context.secret(one) for one in self._door.client)
        form = {"grant_type": "client_credentials", "client_id": name, "client_secret": secret}
        request = Request("POST", endpoint, (("Content-Type", "application/x-www-form-urlencoded"),))
        request = request.with_body(urlencode(form).encode())
        answer = await self._ask(session, "token", True, request, ("access_token",))
        if not self._good():
            return ""
        return self._keep(in_header(str(answer["access_token"])), answer.get("expires_in"))

    def _keep(self, token: str, lives: Any) -> str:
        seconds = float(lives) if isinstance(lives, int | float) and 0 < lives < _DAY else 0.0
        if seconds > _SPARE:
            self._context.memory["token"] = _Kept(token, self._context.monotonic() + seconds - _SPARE, 1)
        return token

    async def _follow(self, session: Session, home: Any, token: str) -> None:
        links = home["_links"] if isinstance(home["_links"], dict) else {}
        lacks = next((rel for rel in (self._door.follow, *self._door.required) if rel not in links), "")
        if lacks:
            self.stages[-1] = Stage("hjem", False, _OK, lacks=lacks)
            return
        link = links[self._door.follow]
        href = link.get("href") if isinstance(link, dict) else None
        self._name = self._door.follow
        url = self._at(self._door.home, href)
        if PERSONAL.search(url.target.removeprefix(self._door.home.target)):
            raise ProbeFault(Reason.CONTENT, "et link uden personer", "et andet")
        found = await self._get(session, self._door.follow, url, token)
        if self._good() and not (isinstance(found, list) and found):
            self.stages[-1] = Stage(self._door.follow, False, _OK, lacks="mindst ét element")

    def _at(self, base: Url, href: object) -> Url:
        """A link of an answer's, which may lead nowhere but to the host it came from. Raises ProbeFault."""
        try:
            url = join(base, str(href).partition("{")[0])
        except ValueError as exc:
            raise ProbeFault(Reason.CONTENT, "et link på egen vært", "et ugyldigt") from exc
        if url.origin != base.origin or not isinstance(href, str):
            raise ProbeFault(Reason.CONTENT, "et link på egen vært", "et andet")
        return url

    async def _get(self, session: Session, name: str, url: Url, token: str) -> Any:
        needs = ("_links",) if name == "hjem" else ()
        request = Request("GET", url, (("Authorization", f"Bearer {token}"), ("Accept", "application/json")))
        return await self._ask(session, name, False, request, needs)

    async def _ask(self, session: Session, name: str, shared: bool, request: Request, needs: tuple[str, ...]) -> Any:
        """The answer as JSON, after its stage is noted; `needs` are members it must have."""
        self._name, self._shared = name, shared
        self._context.facts["where"] = "token" if shared else "instance"
        reply = await session.ask(request)
        document = document_of(reply)
        members = document if isinstance(document, dict) else {}
        lacks = next((one for one in needs if one not in members), "")
        content = content_of(reply) if document is ABSENT else ""
        error = str(members.get("error", ""))[:30] if shared else ""
        self.stages.append(Stage(name, shared, reply.status, error, content, lacks))
        return document
