"""A real Kannel on loopback (bearerbox, smsbox and the fake carrier of kannel-extras), ended by its process ids.

The carrier's own log says which texts reached it; its standard input is the phones that write to us.
"""

import asyncio
import contextlib
import re
import tempfile
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote_plus, unquote_plus, unquote_to_bytes

import httpx

from tests.support.sip_process import free_port, program, running

FAKE_CARRIER = Path("/usr/lib/kannel/test/fakesmsc")
_GOT = re.compile(r"Got message \d+: <(.*)>$")
_TEXT = re.compile(r"\S+ (\S+) (?:text (.*)|data (\S*)|udh (\S+) (?:text|data) (\S*))$")
_ADMIN = "admin"


@dataclass(slots=True)
class Kannel:
    """A running Kannel. `port` takes `sendsms` for `user` and `password`."""

    folder: Path
    port: int
    admin_port: int
    carrier_port: int
    user: str = "vagt"
    password: str = "kannel-der-er-hemmelig"
    _carrier: Process | None = None
    _carriers: int = field(default=0)

    @property
    def url(self) -> str:
        """What a route is given as `url`."""
        return f"http://127.0.0.1:{self.port}"

    def sent(self) -> list[tuple[str, str]]:
        """Every text that reached the carrier, oldest first: to whom and what; the parts of one are put together."""
        logs = sorted(self.folder.glob("carrier-*.log"))
        lines = [line for log in logs for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
        return _texts(found[1] for line in lines if (found := _GOT.search(line)))

    def parts(self) -> int:
        """How many SMS reached the carrier; a text of several parts is several."""
        logs = "".join(log.read_text(encoding="utf-8", errors="replace") for log in self.folder.glob("carrier-*.log"))
        return logs.count("Got message ")

    async def start_carrier(self) -> None:
        """Let the carrier come; what Kannel has queued goes out. Returns when the link is up."""
        self._carriers += 1
        with (self.folder / f"carrier-{self._carriers:02d}.log").open("wb") as log:
            self._carrier = await asyncio.create_subprocess_exec(
                *(str(FAKE_CARRIER), "-H", "127.0.0.1", "-r", str(self.carrier_port), "-i", "0.01"),
                stdin=PIPE,
                stdout=log,
                stderr=STDOUT,
            )
        await until(lambda: self._carrier_is("online"))

    async def stop_carrier(self) -> None:
        """End the carrier. Returns when Kannel has seen that the link is gone."""
        if self._carrier is not None:
            await _end(self._carrier)
            self._carrier = None
            await until(lambda: self._carrier_is("connecting"))

    async def send_inbound(self, frm: str, to: str, text: str) -> None:
        """Let a phone send us a text; Kannel calls its `get-url`."""
        assert self._carrier is not None
        assert self._carrier.stdin is not None
        self._carrier.stdin.write(f"{frm} {to} data {quote_plus(text)}\n".encode())
        await self._carrier.stdin.drain()

    async def _carrier_is(self, word: str) -> bool:
        return f"FAKE:{self.carrier_port} ({word}" in (await self.status()).replace("re-connecting", "connecting")

    async def status(self) -> str:
        """What Kannel says of itself; empty when it does not answer."""
        async with httpx.AsyncClient(trust_env=False) as web:
            with contextlib.suppress(httpx.HTTPError):
                found = await web.get(f"http://127.0.0.1:{self.admin_port}/status.txt", params={"password": _ADMIN})
                return found.text
        return ""


@contextlib.asynccontextmanager
async def kannel(folder: Path, get_url: str = "") -> AsyncIterator[Kannel]:
    """A Kannel with its carrier up. Texts that phones send are told to `get_url`, with Kannel's own escapes in it."""
    own = Path(tempfile.mkdtemp(prefix="kannel-", dir=folder))
    boxes, sendsms, admin, carrier = (free_port() for _ in range(4))
    here = Kannel(own, sendsms, admin, carrier)
    config = own / "kannel.conf"
    config.write_text(_config(here, boxes, get_url or f"http://127.0.0.1:{free_port()}/"), encoding="utf-8")

    async def box_is_on() -> bool:
        return "smsbox:" in await here.status()

    async def core_is_on() -> bool:
        return "Status: running" in await here.status()

    async with (
        running([program("bearerbox"), str(config)], own, core_is_on),
        running([program("smsbox"), str(config)], own, box_is_on),
    ):
        try:
            await here.start_carrier()
            yield here
        finally:
            if here._carrier is not None:
                await _end(here._carrier)


def _config(here: Kannel, boxes: int, get_url: str) -> str:
    return f"""group = core
admin-port = {here.admin_port}
admin-password = {_ADMIN}
admin-allow-ip = 127.0.0.1
admin-interface = 127.0.0.1
smsbox-port = {boxes}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1

group = smsc
smsc = fake
smsc-id = carrier
port = {here.carrier_port}
connect-allow-ip = 127.0.0.1
reconnect-delay = 1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {here.port}
sendsms-interface = 127.0.0.1

group = sendsms-user
username = {here.user}
password = {here.password}
max-messages = 6
concatenation = true

group = sms-service
keyword = default
get-url = "{get_url}"
max-messages = 0
"""


def _texts(lines: Iterable[str]) -> list[tuple[str, str]]:
    texts: list[tuple[str, str]] = []
    joined: dict[tuple[str, bytes], int] = {}
    for line in lines:
        found = _TEXT.match(line)
        if found is None:
            # The carrier's protocol is of lines: a line end within a text begins a new line of its log.
            to, before = texts.pop()
            texts.append((to, f"{before}\n{line}"))
            continue
        to, plain, data, header, part = found.groups()
        text = plain if plain is not None else unquote_plus(data or part or "")
        key = (to, unquote_to_bytes(header)[:-1] if header else b"")
        if header and key in joined:
            texts[joined[key]] = (to, texts[joined[key]][1] + text)
            continue
        joined[key] = len(texts)
        texts.append((to, text))
    return texts


async def _end(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    await process.wait()


async def until(holds: Callable[[], object], within: float = 15.0, every: float = 0.05) -> None:
    """Wait until it holds, looking every so many seconds. Raises TimeoutError when it does not in time."""
    async with asyncio.timeout(within):
        while True:
            found = holds()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(every)
