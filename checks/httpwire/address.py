"""A web address taken apart once: what to connect to and what to ask for.

Only http and https, never with a user or password in it; whatever text it came from, it is safe to put on the wire.
"""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

_PORTS: Final = {"http": 80, "https": 443}
_HOST: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
_LONGEST: Final = 8192
_NAME: Final = 253
_SAFE: Final = "%/:=&?~+!$,;'@()*[]|"


@dataclass(frozen=True, slots=True)
class Url:
    """`host` is lower case, ASCII, without brackets; `target` is path and query, percent-encoded."""

    scheme: str
    host: str
    port: int
    target: str
    literal: bool

    @property
    def tls(self) -> bool:
        """Whether it is reached over TLS."""
        return self.scheme == "https"

    @property
    def origin(self) -> tuple[str, str, int]:
        """What two addresses share when they are the same server (RFC 6454 section 4)."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them (RFC 9110 section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


def parse(text: str) -> Url:
    """Take an absolute address apart. Raises ValueError saying what is wrong, without repeating the address."""
    if len(text) > _LONGEST:
        raise ValueError(f"the address is longer than {_LONGEST} characters")
    parts = urlsplit(text.strip())
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("write the whole address, for instance https://portal.example/login")
    if "@" in parts.netloc:
        raise ValueError("no user or password in an address; use auth with the name of a secret")
    host, literal = _host(parts.hostname)
    port = _PORTS[parts.scheme] if parts.port is None else parts.port
    if port == 0:
        raise ValueError("port 0 cannot be reached")
    query = f"?{quote(parts.query, safe=_SAFE)}" if parts.query else ""
    return Url(parts.scheme, host, port, (quote(parts.path, safe=_SAFE) or "/") + query, literal)


def join(base: Url, location: str) -> Url:
    """The address a Location header or a form's action means, seen from `base`. Raises ValueError."""
    if len(location) > _LONGEST:
        raise ValueError(f"the address is longer than {_LONGEST} characters")
    return parse(urljoin(str(base), location.strip()))


def _host(name: str) -> tuple[str, bool]:
    """The host as it is looked up, and whether it is an IP address. Raises ValueError."""
    if ":" in name or name.replace(".", "").isdigit():
        if "%" in name:
            raise ValueError("an address with a zone is this machine's own affair")
        return str(ip_address(name)), True
    ascii_name = name.lower() if name.isascii() else name.encode("idna").decode("ascii").lower()
    if len(ascii_name) > _NAME or not _HOST.fullmatch(ascii_name):
        raise ValueError("the host is neither a name nor an IP address")
    return ascii_name, False
