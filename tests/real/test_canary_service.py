"""The real process: a canary that comes by webhook, a mailbox of bounces, and a reload that forgets neither."""

from pathlib import Path

import pytest

from tests.support.bounces import dsn
from tests.support.lab import until
from tests.support.service import Service, running
from tests.support.terminal import Terminal, terminal

pytestmark = pytest.mark.real

SECRETS = {"gatewayapi_token": "x", "canary_token": "kun-alarmcentralen-kender-den"}
CANARY = """
      - name: kanariefugl
        kind: canary
        every: 200ms
        interval: 1h
        arrives: {webhook: modtager}
"""


def configured(folder: Path) -> Terminal:
    at = terminal(folder)
    path = at.config / "systems.yaml"
    path.write_text(path.read_text(encoding="utf-8") + CANARY, encoding="utf-8")
    box = folder / "Maildir"
    for part in ("new", "cur", "tmp"):
        (box / part).mkdir(parents=True)
    relay = '{smtp: "127.0.0.1:9", security: none, sender: vagt@eksempel.example, '
    mail = f"  mail: [{relay}bounces: {{maildir: {box}}}}}]\n"
    path = at.config / "plan.yaml"
    path.write_text(path.read_text(encoding="utf-8") + mail, encoding="utf-8")
    return at


def call(service: Service, token: str, name: str = "modtager") -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return service.client.post(f"/api/v1/canaries/{name}", headers=headers).status_code


def state(service: Service) -> str:
    """The canary's state as the metrics have it."""
    lines = service.get("/metrics").text.splitlines()
    found = [
        ln for ln in lines if ln.startswith("omsorgsvagt_check_state{") and "kanariefugl" in ln and ln.endswith(" 1.0")
    ]
    return found[0].partition('state="')[2].partition('"')[0] if found else ""


def test_it_comes_in_is_kept_and_a_bounce_is_read_and_set_aside(tmp_path: Path) -> None:
    at = configured(tmp_path)
    (tmp_path / "Maildir" / "new" / "1.M1P1.mx").write_bytes(dsn("failed", "5.1.1"))
    with running(at.config, tmp_path, SECRETS) as service:
        until(lambda: state(service) == "unknown")
        assert (call(service, "forkert"), call(service, SECRETS["canary_token"], "andet")) == (401, 404)
        assert call(service, SECRETS["canary_token"]) == 204
        until(lambda: state(service) == "up")

        said = 'omsorgsvagt_receipts_total{route="smtp",verdict="unknown"} 1.0'
        until(lambda: said in service.get("/metrics").text)

        service.hangup()
        until(lambda: "plan_reloaded" in service.log)
        until(lambda: state(service) == "up")
        assert service.get("/healthz").status_code == 200
        service.kill()
    with running(at.config, tmp_path, SECRETS) as service:
        until(lambda: state(service) == "up")
        assert SECRETS["canary_token"] not in service.log
        assert service.get("/api/v1/canaries/modtager").status_code == 405


def test_one_look_by_hand_says_what_it_waits_for(tmp_path: Path) -> None:
    result = configured(tmp_path).run("check", "kanariefugl")

    assert result.exit_code == 1
    assert "UNKNOWN  kanariefugl (canary)" in result.stdout
    assert "[awaited] venter på første prøvebesked: ventede ude inden 5 min" in result.stdout
