"""Check kind `dns`: what a name resolves to, asked of named servers or of the machine's own resolver.

A server that is silent or says it cannot is passed by for the next one; the last word heard is what is judged.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from importlib import import_module
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, IPvAnyAddress

from checks.wire import budget
from monitor.core.fault import ProbeFault
from monitor.core.finding import Held, Miss, Outcome, Reason, Verdict
from monitor.plan.settings import CheckSettings, Seconds
from monitor.ports import ProbeContext

_RESOLV_CONF = Path("/etc/resolv.conf")
_MOST = 3
_LOADED: dict[str, Any] = {}
_NEXT_MAY_KNOW = frozenset({"SERVFAIL", "REFUSED", "NOTIMP"})


class Match(StrEnum):
    """Whether exactly the expected records must come, or at least one of them."""

    ALL = "all"
    ANY = "any"


class Settings(CheckSettings):
    """`servers` are asked in turn as a resolver does, the time shared among them; none named: the machine's own.

    `query` is the name asked for. `expect` empty: any record of the type will do.
    """

    # In the other engine this one pattern, any script's letters repeated 63 times, takes 12 MB.
    model_config = ConfigDict(regex_engine="python-re")

    kind: Literal["dns"]
    query: Annotated[str, Field(max_length=253, pattern=r"^[\w-]{1,63}(\.[\w-]{1,63})*\.?$")]
    type: Literal["A", "AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"] = "A"
    servers: Annotated[tuple[IPvAnyAddress, ...], Field(max_length=_MOST)] = ()
    port: Annotated[int, Field(ge=1, le=65_535)] = 53
    transport: Literal["udp", "tcp"] = "udp"
    expect: Annotated[tuple[str, ...], Field(max_length=20)] = ()
    match: Match = Match.ALL
    degraded_over: Seconds | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """Who answered and what; `took` seconds."""

    rcode: str
    records: tuple[str, ...] = ()
    took: float = 0.0


async def probe(settings: Settings, context: ProbeContext) -> Answered:
    """Ask server after server until one knows. Raises OSError, ProbeFault (TIMEOUT when nobody answers)."""
    client = await _client()
    question = client.Question(settings.query, settings.type)
    servers = [str(server) for server in settings.servers] or _system_servers()
    share = budget(settings.timeout) / len(servers)
    answered: Answered | None = None
    silent: Exception | None = None
    for server in servers:
        began = context.monotonic()
        try:
            async with asyncio.timeout(share):
                said = await client.ask((server, settings.port), question, settings.transport, context, share / 2)
        except (OSError, ProbeFault) as exc:
            silent = exc
            continue
        answered = Answered(said.rcode, said.records, context.monotonic() - began)
        context.facts.update(server=server, rcode=said.rcode, ttl=said.ttl)
        if said.rcode not in _NEXT_MAY_KNOW:
            break
    if answered is None:
        raise _why(silent, servers)
    return answered


async def _client() -> Any:
    """`checks.dns_client`, first loaded in a thread: importing dnspython would hold up every other probe meanwhile."""
    if "client" not in _LOADED:
        _LOADED["client"] = await asyncio.to_thread(import_module, "checks.dns_client")
    return _LOADED["client"]


def _why(silent: Exception | None, servers: list[str]) -> Exception:
    if silent is None or isinstance(silent, TimeoutError):
        return ProbeFault(Reason.TIMEOUT, f"svar fra {', '.join(servers)}", "intet svar")
    return silent


def _system_servers() -> list[str]:
    """The machine's own resolvers (resolv.conf(5)); the local host when none is named."""
    try:
        lines = [line.split() for line in _RESOLV_CONF.read_text(errors="replace").splitlines()]
    except FileNotFoundError:
        lines = []
    found = [words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"]
    return found[:_MOST] or ["127.0.0.1"]


def judge(settings: Settings, answered: Answered, now: datetime) -> Verdict:
    """FAIL for a name unknown, a sick server or other records; WARN when slow. Pure; `now` plays no part."""
    del now
    answer = Held("svar", answered.rcode)
    if miss := _miss(settings, answered):
        return Verdict(Outcome.FAIL, (miss,), (answer,) if answered.rcode == "NOERROR" else ())
    held = (answer, Held(f"{settings.type}-poster", ", ".join(sorted(map(_plain, answered.records)))[:80]))
    limit = settings.degraded_over
    if limit is not None and answered.took > limit:
        return Verdict(Outcome.WARN, (Miss(Reason.SLOW, f"under {limit:g} s", f"{answered.took:.1f} s"),), held)
    return Verdict(Outcome.OK, (), held)


def _miss(settings: Settings, answered: Answered) -> Miss | None:
    if answered.rcode == "NXDOMAIN":
        return Miss(Reason.NAME_UNKNOWN, settings.query, "navnet findes ikke")
    if answered.rcode != "NOERROR":
        return Miss(Reason.SICK, "svarkode NOERROR", f"svarkode {answered.rcode}")
    seen, wanted = set(map(_plain, answered.records)), set(map(_plain, settings.expect))
    right = seen == wanted if settings.match is Match.ALL else seen & wanted
    if not seen or (wanted and not right):
        return Miss(Reason.RECORDS, ", ".join(sorted(wanted)) or "mindst én post", ", ".join(sorted(seen)) or "ingen")
    return None


def _plain(record: str) -> str:
    """One way of writing each record: `WWW.example.` is `www.example`, `2001:DB8:0::1` is `2001:db8::1`."""
    try:
        return str(ip_address(record))
    except ValueError:
        return record.lower().replace('"', "").removesuffix(".")
