"""Sending one request by the wire: the door the plain `http` check and the clients of the others go through.

The settings of how to trust and how much to take in are given once; each request then gets its own connection.
"""

from dataclasses import dataclass

from checks.httpwire.decode import plain
from checks.httpwire.fetch import Call, fetch
from checks.httpwire.follow import Reply
from checks.httpwire.limits import Limits
from checks.httpwire.request import Request
from checks.httpwire.trust import context_for
from monitor.ports import ProbeContext


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom to believe. `server_name` replaces the host in the certificate and in SNI."""

    ca_file: str = ""
    verify: bool = True
    server_name: str = ""


async def send(request: Request, trust: Trust, limits: Limits, context: ProbeContext) -> Reply:
    """One exchange, the body decoded. Raises what `fetch` and `plain` raise."""
    url = request.url
    call = Call(
        host=url.host,
        port=url.port,
        literal=url.literal,
        raw=request.raw(),
        trust=context_for(trust.ca_file, trust.verify) if url.tls else None,
        name=trust.server_name,
        head_only=request.method == "HEAD",
        limits=limits,
    )
    began = context.monotonic()
    answer = await fetch(call, context)
    headers = tuple((name.decode("latin-1"), value.decode("latin-1").strip()) for name, value in answer.headers)
    return Reply(answer.status, url, headers, plain(answer, limits.body), context.monotonic() - began)
