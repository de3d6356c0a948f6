"""From an exception to a named reason, for every kind of check, in this one place.

Nothing an exception carries is repeated unless it is known to be harmless: no address, header, body or secret gets out.

EHOSTUNREACH is counted as theirs (TIMEOUT: nobody answers at the address), though our own side may cause it too.
Context: a powered-off machine on our own network (a nødkald receiver in the cellar), and a router before a dead one,
both answer so; a missing route here is ENETUNREACH. Choice: calling it ours would make the finding UNKNOWN and the
alarm of a dead receiver would vanish. Price: when our own gateway is dead, all probes fail this way; the canaries of
`egen_linje` fail with them, and that is what turns the failures into blindness.
"""

import errno
import re
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog

from monitor.core.fault import ProbeFault
from monitor.core.finding import OURS, Miss, Outcome, Phase, Reason
from monitor.ports import SecretMissing

_LOG = structlog.get_logger(__name__)

_ERRNO: Final = {
    errno.ETIMEDOUT: (Reason.TIMEOUT, "intet svar"),
    errno.EHOSTUNREACH: (Reason.TIMEOUT, "ingen svarer på adressen"),
    errno.EHOSTDOWN: (Reason.TIMEOUT, "ingen svarer på adressen"),
    errno.ECONNREFUSED: (Reason.REFUSED, "afvist"),
    errno.ECONNRESET: (Reason.RESET, "afbrudt"),
    errno.ECONNABORTED: (Reason.RESET, "afbrudt"),
    errno.EPIPE: (Reason.RESET, "afbrudt"),
    errno.ESHUTDOWN: (Reason.RESET, "afbrudt"),
    errno.ENOTCONN: (Reason.RESET, "afbrudt"),
    errno.ENETUNREACH: (Reason.NO_ROUTE, "ingen rute herfra"),
    errno.ENETDOWN: (Reason.NO_ROUTE, "netkortet er nede"),
    errno.ENONET: (Reason.NO_ROUTE, "netkortet er nede"),
    errno.EADDRNOTAVAIL: (Reason.NO_ROUTE, "ingen afsenderadresse her"),
    errno.EAFNOSUPPORT: (Reason.NO_ROUTE, "adressetypen findes ikke her"),
    errno.EPERM: (Reason.NO_ROUTE, "spærret på vores egen maskine"),
    errno.EACCES: (Reason.NO_ROUTE, "spærret på vores egen maskine"),
}
_NAME_UNKNOWN: Final = frozenset({socket.EAI_NONAME, socket.EAI_NODATA, socket.EAI_ADDRFAMILY})
# OpenSSL x509_vfy.h: X509_V_ERR_CERT_HAS_EXPIRED, …_HOSTNAME_MISMATCH and …_IP_ADDRESS_MISMATCH.
_EXPIRED: Final = 10
_WRONG_NAME: Final = frozenset({62, 64})
_STOPPED: Final[dict[str, str]] = {
    Phase.CONNECT: "ingen forbindelse",
    Phase.TLS: "ingen TLS-forbindelse",
    Phase.TRANSFER: "svaret gik i stå",
}
_ERRNO_IN_TEXT: Final = re.compile(r"\[Errno (\d+)\]")


def short(text: str, limit: int = 80) -> str:
    """One printable line of at most `limit` characters; what a stranger's server sent may hold anything."""
    if len(text) <= limit and text.isprintable():
        return text
    line = " ".join("".join(one if one.isprintable() else " " for one in text[: 4 * limit]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def outcome_of(reason: Reason) -> Outcome:
    """UNKNOWN for a reason on our own side, FAIL for one on theirs."""
    return Outcome.UNKNOWN if reason in OURS else Outcome.FAIL


def miss_of(exc: BaseException) -> Miss:
    """The reason behind what a probe raised. Never raises; what it does not know is INTERNAL and logged once."""
    return next((of(exc) for types, of in _BY_TYPE if isinstance(exc, types)), None) or _internal(exc)


def timed_out(timeout: float, phases: Mapping[str, float]) -> Miss:
    """Where a probe stood when its `timeout` seconds were up: in the last of the phases it reached.

    A name that is not looked up in time is the resolver's silence, and the resolver is ours.
    """
    reached = next(reversed(list(phases)), "")
    if reached == Phase.RESOLVE:
        return Miss(Reason.RESOLVER, f"navneopslag inden {timeout:g} s", "intet svar")
    return Miss(Reason.TIMEOUT, f"svar inden {timeout:g} s", _STOPPED.get(reached, "intet svar"))


def _of_tls(exc: ssl.SSLError) -> Miss:
    if not isinstance(exc, ssl.SSLCertVerificationError):
        return Miss(Reason.TLS, "TLS", short(exc.reason or type(exc).__name__))
    if exc.verify_code == _EXPIRED:
        return Miss(Reason.CERTIFICATE_EXPIRED, "gyldigt certifikat", "udløbet")
    if exc.verify_code in _WRONG_NAME:
        return Miss(Reason.CERTIFICATE_NAME, "certifikat til navnet", "et andet navn")
    return Miss(Reason.CERTIFICATE_UNTRUSTED, "betroet certifikat", short(exc.verify_message))


def _of_name(exc: socket.gaierror) -> Miss:
    if exc.errno in _NAME_UNKNOWN:
        return Miss(Reason.NAME_UNKNOWN, "navneopslag", "navnet findes ikke")
    return Miss(Reason.RESOLVER, "navneopslag", "navneserveren svarer ikke")


def _of_system(exc: OSError) -> Miss:
    """By errno; asyncio and uvloop join the errors of several addresses into one text without a number."""
    numbers = [exc.errno] if exc.errno is not None else [int(n) for n in _ERRNO_IN_TEXT.findall(str(exc))]
    known = [_ERRNO[number] for number in numbers if number in _ERRNO]
    if not known:
        return _CUT_OFF if isinstance(exc, ConnectionError) else _internal(exc)
    # A host with IPv6 beside IPv4 gives "no route" where we have no IPv6: what the other address said counts.
    reason, seen = next((found for found in known if found[0] not in OURS), known[0])
    return Miss(reason, "forbindelse", seen)


def _internal(exc: BaseException) -> Miss:
    """Only the type and the place are told: the text of an unforeseen exception may hold anything."""
    place, step = "", exc.__traceback__
    while step is not None:
        place, step = f"{step.tb_frame.f_code.co_filename}:{step.tb_lineno}", step.tb_next
    _LOG.error("probe broke", error=type(exc).__name__, place=place)
    return Miss(Reason.INTERNAL, "målingen virker", type(exc).__name__)


_CUT_OFF: Final = Miss(Reason.RESET, "forbindelse", "afbrudt")
_BY_TYPE: Final[tuple[tuple[Any, Callable[[Any], Miss]], ...]] = (
    (BaseExceptionGroup, lambda exc: miss_of(exc.exceptions[0])),
    (ProbeFault, lambda exc: exc.miss),
    (SecretMissing, lambda exc: Miss(Reason.SECRET, "hemmelighed", short(str(exc)))),
    (TimeoutError, lambda _: Miss(Reason.TIMEOUT, "svar i tide", "intet svar")),
    ((EOFError, ssl.SSLEOFError, ssl.SSLZeroReturnError), lambda _: _CUT_OFF),
    (ssl.SSLError, _of_tls),
    (socket.gaierror, _of_name),
    (OSError, _of_system),
)
"""The first line that fits counts: TimeoutError, SSLError and gaierror are all kinds of OSError."""
