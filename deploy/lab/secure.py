"""An https site whose certificate can expire, lack its chain, carry another name or run out soon.

The authority is made anew at each start and is trusted by nobody but who is given its file.
"""

import ssl
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import ClassVar

from trustme import CA, Blob, LeafCert

from breaking import How
from httpd import HttpDoor, Reply, Request, page
from standin import Clock, StandIn

NAMES = ("localhost", "127.0.0.1", "sikker.lab.example")
_LIVES = timedelta(days=90)


class Authority:
    """The lab's certificate authority with an intermediate, as real ones have."""

    def __init__(self, now: Callable[[], datetime], folder: Path) -> None:
        self._now = now
        self._root = CA(organization_name="Omsorgsvagt lab")
        self._issuer = self._root.create_child_ca()
        self.path = folder / "lab-ca.pem"
        self._root.cert_pem.write_to_path(self.path)

    def context(self, *names: str, days: float | None = None, chain: bool = True) -> ssl.SSLContext:
        """A server's context with a fresh certificate for `names` that ends in so many days (may be past)."""
        end = self._now() + (_LIVES if days is None else timedelta(days=days))
        leaf = self._issuer.issue_cert(*(names or NAMES), not_before=end - 2 * _LIVES, not_after=end)
        return _context(leaf, chain)

    def stranger(self) -> ssl.SSLContext:
        """A certificate for the right names from an authority nobody trusts."""
        return _context(CA().issue_cert(*NAMES), True)


def _context(leaf: LeafCert, chain: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pems: list[Blob] = leaf.cert_chain_pems if chain else leaf.cert_chain_pems[:1]
    with NamedTemporaryFile(suffix=".pem") as file:
        file.write(leaf.private_key_pem.bytes() + b"".join(pem.bytes() for pem in pems))
        file.flush()
        context.load_cert_chain(file.name)
    return context


class SecureSite(StandIn):
    """The site; every change of fault gives it a new certificate."""

    hows: ClassVar = {
        "refuse": How("the port is closed: connections are refused"),
        "expired": How("the certificate ended so many days ago", {"days": 1.0}),
        "expires-in": How("the certificate ends in so many days", {"days": 7.0}),
        "wrong-chain": How("the intermediate certificate is not sent"),
        "untrusted": How("the certificate is from an unknown authority"),
        "wrong-name": How("the certificate is for another name"),
    }

    def __init__(self, clock: Clock, name: str, authority: Authority, port: int = 0) -> None:
        super().__init__(clock)
        self._name = name
        self._authority = authority
        self._web = HttpDoor(self._answer, self.wire, port, self._certificate)
        self.doors = [self._web.door]

    def addresses(self) -> dict[str, str]:
        """Where it is and whom to trust."""
        return {self._name: f"https://localhost:{self._web.door.port}", "tls_ca": str(self._authority.path)}

    async def settle(self) -> None:
        """Open afresh, so that the next handshake meets the certificate of now."""
        await self._web.door.close()
        await super().settle()

    def _certificate(self) -> ssl.SSLContext:
        match self.how:
            case "expired":
                return self._authority.context(days=-self.number("days"))
            case "expires-in":
                return self._authority.context(days=self.number("days"))
            case "wrong-chain":
                return self._authority.context(chain=False)
            case "untrusted":
                return self._authority.stranger()
            case "wrong-name":
                return self._authority.context("andet.lab.example")
            case _:
                return self._authority.context()

    async def _answer(self, _request: Request) -> Reply:
        return page("<!doctype html><html lang=da><title>Sikker side</title><p>Her er alt, som det skal være.")
