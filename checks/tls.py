"""Check kind `tls`: the certificates a server shows: trust, host name, and the days left of the whole chain.

Trust is what OpenSSL says; dates are held against the caller's `now` and not against the machine's clock.

The chain comes from the private `_sslobj` of Python's SSL object. Context: what is public in 3.11 gives the leaf only,
and nothing at all of an untrusted server; 3.13 made the same calls public, as bare DER. Choice: the calls beneath
have been there since 3.10 under the same names and parse dates and all, so no parser of certificates is brought in.
Price: a private name, held by a test. An untrusted server is asked a second time, unverified, for its dates.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from checks.failure import miss_of
from checks.trust import Host, Port, StartTls, TlsSettings, secure, trusting, unverified
from checks.wire import connected
from monitor.core.finding import Held, Miss, Outcome, Reason, Verdict
from monitor.core.plan import Severity
from monitor.plan.settings import CheckSettings, SeverityWord
from monitor.ports import ProbeContext

_DAY = 86_400.0
_MOST = 32


def _falling(days: tuple[int, ...]) -> tuple[int, ...]:
    if any(later >= earlier for earlier, later in pairwise(days)):
        raise ValueError(f"{days} does not fall; write for instance [21, 7, 1]")
    return days


class Settings(CheckSettings, TlsSettings):
    """`warn_days` are thresholds of days left, each one grade worse than the one before.

    A certificate that will expire is an advisory, for the daytime; one that has, an outage.
    """

    kind: Literal["tls"]
    host: Host
    port: Port = 443
    starttls: StartTls = StartTls.NONE
    warn_days: Annotated[
        tuple[Annotated[int, Field(ge=1, le=400)], ...], Field(max_length=5), AfterValidator(_falling)
    ] = (21, 7, 1)
    warn_means: SeverityWord = Severity.ADVISORY


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate's span. `needed`: it is on the path that proves the server; else the server only sends it too."""

    title: str
    begins: datetime
    ends: datetime
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Shown:
    """What the server showed, the leaf first. `distrust` is OpenSSL's objection, dates apart."""

    certificates: tuple[Certificate, ...]
    version: str = ""
    distrust: Miss | None = None


async def probe(settings: Settings, context: ProbeContext) -> Shown:
    """Shake hands, verified; when that is refused once more, unverified. Raises OSError, ssl.SSLError, ProbeFault."""
    distrust = None
    try:
        tls = await _handshake(settings, trusting(settings.ca_file, dates=False), context)
    except ssl.SSLCertVerificationError as exc:
        distrust = miss_of(exc)
        tls = await _handshake(settings, unverified(), context)
    certificates = _certificates(tls, trusted=distrust is None)
    if certificates:
        context.facts["tls_expiry_timestamp_seconds"] = min(c.ends for c in certificates).timestamp()
        context.facts["tls_leaf_expiry_timestamp_seconds"] = certificates[0].ends.timestamp()
    return Shown(certificates, tls.version() or "", distrust)


async def _handshake(settings: Settings, trust: ssl.SSLContext, context: ProbeContext) -> ssl.SSLObject:
    async with connected(settings.host, settings.port, context) as wire:
        return await secure(wire, trust, settings.server_name or settings.host, settings.starttls, context)


def _certificates(tls: ssl.SSLObject, *, trusted: bool) -> tuple[Certificate, ...]:
    inner: Any = tls._sslobj  # type: ignore[attr-defined]  # noqa: SLF001 (the module's docstring says why)
    sent = [cert.get_info() for cert in inner.get_unverified_chain() or ()][:_MOST]
    path = [cert.get_info() for cert in inner.get_verified_chain() or ()][:_MOST] if trusted else sent
    extra = [info for info in sent if info not in path]
    needed = [_certificate(info, place, needed=True) for place, info in enumerate(path)]
    return (*needed, *(_certificate(info, 1, needed=False) for info in extra))


def _certificate(info: Mapping[str, Any], place: int, *, needed: bool) -> Certificate:
    own = info["subject"] == info["issuer"]
    title = "servercertifikat" if place == 0 else "rodcertifikat" if own else "mellemcertifikat"
    return Certificate(title, _instant(info["notBefore"]), _instant(info["notAfter"]), needed)


def _instant(text: str) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)


def judge(settings: Settings, shown: Shown, now: datetime) -> Verdict:
    """FAIL for expired, untrusted or another's; WARN with a grade as the end comes near. Pure."""
    bad = [miss for certificate in shown.certificates if (miss := _dated(certificate, now))]
    hard = [miss for miss, needed in bad if needed]
    if shown.distrust:
        hard.append(shown.distrust)
    soft = [miss for miss, needed in bad if not needed]
    ends = min((c.ends for c in shown.certificates if c.ends > now), default=now)
    left = (ends - now).total_seconds() / _DAY
    grade = sum(left <= days for days in settings.warn_days) if not hard else 0
    if grade:
        over = f"over {settings.warn_days[grade - 1]} dage tilbage"
        soft.append(Miss(Reason.CERTIFICATE_EXPIRES, over, f"{_days(left)}, til {ends:%d-%m-%Y}"))
    held = (Held("TLS", shown.version), Held("certifikater", f"{len(shown.certificates)}, mindst {_days(left)}"))
    if hard:
        return Verdict(Outcome.FAIL, (*hard, *soft), held[:1])
    return Verdict(Outcome.WARN if soft else Outcome.OK, tuple(soft), held, grade)


def _dated(certificate: Certificate, now: datetime) -> tuple[Miss, bool] | None:
    if certificate.ends <= now:
        seen = f"udløbet {certificate.ends:%d-%m-%Y}"
        return Miss(Reason.CERTIFICATE_EXPIRED, f"gyldigt {certificate.title}", seen), certificate.needed
    if certificate.begins > now:
        seen = f"gælder først fra {certificate.begins:%d-%m-%Y}"
        return Miss(Reason.CERTIFICATE_UNTRUSTED, f"gyldigt {certificate.title}", seen), certificate.needed
    return None


def _days(left: float) -> str:
    whole = int(left)
    return "under 1 dag" if whole < 1 else "1 dag" if whole == 1 else f"{whole} dage"
