"""Answers to SIP requests as a test wants them: right, or wrong in one place."""

from monitor.core import sip

_COPIED = ("Via", "From", "To", "Call-ID", "CSeq")


def answer(request: bytes, status: int = 200, phrase: str = "OK", **instead: str) -> bytes:
    """A response to these bytes (RFC 3261 §8.2.6); `via=…`, `cseq=…`, `call_id=…` replace what would be copied."""
    asked = sip.parse(request)
    headers = []
    for name, value in asked.headers:
        if name in _COPIED:
            said = instead.get(name.lower().replace("-", "_"), value)
            headers.append((name, f"{said};tag=srv" if name == "To" else said))
    return sip.serialise(sip.Response(status, phrase, headers=tuple(headers)))
