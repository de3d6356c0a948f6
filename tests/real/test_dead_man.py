"""The real process and somebody outside who waits for its signs of life: stopped, it is silent; back, it says so."""

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.bench import folder as small
from tests.support.lab import until
from tests.support.service import running

pytestmark = pytest.mark.real

EVERY = 2.0
AWAY = 11.0
SECRET = "/ping/0b7a6c3e-hemmelig"


class Outside:
    """What came, by when (monotonic): signs of life, and texts."""

    def __init__(self) -> None:
        self.signs: list[float] = []
        self.texts: list[str] = []
        self.port = 0


@contextmanager
def outside() -> Iterator[Outside]:
    place = Outside()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == SECRET:
                place.signs.append(time.monotonic())
            self._said(b"OK")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            place.texts.append(json.loads(body)["message"])
            self._said(b'{"ids": [1]}')

        def _said(self, said: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        place.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield place
        finally:
            server.shutdown()
            thread.join()


def test_a_stopped_process_is_silent_and_says_afterwards_that_it_was_away(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    with outside() as there:
        small.write(config, 1, (9, there.port), "every: 1s, confirm: 1, recover: 1")
        plan = config / "plan.yaml"
        plan.write_text(plan.read_text("utf-8") + f"dead_man: {{secret: dead_man_url, every: {EVERY:g}s}}\n", "utf-8")
        secrets = {"gatewayapi_token": "tegn", "dead_man_url": f"http://127.0.0.1:{there.port}{SECRET}"}
        with running(config, tmp_path, secrets) as service:
            until(lambda: there.texts and there.signs)
            service.process.send_signal(signal.SIGSTOP)
            stopped = time.monotonic()
            try:
                until(lambda: time.monotonic() - stopped > AWAY)
            finally:
                service.process.send_signal(signal.SIGCONT)
            went_on = time.monotonic()
            assert not [at for at in there.signs if stopped + 0.5 < at < went_on]
            until(lambda: there.signs[-1] > went_on)
            [number] = [one["number"] for one in service.status()["incidents"] if one["system"] == "system_0000"]
            story = service.get(f"/api/v1/incidents/{number}").json()
            away = [line["text"] for line in story["timeline"] if line["entry"] == "not_watched"]
            assert len(away) == 1 and away[0].startswith("tjenesten stod stille i 1")
            assert len([text for text in there.texts if "system_0000" in text]) == 1
            metrics = service.get("/metrics").text
            assert "omsorgsvagt_dead_man_last_sent_timestamp_seconds 0.0" not in metrics
            for shown in (metrics, service.log, json.dumps(service.status())):
                assert "hemmelig" not in shown
