"""Logs as JSON lines for the journal, or as text for a terminal.

Libraries that log addresses with secrets in them (httpx logs whole URLs) are held below a warning in this one place.
"""

import logging
import sys

import structlog

_QUIET = ("httpx", "httpcore", "uvicorn", "uvicorn.access", "apscheduler", "aiosqlite", "alembic")
_STRANGERS = "uvicorn.error"
"""It warns of each request that is none: a line for each would let anybody who reaches the port fill the journal."""


def configure(style: str) -> None:
    """`json` or `text`, on standard error."""
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger(_STRANGERS).setLevel(logging.ERROR)
    last: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if style == "json" else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            last,
        ],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
