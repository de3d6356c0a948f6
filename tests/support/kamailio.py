"""A real kamailio on loopback that answers OPTIONS by itself over UDP, TCP and TLS, ended by its process id."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.sip_process import free_port, program, running, taken

_CONFIG = """\
debug=1
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{port}
listen=tls:127.0.0.1:{tls}
enable_tls=yes
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "tls.so"
modparam("tls", "certificate", "{pem}")
modparam("tls", "private_key", "{pem}")
modparam("tls", "tls_method", "TLSv1.2+")
request_route {{
    force_rport();
    if ($rU == "syg") {{ sl_send_reply("503", "Service Unavailable"); exit; }}
    if ($rU == "ukendt") {{ sl_send_reply("404", "Not Found"); exit; }}
    if ($rU == "tavs") {{ exit; }}
    sl_send_reply("200", "OK");
}}
"""


@dataclass(frozen=True, slots=True)
class Kamailio:
    """Where it listens: UDP and TCP on `port`, TLS on `tls`."""

    port: int
    tls: int


@contextlib.asynccontextmanager
async def kamailio(folder: Path, pem: bytes) -> AsyncIterator[Kamailio]:
    """A relay whose TLS shows the certificate in `pem` (with its key)."""
    place = Kamailio(free_port(), free_port())
    certificate, config = folder / "kamailio.pem", folder / "kamailio.cfg"
    certificate.write_bytes(pem)
    config.write_text(_CONFIG.format(port=place.port, tls=place.tls, pem=certificate))
    command = [program("kamailio"), "-f", str(config), "-DD", "-E", "-m", "64", "-M", "8", "-Y", str(folder)]
    async with running(command, folder, lambda: taken(place.tls, "tcp")):
        yield place
