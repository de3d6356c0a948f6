"""The command line in this process, before a small configuration and a web server of the test's own."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from monitor.cli.main import app
from tests.bench import folder as small

_OURS = ("OMSORGSVAGT_LISTEN", "OMSORGSVAGT_DATABASE_URL", "OMSORGSVAGT_LOG", "CREDENTIALS_DIRECTORY")


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where the commands are typed: `config` is the configuration, `state` the service's folder."""

    config: Path
    state: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    def run(self, *words: str, **environ: str) -> Result:
        """One command and what came of it; an exception that is no exit goes on to the test."""
        clean = dict.fromkeys(_OURS)
        given = {**clean, "STATE_DIRECTORY": str(self.state), "OMSORGSVAGT_CONFIG": str(self.config)}
        return CliRunner().invoke(app, list(words), env={**given, **self.environ, **environ}, catch_exceptions=False)

    def read(self, *words: str, **environ: str) -> tuple[int, Any]:
        """As `run` with --json: the exit code, and the answer as data."""
        result = self.run(*words, "--json", **environ)
        return result.exit_code, json.loads(result.stdout)

    def place(self, file: str, text: str) -> str:
        """Where a text that stands once is, as faults name it: file and line."""
        path = self.config / file
        [line] = [n for n, one in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if text in one]
        return f"{path}:{line}"

    def edit(self, file: str, old: str, new: str) -> None:
        """Change one place of a configuration file."""
        path = self.config / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new), encoding="utf-8")


def terminal(folder: Path, web: int = 9, sms: int = 9, **environ: str) -> Terminal:
    """A terminal before a configuration of two systems: web checks of 127.0.0.1:`web`, SMS by 127.0.0.1:`sms`."""
    config = folder / "config"
    config.mkdir()
    small.write(config, 2, (web, sms), "every: 30s, timeout: 5s, expect: {status: 200, body: Log ind}")
    return Terminal(config, folder / "state", environ)


@dataclass(slots=True)
class Web:
    """A running web server: `answers` by method and path, `asked` what came, oldest first."""

    port: int
    answers: dict[tuple[str, str], tuple[int, bytes]]
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def web(**pages: tuple[int, str]) -> Iterator[Web]:
    """Answers `GET /name` with the status and text given for `name`; the test may set `answers` itself."""
    answers = {("GET", f"/{name}"): (status, text.encode()) for name, (status, text) in pages.items()}

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            place.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            status, said = place.answers.get((self.command, self.path), (404, b""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = _any  # noqa: N815 - the library's names

        def log_message(self, *_args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        place = Web(server.server_address[1], answers)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield place
        finally:
            server.shutdown()
            thread.join()
