"""Whom a probe trusts over TLS, and how it gets from a plain stream to TLS (SMTP RFC 3207, IMAP RFC 9051 §6.2.1).

A context is built once per store and again when the store's files change; loading the system's takes some 20 ms.
"""

import ssl
from collections.abc import Awaitable, Callable
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import Field

from checks.wire import Wire
from monitor.core.fault import ProbeFault
from monitor.core.finding import Phase, Reason
from monitor.plan.settings import Strict
from monitor.ports import ProbeContext

_NO_CHECK_TIME = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME: trust without dates, which `judge` holds against its own `now`."""
_LINES = 64

Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,253}$")]
Port = Annotated[int, Field(ge=1, le=65_535)]


class StartTls(StrEnum):
    """The protocol spoken before TLS begins."""

    NONE = "none"
    SMTP = "smtp"
    IMAP = "imap"


class TlsSettings(Strict):
    """How a peer proves itself: `ca_file` replaces the system's store, `server_name` the host as the name asked for."""

    server_name: Host | None = None
    ca_file: Path | None = None


def trusting(ca_file: Path | None, *, dates: bool = True) -> ssl.SSLContext:
    """Checks chain and host name; with `dates` off not the dates. Raises OSError, ssl.SSLError for a bad `ca_file`."""
    paths = ssl.get_default_verify_paths()
    stores = [str(ca_file)] if ca_file else [place for place in (paths.cafile, paths.capath) if place]
    return _build(ca_file, tuple(Path(place).stat().st_mtime_ns for place in stores), dates)


@lru_cache(maxsize=64)
def _build(ca_file: Path | None, _changed: tuple[int, ...], dates: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    if not dates:
        context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
    return context


@lru_cache(maxsize=1)
def unverified() -> ssl.SSLContext:
    """Takes any certificate: only for looking at a chain that was already found wanting."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def secure(
    wire: Wire, trust: ssl.SSLContext, server_name: str, starttls: StartTls, context: ProbeContext
) -> ssl.SSLObject:
    """Speak what comes before TLS, then shake hands. Raises OSError, ssl.SSLError, ProbeFault."""
    if starttls in _BEFORE:
        with context.phase(Phase.PROCESSING):
            await _BEFORE[starttls](wire)
    with context.phase(Phase.TLS):
        tls = await wire.start_tls(trust, server_name)
    context.facts["tls_version"] = tls.version() or ""
    return tls


async def _smtp(wire: Wire) -> None:
    await _smtp_reply(wire, b"220")
    await wire.send(b"EHLO localhost\r\n")
    await _smtp_reply(wire, b"250")
    await wire.send(b"STARTTLS\r\n")
    await _smtp_reply(wire, b"220")


async def _smtp_reply(wire: Wire, code: bytes) -> None:
    for _ in range(_LINES):
        line = await wire.line()
        if line[:3] != code:
            raise ProbeFault(Reason.REPLY, f"SMTP {code.decode()} før TLS", _code(line))
        if line[3:4] != b"-":
            return
    raise ProbeFault(Reason.TOO_LARGE, f"et SMTP-svar under {_LINES} linjer", "flere linjer")


async def _imap(wire: Wire) -> None:
    if not (await wire.line()).upper().startswith(b"* OK"):
        raise ProbeFault(Reason.REPLY, "IMAP * OK", "en anden hilsen")
    await wire.send(b"a1 STARTTLS\r\n")
    for _ in range(_LINES):
        line = (await wire.line()).upper()
        if line.startswith(b"A1 OK"):
            return
        if not line.startswith(b"* "):
            raise ProbeFault(Reason.REPLY, "IMAP a1 OK før TLS", "afvist")
    raise ProbeFault(Reason.TOO_LARGE, f"et IMAP-svar under {_LINES} linjer", "flere linjer")


def _code(line: bytes) -> str:
    return f"SMTP {line[:3].decode()}" if line[:3].isdigit() else "et andet svar"


_BEFORE: dict[StartTls, Callable[[Wire], Awaitable[None]]] = {StartTls.SMTP: _smtp, StartTls.IMAP: _imap}
