"""A body out of its content coding (RFC 9110 section 8.4.1) and into text.

Decoding goes no further than the limit: a bomb is a fault long before it is memory.
"""

import re
import zlib
from typing import Final

from checks.httpwire.fetch import Answer
from checks.httpwire.limits import garbled, too_large

_GZIP: Final = 31
_ZLIB: Final = 15
_RAW: Final = -15
_CHARSET: Final = re.compile(r"charset\s{0,5}=\s{0,5}\"?([a-z0-9_.:-]{1,40})", re.IGNORECASE)
_CHARSETS: Final = {"iso-8859-1": "cp1252", "latin1": "cp1252", "windows-1252": "cp1252", "iso-8859-15": "iso8859-15"}


def plain(answer: Answer, limit: int) -> bytes:
    """The body without its content coding, at most `limit` bytes.

    Raises ProbeFault: TOO_LARGE beyond the limit; PROTOCOL for a coding we did not ask for, a broken or a cut one.
    Of several gzip members only the first counts.
    """
    coding = (answer.header("content-encoding") or "identity").lower()
    if coding == "identity" or not answer.body:
        return answer.body
    if coding in ("gzip", "x-gzip"):
        return _inflate(answer.body, _GZIP, limit)
    if coding == "deflate":
        # RFC 9110 section 8.4.1.2: some send the deflate stream without its zlib wrapper.
        return _inflate(answer.body, _ZLIB if answer.body[0] & 0x0F == zlib.DEFLATED else _RAW, limit)
    raise garbled("ukendt content-encoding")


def _inflate(data: bytes, bits: int, limit: int) -> bytes:
    stream = zlib.decompressobj(bits)
    try:
        body = stream.decompress(data, limit + 1)
    except zlib.error as exc:
        raise garbled("ødelagt content-encoding") from exc
    if len(body) > limit:
        raise too_large("udpakkede bytes", limit)
    if not stream.eof:
        raise garbled("afkortet content-encoding")
    return body


def text_of(body: bytes, content_type: str) -> str:
    """The body as text; bytes that fit no character become U+FFFD.

    Only the few charsets of the field are known: a name from the wire never chooses a codec by itself.
    """
    found = _CHARSET.search(content_type[:200])
    return body.decode(_CHARSETS.get(found[1].lower(), "utf-8") if found else "utf-8", "replace")
