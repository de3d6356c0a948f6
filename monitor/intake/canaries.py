"""`POST /api/v1/canaries/{name}`: the alarm centre's side says that a test unit's message has come out.

Only a name some check of kind `canary` waits for is there, and only with its token (`Authorization: Bearer`); what else
a call carries is bounded and left aside.
"""

from collections.abc import Awaitable, Callable, Mapping

import structlog

from monitor.core.finding import CheckName
from monitor.intake.call import FOREIGN, UNREADY, Call, Receive, Refused, Scope, Send, shows
from monitor.plan.settings import CheckSettings
from monitor.ports import SecretMissing

log = structlog.get_logger(__name__)

PREFIX = "/api/v1/canaries/"
_TAKEN = 204
_BEARER = "bearer "


class Canaries:
    """The ASGI app. `checks` are read at each call, since the plan may be swapped; `came(name)` keeps that it came."""

    def __init__(
        self,
        checks: Callable[[], Mapping[CheckName, CheckSettings]],
        secret: Callable[[str], str],
        came: Callable[[str], Awaitable[None]],
    ) -> None:
        self._checks = checks
        self._secret = secret
        self._came = came

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One call (ASGI 3, HTTP)."""
        status = _TAKEN
        try:
            await self._take(scope["path"].removeprefix(PREFIX), Call(scope, receive))
        except Refused as refused:
            status = refused.status
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def _take(self, name: str, call: Call) -> None:
        token = self._token(name)
        if token is None:
            raise Refused(FOREIGN, "foreign")
        call.only("POST")
        given = call.header(b"authorization")
        shows(given[len(_BEARER) :] if given.lower().startswith(_BEARER) else "", self._known(token))
        await call.body()
        await self._came(name)

    def _token(self, name: str) -> str | None:
        """What the token of this webhook is looked up by; None when no check waits for it."""
        for check in self._checks().values():
            outlet = getattr(check, "arrives", None)
            if name and getattr(outlet, "webhook", None) == name:
                return str(getattr(outlet, "token", ""))
        return None

    def _known(self, name: str) -> str:
        try:
            return self._secret(name)
        except SecretMissing as error:
            log.warning("call_not_taken", wrong=str(error))
            raise Refused(UNREADY, "no_secret") from error
