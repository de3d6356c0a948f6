"""Secrets of our own: made once, kept in the state folder, readable by the service's user alone.

The rule it keeps: one that is there is never made anew, because tokens and links that were handed out live by it.
"""

import os
import secrets
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)


def api_token(state: Path) -> str:
    """The token for the local API; empty, which shuts what it opens, when it can be neither read nor kept."""
    try:
        return _made_once(state / "api-token")
    except OSError as fault:
        log.error("api_token_not_kept", wrong=fault.strerror)
        return ""


def answer_key(state: Path) -> bytes:
    """What codes and links are made with; one that cannot be kept holds no alarm back, and lasts as long as we do."""
    try:
        return _made_once(state / "answer-key").encode("ascii")
    except OSError as fault:
        log.error("answer_key_not_kept", wrong=fault.strerror)
        return secrets.token_bytes(32)


def _made_once(path: Path) -> str:
    """A secret from its file, made when there is none. Raises OSError."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32))
    return path.read_text(encoding="ascii").strip()
