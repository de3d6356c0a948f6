"""A real sipp as a receiver that answers OPTIONS with one code, or never, ended by its process id."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

from tests.support.sip_process import free_port, program, running, taken

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n<scenario name="modtager">\n'
_ANSWER = """\
  <recv request="OPTIONS"/>
  <send><![CDATA[
SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:];tag=[pid][call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
"""
_SILENCE = '  <recv request="OPTIONS"/>\n  <recv request="BYE"/>\n'


@contextlib.asynccontextmanager
async def sipp(folder: Path, status: str, transport: Literal["udp", "tcp"] = "udp") -> AsyncIterator[int]:
    """A receiver that answers `status` (`200 OK`), or nothing at all where it is empty; its port."""
    port, scenario = free_port(), folder / "scenario.xml"
    scenario.write_text(f"{_HEAD}{_ANSWER.format(status=status) if status else _SILENCE}</scenario>\n")
    mode = {"udp": "u1", "tcp": "t1"}[transport]
    command = [program("sipp"), "-sf", str(scenario), "-i", "127.0.0.1", "-p", str(port), "-t", mode, "-nostdin"]
    async with running(command, folder, lambda: taken(port, transport)):
        yield port
