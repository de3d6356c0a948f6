"""One HTTP/1.1 exchange on a fresh connection, measured phase by phase.

Whatever happens, cancelling included, the connection is closed when this returns; nothing is pooled or retried.
"""

import asyncio
import socket
import ssl
from dataclasses import dataclass, field
from typing import Any, Final

from checks.failure import miss_of
from checks.httpwire.limits import Limits
from checks.httpwire.reader import Reader, add
from monitor.core.finding import OURS, Phase
from monitor.ports import ProbeContext

_DEFAULT: Final = Limits()
_ADDRESSES: Final = 6
_EXPIRY: Final = "tls_expiry_timestamp_seconds"
_HANDSHAKE: Final = 150.0
"""Above any check's timeout (120 s at most), so that the caller's bound is the one that counts."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, ready to send. `raw` is all of it; `trust` None means no TLS; `name` is the TLS server name."""

    host: str
    port: int
    literal: bool
    raw: bytes = field(repr=False)
    trust: ssl.SSLContext | None = None
    name: str = ""
    head_only: bool = False
    limits: Limits = _DEFAULT


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Header names are lower case; `body` is as sent, still encoded."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    body: bytes = field(repr=False)

    def header(self, name: str) -> str | None:
        """The first value of a header by its lower-case name, None when it is not there."""
        wanted = name.encode()
        return next((value.decode("latin-1").strip() for key, value in self.headers if key == wanted), None)


class Timed:
    """Adds the seconds spent inside to a phase, as `ProbeContext.phase` does, and puts that phase last.

    The last one is where a probe that is cut off stood, also in the second of several exchanges.
    """

    __slots__ = ("_began", "_context", "_phase")

    def __init__(self, context: ProbeContext, phase: Phase) -> None:
        self._context, self._phase, self._began = context, phase, 0.0

    def __enter__(self) -> None:
        self._began = self._context.monotonic()

    def __exit__(self, *_: object) -> None:
        add(self._context.phases, self._phase, self._context.monotonic() - self._began)


async def fetch(call: Call, context: ProbeContext) -> Answer:
    """Connect, send, read. Fills the context's phases and the facts address, status, http_version and those of TLS.

    Raises OSError, ssl.SSLError, EOFError or ProbeFault; bounded in time by the caller alone.
    """
    reader = Reader(call.raw, call.head_only, call.limits, context.monotonic)
    transport: Any = None
    try:
        transport = await _connect(call, context, reader if call.trust is None else _Deaf())
        if call.trust is not None:
            with Timed(context, Phase.TLS):
                transport = await _secure(transport, reader, call.trust, call.name or call.host)
            _tell_of_tls(transport, context)
        reader.send(transport)
        await reader.done
    finally:
        if transport is not None:
            transport.abort()
        reader.close(context.phases)
    context.facts["status"], context.facts["http_version"] = reader.status, reader.version
    return Answer(reader.status, tuple(reader.headers), b"".join(reader.chunks))


class _Deaf(asyncio.Protocol):
    """Holds a connection until TLS is on it: what arrives before is not the server's word (RFC 9112 section 9.7)."""


async def _connect(call: Call, context: ProbeContext, protocol: asyncio.Protocol) -> Any:
    """A connection to the first address that takes one, in the resolver's order.

    All addresses but the last share half the time, so one that swallows packets leaves some for the next.
    """
    *others, last = (call.host,) if call.literal else await _resolve(call, context)
    failures: list[OSError] = []
    with Timed(context, Phase.CONNECT):
        for address in others:
            try:
                async with asyncio.timeout(context.timeout / 2 / len(others)):
                    return await _open(address, call.port, protocol, context)
            except OSError as exc:
                failures.append(exc)
        try:
            return await _open(last, call.port, protocol, context)
        except OSError as exc:
            failures.append(exc)
    raise next((exc for exc in failures if miss_of(exc).reason not in OURS), failures[0])


async def _open(address: str, port: int, protocol: asyncio.Protocol, context: ProbeContext) -> asyncio.Transport:
    context.facts["address"] = address
    transport, _ = await asyncio.get_running_loop().create_connection(lambda: protocol, address, port)
    return transport


async def _resolve(call: Call, context: ProbeContext) -> tuple[str, ...]:
    """The host's addresses without repeats, at most a handful, at least one. Raises socket.gaierror."""
    with Timed(context, Phase.RESOLVE):
        found = await asyncio.get_running_loop().getaddrinfo(call.host, call.port, type=socket.SOCK_STREAM)
    addresses = tuple(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))[:_ADDRESSES]
    if not addresses:
        raise socket.gaierror(socket.EAI_NONAME, "no address")
    return addresses


async def _secure(transport: Any, reader: Reader, trust: ssl.SSLContext, name: str) -> Any:
    """TLS on an open connection. Closes it when the handshake fails or is cancelled."""
    try:
        secured = await asyncio.get_running_loop().start_tls(
            transport, reader, trust, server_hostname=name, ssl_handshake_timeout=_HANDSHAKE
        )
    except BaseException:
        transport.abort()
        raise
    if secured is None:
        raise EOFError
    return secured


def _tell_of_tls(transport: Any, context: ProbeContext) -> None:
    """The facts tls_version and, for a trusted certificate, tls_expiry_timestamp_seconds (Unix time of notAfter).

    Of several servers on one probe's way the certificate that ends first is told.
    """
    tls: ssl.SSLObject = transport.get_extra_info("ssl_object")
    context.facts["tls_version"] = tls.version() or ""
    expiry = (tls.getpeercert() or {}).get("notAfter")
    if isinstance(expiry, str):
        ends = float(ssl.cert_time_to_seconds(expiry))
        context.facts[_EXPIRY] = min(ends, float(context.facts.get(_EXPIRY, ends)))
