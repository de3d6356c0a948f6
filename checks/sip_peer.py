"""Where SIP requests go, as configured: one host over UDP, TCP or TLS; for `sip` and `scaip`.

What stands here is shared by every kind that speaks SIP, so that a host is written alike in each.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field

from checks.trust import Host, Port, TlsSettings

Uri = Annotated[str, Field(pattern=r"^sips?:[!-;=?-~]{1,200}$")]


class Transport(StrEnum):
    """How the messages travel."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


_PORTS = {Transport.UDP: 5060, Transport.TCP: 5060, Transport.TLS: 5061}


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a request goes."""

    host: str
    port: int
    transport: Transport
    server_name: str | None = None
    ca_file: Path | None = None


class PeerSettings(TlsSettings):
    """`uri` is who is asked (the host itself by default); the port is 5060, or 5061 for TLS."""

    host: Host
    port: Port | None = None
    transport: Transport = Transport.UDP
    uri: Uri | None = None

    @property
    def peer(self) -> Peer:
        """Where requests go."""
        port = self.port or _PORTS[self.transport]
        return Peer(self.host, port, self.transport, self.server_name, self.ca_file)

    @property
    def target(self) -> str:
        """The Request-URI."""
        return self.uri or f"sip:{bracketed(self.host)}"


def bracketed(host: str) -> str:
    """A host as it stands in a URI or a Via."""
    return f"[{host}]" if ":" in host else host
