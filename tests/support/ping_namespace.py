"""Pings inside a network of their own, where the kernel's settings are the test's to change; run as a process.

Reads a list of steps (JSON) from standard input, writes what each ping found to standard output. A step is
`{"allow": …}` for who may ping, `{"answer": …}` for how echo requests are answered, or a check's settings.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from tests.support.httpserver import context, probed

_ROOT = Path(__file__).parents[2]
_SYSCTL = Path("/proc/sys/net")
_SIOCSIFFLAGS, _UP_AND_RUNNING = 0x8914, 0x41
_IP_HEADER = 20


def available() -> bool:
    """Whether this process may make itself such a network."""
    return subprocess.run([*_unshare(), "true"], capture_output=True, check=False).returncode == 0


def pings(*steps: dict[str, Any]) -> list[dict[str, Any]]:
    """What each ping among the steps found: outcome, reason, expected, facts, and the log's lines."""
    command = [*_unshare(), sys.executable, "-m", "tests.support.ping_namespace"]
    done = subprocess.run(command, input=json.dumps(steps), cwd=_ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def _unshare() -> list[str]:
    own = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return [shutil.which("unshare") or "/usr/bin/unshare", *own, "--net"]


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _UP_AND_RUNNING))


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def _reply(request: bytes, token: bytes) -> bytes:
    head = struct.pack("!BBH", 0, 0, 0) + request[4:8]
    return struct.pack("!BBH", 0, 0, _checksum(head + token)) + request[4:8] + token


_ANSWERS: dict[str, Callable[[int, bytes], list[bytes]]] = {
    "every second": lambda number, request: [_reply(request, request[8:])] if number % 2 == 0 else [],
    "with another token": lambda _, request: [_reply(request, bytes(16))],
    "twice": lambda _, request: [_reply(request, request[8:])] * 2,
    "with a flood": lambda _, request: [_reply(request, bytes(16))] * 50 + [_reply(request, request[8:])],
    "never": lambda _number, _request: [],
}


@contextlib.asynccontextmanager
async def _answering(how: str) -> AsyncIterator[None]:
    """Answers IPv4 echo requests in the kernel's stead, in one of these ways; empty leaves it to the kernel."""
    (_SYSCTL / "ipv4/icmp_echo_ignore_all").write_text("1" if how else "0")
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.setblocking(False)

        def heard() -> None:
            packet = raw.recv(512)[_IP_HEADER:]
            for reply in _ANSWERS[how](packet[7], packet) if packet[0] == 8 else ():
                raw.sendto(reply, ("127.0.0.1", 0))

        loop = asyncio.get_running_loop()
        if how:
            loop.add_reader(raw, heard)
        try:
            yield
        finally:
            loop.remove_reader(raw)


async def _run(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found, how, memory = [], "", dict[str, Any]()
    for step in steps:
        if "allow" in step:
            (_SYSCTL / "ipv4/ping_group_range").write_text(step["allow"])
        elif "answer" in step:
            how = step["answer"]
        else:
            async with _answering(how):
                with capture_logs() as logs:
                    finding = await probed(context(memory=memory), kind="ping", **step)
            miss = finding.misses[0] if finding.misses else None
            found.append(
                {
                    "outcome": finding.outcome,
                    "reason": finding.reason,
                    "expected": miss.expected if miss else "",
                    "seen": miss.seen if miss else "",
                    "facts": dict(finding.facts),
                    "logs": [f"{line['event']}; {line.get('mend', '')}" for line in logs],
                }
            )
    return found


if __name__ == "__main__":
    _loopback_up()
    sys.stdout.write(json.dumps(asyncio.run(_run(json.load(sys.stdin)))))
