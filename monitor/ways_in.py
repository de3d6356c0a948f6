"""What devices come in by, put together: heartbeats over HTTP, and SCAIP over UDP, TCP and TLS.

A port that cannot be had is said and tried again; it stops nothing else.
"""

import asyncio
import ssl
from collections.abc import Callable

from monitor.engine.desk import Clockwork, Desk
from monitor.engine.fleets import Fleets
from monitor.intake import scaip_ports
from monitor.intake.batch import Batches
from monitor.intake.heartbeats import Heartbeats
from monitor.intake.scaip import Receiver
from monitor.settings import ServiceSettings

_LOOK_EVERY = 10.0


class WaysIn:
    """The intakes over the fleets. `beats` and `batches` are handed to the web; `cycle` keeps the SCAIP ports open."""

    def __init__(self, fleets: Fleets, desk: Desk, settings: ServiceSettings) -> None:
        clock = desk.clock
        self.beats = Heartbeats(fleets, _seconds(clock), clock.monotonic)
        self.batches = Batches(self.beats)
        self._desk = desk
        self._settings = settings
        self._receiver = Receiver(fleets, _seconds(clock), clock.monotonic)
        self._places = tuple(scaip_ports.Port(*place) for place in settings.scaip)
        self._opened: list[asyncio.BaseTransport | asyncio.Server] = []
        self._closed = False

    @property
    def listens(self) -> bool:
        """True when devices can reach us by SCAIP at all."""
        return bool(self._places)

    async def cycle(self) -> None:
        """Open the ports that are not open, and wait a while."""
        if not self._opened and not self._closed:
            with self._desk.isolated("scaip"):
                self._opened = await scaip_ports.listen(self._places, self._receiver, self._certificate)
        await asyncio.sleep(_LOOK_EVERY)

    def close(self) -> None:
        """Listen no more."""
        self._closed = True
        scaip_ports.close(self._opened)
        self._opened = []

    def _certificate(self) -> ssl.SSLContext:
        """Raises OSError (ssl.SSLError among them) for a certificate that is none."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        certificate = self._settings.scaip_certificate
        if certificate is None:
            raise OSError("OMSORGSVAGT_SCAIP_CERTIFICATE names no file, and tls: needs one")
        context.load_cert_chain(certificate, self._settings.scaip_key)
        return context


def _seconds(clock: Clockwork) -> Callable[[], float]:
    return lambda: clock.now().timestamp()
