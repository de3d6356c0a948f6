"""A small plan for the running service whose first ways out can be made to fail in every way the field knows.

The second gateway, the second relay and the systems are those of `tests.crash.sinks`, and always well.
"""

import json
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.crash.sinks import Ports, World, sinks
from tests.intake.test_sms import signed
from tests.support.lab import until
from tests.support.service import ROOT, Service, running

FIRST, NEXT, OWNER = "4500000001", "4500000002", "4500000003"
FIRST_MAIL = "vagt@eksempel.example"
SECRETS = {"gatewayapi_token": "gatewayens-noegle-27", "gatewayapi_jwt_secret": "gatewayens-underskrift-27"}
RECEIPT_WITHIN = 10.0
_PLAN = """
municipality: Prøvekommune
owner: it
calendar: {{holidays: none, closed: [], periods: {{altid_dag: otherwise}}}}
people:
  vagt: {{name: Vagten, sms: "+{first}", mail: {first_mail}}}
  leder: {{name: Lederen, sms: "+{next}"}}
  it: {{name: IT, sms: "+{owner}"}}
roles:
  vagt: {{title: Vagten, duty: vagt}}
  leder: {{title: Lederen, duty: leder}}
  it: {{title: IT, duty: it}}
chains:
  nedbrud:
    period: altid_dag
    systems: [{names}]
    severities: [down]
    steps: [{{after: 0s, tell: vagt, by: [sms, mail]}}, {{after: 10m, tell: leder, by: sms}}]
  egne:
    period: altid
    systems: [egen_linje, alarmvej, vagten]
    severities: [down, degraded]
    steps: [{{after: 0s, tell: it, by: sms}}]
requirements: {{s01: {{phone_within: 5m}}}}
rules: {{receipt_within: {receipt_within:g}s}}
routes:
  sms:
    - {{via: gatewayapi, name: a, url: "{a}", sender: Vagt, timeout: {timeout}, receipts: {receipts}}}
    - {{via: gatewayapi, name: b, url: "http://127.0.0.1:{b}", sender: Vagt}}
  mail:
    - {{name: c, smtp: "{c}", security: none, sender: omsorgsvagt@eksempel.example, timeout: 3s}}
    - {{name: d, smtp: "127.0.0.1:{d}", security: none, sender: omsorgsvagt@eksempel.example, timeout: 3s}}
"""


@dataclass
class Gateway:
    """GatewayAPI as a provider in trouble: `mood` is how it answers, `taken` the (id, number, text) it has taken."""

    mood: str = "well"
    port: int = 0
    taken: list[tuple[int, str, str]] = field(default_factory=list)
    asked: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, body: Any) -> tuple[int, object]:
        """What a text is answered."""
        self.asked += 1
        if self.mood == "500":
            return 500, {"message": "Internal Server Error"}
        if self.mood == "error-200":
            return 200, {"code": "0x0213", "message": "The message was not accepted"}
        if self.mood == "no-credit":
            return 403, {"code": "0x0216", "message": "Insufficient credit"}
        self.taken.append((7000 + len(self.taken), str(body["recipients"][0]["msisdn"]), body["message"]))
        return 200, {"ids": [self.taken[-1][0]], "usage": {}}


@contextmanager
def gateway(mood: str = "well") -> Iterator[Gateway]:
    """It runs; one that refuses has no port that anybody listens on, one that hangs takes calls and says nothing."""
    place = Gateway(mood)
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if place.mood == "timeout":
                place.asked += 1
                ended.wait(30)
                return
            self._say(*place.answer(body))

        def do_GET(self) -> None:
            self._say(200, {"credit": 0.0 if place.mood == "no-credit" else 1000.0, "currency": "DKK"})

        def _say(self, status: int, said: object) -> None:
            raw = json.dumps(said).encode()
            with suppress(OSError):
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

        def log_message(self, *_args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        place.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            if mood == "refuses":
                server.socket.close()
            yield place
        finally:
            ended.set()
            server.shutdown()
            thread.join()


@contextmanager
def dripping_relay() -> Iterator[tuple[str, list[float]]]:
    """A mail server that says one octet a second, for as long as anybody listens; its address, and who came when."""
    came: list[float] = []
    ended = threading.Event()

    def drip(to: socket.socket) -> None:
        with to, suppress(OSError):
            for octet in b"220 " + b"relay.example " * 1000:
                to.send(bytes([octet]))
                if ended.wait(1.0):
                    return

    def serve(door: socket.socket) -> None:
        with suppress(OSError):
            while True:
                to, _ = door.accept()
                came.append(time.monotonic())
                threading.Thread(target=drip, args=(to,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = threading.Thread(target=serve, args=(door,), daemon=True)
        thread.start()
        yield f"127.0.0.1:{door.getsockname()[1]}", came
        ended.set()
        door.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@dataclass
class Trouble:
    """The service's place: what is well besides, its folder and its configuration."""

    world: World
    ports: Ports
    folder: Path

    @contextmanager
    def service(self, a: str, *, by: str = "monitor.cli", **more: Any) -> Iterator[Service]:
        """The service with `a` as its first gateway (an address); `more` fills the plan, or is the environment's."""
        config = self.folder / "config"
        if not config.exists():
            self._write(config, a, more)
        environ = {name: value for name, value in more.items() if name.isupper()}
        with running(config, self.folder, SECRETS, by=by, **environ) as one:
            yield one

    def _write(self, config: Path, a: str, more: dict[str, Any]) -> None:
        shutil.copytree(ROOT / "config" / "texts", config / "texts")
        named = more.get("named", 0)
        names = ["s01", "s02", *(f"n{number:02d}" for number in range(named))]
        fill = {"c": f"127.0.0.1:{self.ports.relays[0]}", "receipts": "no", "timeout": "1s"} | more
        text = _PLAN.format(
            **{
                "first": FIRST,
                "next": NEXT,
                "owner": OWNER,
                "first_mail": FIRST_MAIL,
                "names": ", ".join(names),
                "receipt_within": RECEIPT_WITHIN,
                "a": a,
                "b": self.ports.gateways[1],
                "d": self.ports.relays[1],
            }
            | fill
        )
        (config / "plan.yaml").write_text(text, encoding="utf-8")
        lines = ["systems:"]
        for name in names:
            host = f"127.0.0.1:{self.ports.systems}" if name.startswith("s") else f"{name}.eksempel.example"
            check = f'{{name: c-{name}, kind: http, url: "http://{host}/{name}", every: 1s, timeout: 2s, confirm: 1}}'
            lines += [f"  {name}:", f"    title: {name.upper()}", f"    checks: [{check}]"]
        (config / "systems.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def told(self, to: str, *words: str, within: float = 20.0) -> float:
        """When the first message to this address with these words came (wall clock), once it has."""

        def found() -> float:
            for one in self.world.messages():
                if one.to == to and all(word in one.text for word in words):
                    return one.at
            return 0.0

        at: float = until(found, within)
        return at

    def texts(self, to: str) -> list[str]:
        """What the ways that are well have brought to this address."""
        return [one.text for one in self.world.messages() if one.to == to]


@contextmanager
def trouble(folder: Path) -> Iterator[Trouble]:
    """Begin."""
    world = World()
    with sinks(world) as ports:
        yield Trouble(world, ports, folder)


def receipt(service: Service, ident: int, number: str, now: float, status: str = "DELIVERED") -> int:
    """GatewayAPI tells what became of a text."""
    said = {"id": ident, "msisdn": int(number), "time": int(now), "status": status}
    headers = {"X-Gwapi-Signature": signed(said, SECRETS["gatewayapi_jwt_secret"])}
    return service.client.post("/api/v1/sms/a/receipt", headers=headers, json=said).status_code


def story_of(service: Service, system: str) -> dict[str, Any]:
    """A system's open incident, as the API tells it."""

    def found() -> str:
        open_ones = [one for one in service.status()["incidents"] if one["system"] == system]
        return open_ones[0]["number"] if open_ones else ""

    number = until(found)
    told: dict[str, Any] = service.get(f"/api/v1/incidents/{number}").raise_for_status().json()
    return told


def began(service: Service, system: str) -> float:
    """When its outage began (wall clock)."""
    return datetime.fromisoformat(story_of(service, system)["began"]).timestamp()


def entries(service: Service, system: str) -> list[str]:
    """The words of its timeline."""
    return [line["entry"] for line in story_of(service, system)["timeline"]]


def unsaid(log: str) -> None:
    """No secret, number or address stands in what the service has logged."""
    for private in (*SECRETS.values(), FIRST, NEXT, OWNER, FIRST_MAIL):
        assert private not in log, private
    assert "Traceback" not in log
