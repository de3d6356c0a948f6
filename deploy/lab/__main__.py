"""The lab's command line: `python deploy/lab [serve|break|mend|report|state|ways|phones|mails|config]`.

`serve` prints one line of JSON with every address when it is ready and ends on SIGTERM or Ctrl-C; the other commands
speak to the lab that was started last, or to the one `--control` names.
"""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode, urlsplit

import config
from devices import RHYTHM
from town import running

_WITHIN = 10.0
_SHOWN = {
    "state": "how every system is",
    "ways": "the ways to break each",
    "phones": "the SMS that landed",
    "mails": "the mail that came",
}


def _noted() -> Path:
    """Where the lab started last says how to reach it; only this user's."""
    home = os.environ.get("XDG_RUNTIME_DIR") or str(Path.home() / ".cache")
    return Path(home) / "omsorgsvagt-lab.json"


def _say(value: Any, indent: int | None = 2) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=indent) + "\n")
    sys.stdout.flush()


async def _serve(base: int, rhythm: float, note: Path) -> None:
    # The mail server's library warns of its own attributes that nobody here uses.
    logging.getLogger("mail").setLevel(logging.ERROR)
    ended = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, ended.set)
    with TemporaryDirectory(prefix="omsorgsvagt-lab-") as folder:
        async with running(Path(folder), base, rhythm) as lab:
            addresses = lab.addresses()
            _remember(note, addresses)
            _say(addresses, None)
            await ended.wait()
            _forget(note)


def _remember(note: Path, addresses: dict[str, Any]) -> None:
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(addresses), encoding="utf-8")


def _forget(note: Path) -> None:
    """Remove the note unless another lab has written its own since."""
    if note.is_file() and json.loads(note.read_text(encoding="utf-8"))["pid"] == os.getpid():
        note.unlink()


def _ask(control: str, method: str, path: str) -> int:
    line = HTTPConnection(urlsplit(control).netloc, timeout=_WITHIN)
    try:
        line.request(method, path)
        reply = line.getresponse()
        _say(json.load(reply))
    except OSError as away:
        sys.stderr.write(f"no lab answers at {control}: {away}; start one with: python deploy/lab\n")
        return 2
    finally:
        line.close()
    return 0 if reply.status == 200 else 2


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python deploy/lab", description="Stand-ins to watch, break and mend.")
    parser.add_argument("--control", help="the control address of the lab to speak to")
    parser.add_argument("--note", type=Path, default=_noted(), help="the file that tells where the lab is")
    commands = parser.add_subparsers(dest="command")
    serve = commands.add_parser("serve", help="run the lab (the default)")
    serve.add_argument("--base-port", type=int, default=0, help="use the ports from this one on; 0 takes free ones")
    serve.add_argument("--rhythm", type=float, default=RHYTHM, help="seconds between two reports of a device")
    breaking = commands.add_parser("break", help="break a system, e.g. break nexus slow seconds=2")
    breaking.add_argument("system")
    breaking.add_argument("how")
    breaking.add_argument("numbers", nargs="*", metavar="name=number")
    mend = commands.add_parser("mend", help="mend one system, or all")
    mend.add_argument("system", nargs="?", default="")
    report = commands.add_parser("report", help="tell the devices where to report: scaip, http, and each fleet's token")
    report.add_argument("where", nargs="+", metavar="name=value")
    for name, what in _SHOWN.items():
        commands.add_parser(name, help=f"show {what}")
    overlay = commands.add_parser("config", help="write a configuration that watches the lab; prints its environment")
    overlay.add_argument("folder", type=Path)
    overlay.add_argument("--shipped", type=Path, default=Path("config"), help="the configuration to start from")
    overlay.add_argument("--quick", action="store_true", help="probe and confirm within seconds")
    overlay.add_argument("--listen", default="", help="where the service will listen (host:port), to send it receipts")
    return parser.parse_args(argv)


def _path(given: argparse.Namespace) -> tuple[str, str]:
    match given.command:
        case "break":
            numbers = urlencode([tuple(pair.partition("=")[::2]) for pair in given.numbers])
            return "POST", f"/break/{given.system}/{given.how}" + (f"?{numbers}" if numbers else "")
        case "report":
            return "POST", "/report?" + urlencode([tuple(pair.partition("=")[::2]) for pair in given.where])
        case "mend":
            return "POST", f"/mend/{given.system}".rstrip("/")
        case _:
            return "GET", f"/{given.command}"


def main(argv: Sequence[str]) -> int:
    """0 done, 2 could not."""
    given = _arguments(argv)
    if given.command in (None, "serve"):
        asyncio.run(_serve(getattr(given, "base_port", 0), getattr(given, "rhythm", RHYTHM), given.note))
        return 0
    if not given.control and not given.note.is_file():
        sys.stderr.write("no lab is running here; start one with: python deploy/lab\n")
        return 2
    noted = json.loads(given.note.read_text(encoding="utf-8")) if given.note.is_file() else {}
    control = given.control or noted["control"]
    if given.command == "config":
        _say(config.write(given.folder, noted, given.shipped, given.quick, given.listen))
        return 0
    return _ask(control, *_path(given))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
