"""`/api/v1/sms/{route}/reply` and `/receipt`: what the SMS gateways bring us, sorted by route and noun.

A route that is not in the plan, or does not give what is asked for, is not there.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

import structlog

from monitor.engine.answers import Answers
from monitor.intake.call import FOREIGN, TAKEN, UNREADY, Call, Receive, Refused, Scope, Send
from monitor.intake.receipts import Receipts, Taker
from monitor.intake.replies import Replies
from monitor.plan.settings import RouteSettings
from monitor.ports import SecretMissing

log = structlog.get_logger(__name__)

PREFIX = "/api/v1/sms/"


class Sms:
    """The ASGI app. `routes` are read at each call, since the plan may be swapped. Without `receipts` none come in."""

    def __init__(
        self,
        answers: Answers,
        routes: Callable[[], tuple[RouteSettings, ...]],
        secret: Callable[[str], str],
        now: Callable[[], datetime],
        receipts: Taker | None = None,
    ) -> None:
        self._routes = routes
        self._secret = secret
        self._nouns: Mapping[str, Replies | Receipts] = {"reply": Replies(answers, self._known, now)}
        if receipts is not None:
            counter = answers.desk.metrics.receipts
            self._nouns = {
                **self._nouns,
                "receipt": Receipts(receipts, lambda *labels: counter.labels(*labels).inc(), self._known, now),
            }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One call (ASGI 3, HTTP)."""
        status = await self._status(scope, receive)
        # Kannel sends what a reply is answered back to the phone.
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def _status(self, scope: Scope, receive: Receive) -> int:
        name, _, rest = scope["path"].removeprefix(PREFIX).partition("/")
        noun = self._nouns.get(rest)
        route = next((r for r in self._routes() if r.name == name), None)
        if noun is None or route is None or not noun.reads(route):
            return FOREIGN
        try:
            await noun.take(route, Call(scope, receive))
        except Refused as refused:
            noun.count(route.name, refused.verdict)
            return refused.status
        return TAKEN

    def _known(self, name: str) -> str:
        try:
            return self._secret(name)
        except SecretMissing as error:
            log.warning("call_not_taken", wrong=str(error))
            raise Refused(UNREADY, "no_secret") from error
