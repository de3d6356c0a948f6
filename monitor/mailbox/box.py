"""A mailbox over time: each mail is handed out once, and marked as seen in the turn after it was handled.

Killed in between, it is read again: whoever handles a mail must not mind seeing it twice.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from functools import partial

from monitor.core.fault import ProbeFault
from monitor.core.finding import Reason
from monitor.mailbox import imap, maildir
from monitor.mailbox.aside import Aside
from monitor.mailbox.letters import RECENT, Letter, Wanted
from monitor.mailbox.place import Place

_REMEMBERED = 10_000


class Box:
    """One mailbox. `secret(name)` raises SecretMissing."""

    def __init__(self, place: Place, secret: Callable[[str], str], now: Callable[[], datetime]) -> None:
        self._place = place
        self._secret = secret
        self._now = now
        self._handled: OrderedDict[str, bool] = OrderedDict()
        """By ident: whether it is still to be marked."""
        self._turn: Aside[list[Letter]] | None = None

    def handled(self, letter: Letter) -> None:
        """It has been acted on: it is not handed out again."""
        self._handled[letter.ident] = True
        while len(self._handled) > _REMEMBERED:
            self._handled.popitem(last=False)

    async def read(self, largest: int, since: datetime | None = None) -> list[Letter]:
        """What has come (since then, or lately) and nobody has seen, at most some dozens, each its first octets.

        Raises ProbeFault, OSError, ssl.SSLError, SecretMissing; TIMEOUT as long as an earlier look still hangs.
        """
        if self._turn is not None and self._turn.hangs:
            raise ProbeFault(Reason.TIMEOUT, "postkassen svarer", "hænger siden sidst")
        done = tuple(ident for ident, waits in self._handled.items() if waits)
        wanted = Wanted(done, frozenset(self._handled), since or self._now() - RECENT, largest)
        found = await (self._of_server(wanted) if self._place.imap else self._of_folder(wanted))
        for ident in done:
            self._handled[ident] = False
        return found

    async def _of_server(self, wanted: Wanted) -> list[Letter]:
        place, line = self._place, imap.Line()
        password = self._secret(place.password)
        return await self._bounded(partial(imap.turn, place, password, wanted, line), line.cut)

    async def _of_folder(self, wanted: Wanted) -> list[Letter]:
        folder = self._place.maildir
        if folder is None:
            raise ProbeFault(Reason.INTERNAL, "en postkasse", "ingen")
        return await self._bounded(partial(maildir.turn, folder, wanted), lambda: None)

    async def _bounded(self, work: Callable[[], list[Letter]], cut: Callable[[], None]) -> list[Letter]:
        turn = self._turn = Aside(work, "mailbox")
        try:
            async with asyncio.timeout(self._place.timeout):
                return await turn.answer()
        except TimeoutError as fault:
            raise ProbeFault(
                Reason.TIMEOUT, f"postkassen svarer inden {self._place.timeout:g} s", "intet svar"
            ) from fault
        finally:
            cut()
