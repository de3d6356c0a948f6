"""One heartbeat to a nødkald receiver, and its acknowledgement by whichever way it comes (SS 91100, RFC 3428).

A SIP 200 says only that the message was carried: the exchange is over when an `mrs` with the heartbeat's `ref` is here,
in the 200's body, in a MESSAGE on the same line, or in one to a port of ours.
"""

import asyncio
import contextlib
import secrets
from dataclasses import replace
from typing import Final

from checks.sip_client import Draft, Line, ask
from checks.sip_digest import ANSWERED_BY, Asking, Login, answer
from checks.sip_server import Ears, Server, serve
from monitor.core import scaip, sip
from monitor.core.fault import ProbeFault
from monitor.ports import ProbeContext

CARRIED: Final = range(200, 300)
"""SIP codes that say the message arrived, and no more."""


class _Enough(Exception):
    """The acknowledgement came on the line before the SIP answer did."""


class Exchange:
    """What is known so far, also when the time is up.

    `status` is the SIP answer's code, 0 while there is none; `took` the seconds from the first request to `mrs`.
    `others` counts acknowledgements of other messages, `unreadable` bodies that held none.
    """

    def __init__(self, ref: str, login: Login | None, context: ProbeContext) -> None:
        self.status = 0
        self.mrs: scaip.Mrs | None = None
        self.took = 0.0
        self.others = 0
        self.unreadable = 0
        self._ref, self._login, self._context = ref, login, context
        self._began, self._ignored = 0.0, 0
        self._answered, self._over = asyncio.Event(), asyncio.Event()
        self._server = Server(self._take)

    async def run(self, line: Line, draft: Draft, ears: Ears | None, until: float) -> None:
        """Until an acknowledgement or a refusal is here; one that was carried is given up at `until` (monotonic).

        Waits for ever for the SIP answer: the caller bounds it. Raises OSError, ssl.SSLError, ProbeFault.
        """
        self._began = self._context.monotonic()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._converse(line, draft, alone=ears is None))]
            if ears:
                tasks.append(group.create_task(serve(ears, self._server)))
            await self._answered.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(until - self._context.monotonic()):
                    await self._over.wait()
            for task in tasks:
                task.cancel()

    async def _converse(self, line: Line, draft: Draft, *, alone: bool) -> None:
        try:
            final = await self._final(line, draft)
            self._context.facts["status"] = self.status = final.status
            self._answered.set()
            if self.status not in CARRIED:
                self._over.set()
            elif final.body:
                self._take(final.body)
            while not self._over.is_set():
                await self._beside(line, await line.hear())
        except _Enough:
            return
        except (OSError, ProbeFault):
            # Carried, and then cut: the acknowledgement can still come to our own port, or else not at all.
            if self.status not in CARRIED:
                raise
            if alone:
                self._over.set()

    async def _final(self, line: Line, draft: Draft) -> sip.Response:
        """The final answer, after one retry where a login is asked for (RFC 3261 §22.2)."""

        async def beside(message: bytes) -> None:
            await self._beside(line, message)
            if self.mrs:
                raise _Enough

        found = await ask(line, draft, self._context, beside)
        if found.status not in ANSWERED_BY or not self._login:
            return found
        asking = Asking(draft.method, draft.uri, draft.body, secrets.token_hex(8))
        header = answer(found, self._login, asking)
        if not header:
            return found
        return await ask(line, replace(draft, number=2, headers=(*draft.headers, header)), self._context, beside)

    async def _beside(self, line: Line, message: bytes) -> None:
        """What is no answer to the request: answered when it is a request to us, else counted."""
        found = self._server.answer(message, line.theirs)
        if found:
            await line.send(found[0])
        else:
            self._ignored += 1
            self._context.facts["ignored"] = self._ignored

    def _take(self, body: bytes) -> bool:
        """Whether a body holds an acknowledgement, ours or another's; the first of ours counts."""
        try:
            found = scaip.parse(body)
        except scaip.Malformed:
            found = None
        if not isinstance(found, scaip.Mrs):
            self.unreadable += 1
        elif found.ref != self._ref:
            self.others += 1
        elif self.mrs is None:
            self.mrs, self.took = found, self._context.monotonic() - self._began
            self._context.facts |= {"snu": found.snu, "mrs_seconds": self.took}
            self._answered.set()
            self._over.set()
        return isinstance(found, scaip.Mrs)
