"""Talks to the running service over its own address, with the token it keeps in its state folder."""

from collections.abc import Mapping
from typing import Any

import httpx

from monitor.cli import frame
from monitor.settings import ServiceSettings

_PATIENCE = 10.0


_INCIDENTS = "'omsorgsvagt incidents list' names the open ones, 'show' their tasks"


def get(settings: ServiceSettings, path: str, missing: str = _INCIDENTS) -> Any:
    """A JSON answer, or an end that says why there is none; `missing` says where to look for what is not there."""
    return _ask(settings, "GET", path, None, missing)


def post(settings: ServiceSettings, path: str, body: Mapping[str, Any], missing: str = _INCIDENTS) -> Any:
    """Act on the running service."""
    return _ask(settings, "POST", path, body, missing)


def act(settings: ServiceSettings, method: str, path: str, body: Mapping[str, Any], missing: str = _INCIDENTS) -> Any:
    """Act on the running service by another method: PATCH or DELETE."""
    return _ask(settings, method, path, body, missing)


def _ask(settings: ServiceSettings, method: str, path: str, body: Mapping[str, Any] | None, missing: str) -> Any:
    headers = {} if body is None else {"Authorization": f"Bearer {_token(settings)}"}
    try:
        reply = httpx.request(
            method, f"http://{settings.listen}{path}", json=body, headers=headers, timeout=_PATIENCE, trust_env=False
        )
    except httpx.HTTPError as error:
        frame.fail(
            f"the service does not answer on {settings.listen} ({type(error).__name__}). "
            "Is it running? Start it with 'systemctl start omsorgsvagt' or set OMSORGSVAGT_LISTEN"
        )
    if reply.status_code == httpx.codes.NOT_FOUND:
        frame.fail(f"{_why(reply)} {missing}")
    if not reply.is_success:
        frame.fail(f"the service refused ({reply.status_code}): {_why(reply)}")
    try:
        return reply.json()
    except ValueError:
        frame.fail(f"what answers on {settings.listen} is not omsorgsvagt. Set OMSORGSVAGT_LISTEN to its address")


def _why(reply: httpx.Response) -> str:
    """The service's own word; where it names the values that were wrong, those."""
    try:
        detail = reply.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return reply.text[:300]
    if isinstance(detail, list):
        return "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in detail)[:300]
    return str(detail)


def _token(settings: ServiceSettings) -> str:
    path = settings.state / "api-token"
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        frame.fail(f"{path}: {error.strerror}. Run as the service's user, or set STATE_DIRECTORY to its state folder")
