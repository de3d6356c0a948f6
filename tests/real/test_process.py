"""The service as a process: how it ends, what the next one finds, and that it starts whatever state it is given."""

import json
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.bench import folder as small
from tests.support.lab import until
from tests.support.service import Service, running, start

pytestmark = pytest.mark.real

TOKEN = {"gatewayapi_token": "tegn"}


class Gateway:
    """An SMS gateway that takes each text and answers none until it is told to; `texts` is what it took."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.answers = threading.Event()
        self.port = 0


@contextmanager
def gateway() -> Iterator[Gateway]:
    """A running gateway; nobody waits for it any more at the end."""
    place = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            place.texts.append(body["message"])
            place.answers.wait(30)
            said = b'{"ids": [1]}'
            try:
                self.send_response(200)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)
            except OSError:
                self.close_connection = True

        def log_message(self, *_args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        place.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield place
        finally:
            place.answers.set()
            server.shutdown()
            thread.join()


def watching_nothing(folder: Path, sms: int) -> Path:
    """A configuration whose one system is never there, asked each second and believed at once."""
    where = folder / "config"
    where.mkdir()
    small.write(where, 1, (9, sms), "every: 1s, confirm: 1, recover: 1")
    plan = where / "plan.yaml"
    text = plan.read_text(encoding="utf-8").replace("sender: Vagt}", "sender: Vagt, timeout: 1s}")
    plan.write_text(text, encoding="utf-8")
    return where


def stop(service: Service, number: signal.Signals) -> int:
    service.process.send_signal(number)
    return service.process.wait(15)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_told(tmp_path: Path, number: signal.Signals) -> None:
    with running(watching_nothing(tmp_path, 9), tmp_path, TOKEN) as service:
        assert stop(service, number) == 0
        assert '"event": "stopped"' in service.log
        assert "Traceback" not in service.log


def test_told_twice_it_still_ends_in_order(tmp_path: Path) -> None:
    with gateway() as sms, running(watching_nothing(tmp_path, sms.port), tmp_path, TOKEN) as service:
        until(lambda: sms.texts)
        service.process.send_signal(signal.SIGTERM)
        service.process.send_signal(signal.SIGHUP)
        assert stop(service, signal.SIGTERM) == 0
        assert '"event": "stopped"' in service.log


def test_a_gateway_that_never_answers_does_not_keep_it_and_the_next_start_knows_what_is_owed(tmp_path: Path) -> None:
    with gateway() as sms:
        where = watching_nothing(tmp_path, sms.port)
        with running(where, tmp_path, TOKEN) as service:
            until(lambda: sms.texts)
            assert stop(service, signal.SIGTERM) == 0
        with running(where, tmp_path, TOKEN) as service:
            [number] = [one["number"] for one in service.status()["incidents"] if one["system"] == "system_0000"]
            story = service.get(f"/api/v1/incidents/{number}").json()
            assert [one["state"] for one in story["notices"]] == ["queued"]
            assert [line["entry"] for line in story["timeline"]].count("not_watched") == 1


def test_ended_in_the_middle_of_starting_it_starts_the_next_time(tmp_path: Path) -> None:
    where = watching_nothing(tmp_path, 9)
    service = start(where, tmp_path, TOKEN)
    until((tmp_path / "state" / "lock").exists)
    service.process.terminate()
    service.process.wait(15)
    service.client.close()
    with running(where, tmp_path, TOKEN) as service:
        assert service.get("/readyz").status_code == 200


def test_a_state_folder_that_cannot_be_written_keeps_nobody_from_being_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("en fil, ikke en mappe")
    with gateway() as sms:
        sms.answers.set()
        with running(watching_nothing(tmp_path, sms.port), tmp_path, TOKEN) as service:
            until(lambda: sms.texts)
            until(lambda: "omsorgsvagt_store_degraded 1.0" in service.get("/metrics").text)
            assert "state_not_writable" in service.log


def test_what_is_kept_is_nobody_elses_to_read(tmp_path: Path) -> None:
    with running(watching_nothing(tmp_path, 9), tmp_path, TOKEN) as service:
        state = tmp_path / "state"
        until(lambda: service.status()["incidents"])
        assert {path.name: oct(path.stat().st_mode & 0o077) for path in state.iterdir()} == {
            path.name: "0o0" for path in state.iterdir()
        }
    with closing(sqlite3.connect(state / "omsorgsvagt.db")) as file:
        assert file.execute("SELECT count(*) FROM incidents").fetchone()[0] >= 1
