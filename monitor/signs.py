"""Tells whoever watches us from outside that we live: one small request, and what came of it.

Silence is the sign that something is wrong, so nothing here ever sends by itself; the address is never said, be it in
a log, a finding or an exception.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from monitor.plan.dead_man import DeadMan, is_address
from monitor.ports import SecretMissing

if TYPE_CHECKING:
    import httpx

_LONGEST = 4096
"""Octets read of the answer, which nobody reads."""


class Signs:
    """`secret(name)` gives the address where the settings name one."""

    def __init__(self, secret: Callable[[str], str]) -> None:
        self.secret = secret
        self._client: httpx.AsyncClient | None = None

    async def send(self, settings: DeadMan, said: str = "", *, failed: bool = False) -> str:
        """Tell that we live, with a few words where there are any (`failed`: that we do not). Empty when it was taken,
        else what was wrong, in Danish and short."""
        try:
            address = settings.url or self.secret(settings.secret or "").strip()
        except (SecretMissing, OSError):
            return "adressen mangler"
        if not is_address(address):
            return "adressen er ingen adresse"
        if self._client is None:
            # Reading the certificates takes longer than a probe may be late.
            self._client = await asyncio.to_thread(_made)
        try:
            async with asyncio.timeout(settings.timeout):
                return await _told(self._client, _failing(address) if failed else address, said)
        except TimeoutError:
            return "svarer ikke"
        except Exception as error:
            # Whatever a client, a proxy's address or a hostile answer comes up with: it is not taken, and that is all.
            return f"kan ikke nås ({type(error).__name__})"


def _made() -> "httpx.AsyncClient":
    """A client that keeps no connection: a minute later it would be closed just when it is used."""
    import httpx

    return httpx.AsyncClient(timeout=None, limits=httpx.Limits(max_keepalive_connections=0))  # noqa: S113 the caller's


async def _told(client: "httpx.AsyncClient", address: str, said: str) -> str:
    """GET, which every such service takes; POST where there is something to say."""
    headers = {"User-Agent": "Omsorgsvagt", "Accept-Encoding": "identity"}
    method = "POST" if said else "GET"
    async with client.stream(method, address, content=said.encode()[:1000], headers=headers) as answer:
        read = 0
        async for part in answer.aiter_raw():
            read += len(part)
            if read > _LONGEST:
                break
        return "" if answer.is_success else f"svarer {answer.status_code}"


def _failing(address: str) -> str:
    path, mark, query = address.partition("?")
    return f"{path.rstrip('/')}/fail{mark}{query}"
