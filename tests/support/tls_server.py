"""Servers on loopback that a test writes in a few lines, with or without TLS, and certificates of any age.

Each server ends with its test: connections are cut, handlers stopped, sockets closed.
"""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

LONG_AGO = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
FAR_AHEAD = dt.datetime(2090, 1, 1, tzinfo=dt.UTC)


@contextlib.asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A stream server; its port. A handler may be cut off anywhere and may leave its connection open."""
    running: set[asyncio.Task[None]] = set()

    async def held(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        running.add(task)
        try:
            with contextlib.suppress(OSError, EOFError, asyncio.CancelledError, asyncio.LimitOverrunError):
                await handler(reader, writer)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(held, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await server.wait_closed()
        # The transports' own goodbye takes one more turn of the loop.
        await asyncio.sleep(0)


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Takes everything and says nothing."""
    while await reader.read(65_536):
        pass


def saying(data: bytes) -> Handler:
    """Says its piece and then nothing more."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await silent(reader, writer)

    return handler


def endless(data: bytes) -> Handler:
    """Says the same for ever, as fast as it is taken."""

    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(data)
            await writer.drain()

    return handler


def dripping(data: bytes, pause: float = 0.02) -> Handler:
    """Says it over and over, one byte at a time."""

    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            for byte in data:
                writer.write(bytes((byte,)))
                await writer.drain()
                await asyncio.sleep(pause)

    return handler


async def hanging_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Closes at once."""
    writer.close()


def sockets() -> int:
    """How many sockets this process holds open."""
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found += str(link.readlink()).startswith("socket:")
    return found


@dataclass(frozen=True)
class Issued:
    """A certificate with its key and who issued it; None for one that vouches for itself."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    issuer: "Issued | None" = None

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def issue(
    name: str,
    issuer: Issued | None = None,
    *,
    begins: dt.datetime = LONG_AGO,
    ends: dt.datetime = FAR_AHEAD,
    hosts: Sequence[str] = (),
) -> Issued:
    """A certificate valid from `begins` to `ends`: a server's when it has hosts, else an authority's."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=not hosts, path_length=None), critical=True)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([_name(host) for host in hosts]), critical=False)
    signed = builder.sign(issuer.key if issuer else key, hashes.SHA256())
    return Issued(signed, key, issuer)


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def server_context(folder: Path, leaf: Issued, *sent: Issued) -> ssl.SSLContext:
    """What a server needs to show `leaf` and send the others after it, in this order."""
    file = folder / f"{leaf.certificate.serial_number:x}.pem"
    file.write_bytes(leaf.key_pem + leaf.pem + b"".join(other.pem for other in sent))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def bundle(folder: Path, *roots: Issued) -> Path:
    """A file of authorities to trust."""
    file = folder / "roots.pem"
    file.write_bytes(b"".join(root.pem for root in roots))
    return file
