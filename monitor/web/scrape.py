"""`/metrics` for Prometheus.

A scrape never holds a probe up: the text is made and packed in a thread, one at a time, and what waits is bounded.
"""

import asyncio
import gc
import gzip

import structlog

from monitor.metrics import CONTENT_TYPE, Metrics
from monitor.web.answer import Answer, Scope, header, plain

log = structlog.get_logger(__name__)

_WAITING = 8
_TRIES = 5
_VARY = (b"vary", b"accept-encoding")


class Scrape:
    """Answers scrapes of one set of metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def __call__(self, scope: Scope) -> Answer:
        """The exposition, packed when the scraper can read that; 503 when too many wait already."""
        if self._waiting >= _WAITING:
            return plain(503, "for mange aflæsninger på én gang", (b"retry-after", b"5"))
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(self._make, takes_gzip(header(scope, b"accept-encoding")))
        finally:
            self._waiting -= 1

    def _make(self, packed: bool) -> Answer:
        text = self._try()
        if not packed:
            return Answer(text, kind=CONTENT_TYPE, extra=(_VARY,))
        extra = (_VARY, (b"content-encoding", b"gzip"))
        return Answer(gzip.compress(text, compresslevel=1, mtime=0), kind=CONTENT_TYPE, extra=extra)

    def _try(self) -> bytes:
        """The text; made again when what it reads grew under it: the engine goes on in its own thread meanwhile."""
        for _ in range(_TRIES - 1):
            try:
                return self._expose()
            except RuntimeError as error:
                log.info("scraped_again", said=str(error)[:100])
        return self._expose()

    def _expose(self) -> bytes:
        """The text, made without collecting garbage.

        Hundreds of thousands of short-lived samples would start whole collections, each of which stops every thread:
        with 5,000 checks the probes then waited 150 ms, and 15 ms without. Nothing in the text goes in rings.
        """
        collecting = gc.isenabled()
        gc.disable()
        try:
            return self._metrics.expose()
        finally:
            if collecting:
                gc.enable()


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header names gzip and does not refuse it (RFC 9110 §12.5.3)."""
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
