"""The port itself, over real sockets: what it says of itself, and how much it listens to."""

import asyncio
from pathlib import Path

import httpx
import pytest

from monitor.web import wire
from tests.web.setting import TOKEN, serving, setting


async def _raw(port: int, sent: bytes, *, end: bool = False) -> bytes:
    """Everything that comes back until the other side closes; at most ten seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        if end:
            writer.write_eof()
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_it_answers_and_does_not_say_what_it_is(tmp_path: Path) -> None:
    async with setting(tmp_path) as s, serving(s.site) as server:
        text = await _raw(server.port, b"GET / HTTP/1.1\r\nhost: hvem-som-helst.example\r\nconnection: close\r\n\r\n")

        head = text.partition(b"\r\n\r\n")[0].lower()
        assert head.startswith(b"http/1.1 200")
        assert b"server:" not in head
        assert b"uvicorn" not in text.lower()


async def test_head_and_get_share_a_connection(tmp_path: Path) -> None:
    async with setting(tmp_path) as s, serving(s.site) as server:
        asked = b"HEAD /tavle HTTP/1.1\r\nhost: x\r\n\r\nGET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        text = await _raw(server.port, asked)

        assert text.count(b"HTTP/1.1 200") == 2
        assert b"<html" not in text
        assert text.endswith(b"ok\n")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 8_000 + b"\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 400_000,
        b"GET / HTTP/1.1\r\n" + b"a" * 400_000,
    ],
    ids=["path", "header", "headers", "endless value", "endless name"],
)
async def test_a_head_that_is_too_large_is_refused(tmp_path: Path, head: bytes) -> None:
    async with setting(tmp_path) as s, serving(s.site) as server:
        text = await _raw(server.port, head)

        assert text == b"" or text.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400"))
        async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
            assert (await client.get("/healthz")).status_code == 200


async def test_who_never_finishes_asking_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "HEAD_SECONDS", 0.2)
    async with setting(tmp_path) as s, serving(s.site) as server:
        silent, half, second = await asyncio.gather(
            _raw(server.port, b""),
            _raw(server.port, b"GET / HTTP/1.1\r\nhost"),
            _raw(server.port, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\nGET /healthz HTTP/1.1\r\nho"),
        )

        assert (silent, half) == (b"", b"")
        assert second.count(b"HTTP/1.1 200") == 1


async def test_more_connections_than_there_is_room_for_are_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "CONNECTIONS", 3)
    async with setting(tmp_path) as s, serving(s.site) as server:
        held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(3)]
        for reader, writer in held:
            writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            await reader.readuntil(b"ok\n")
        refused = await _raw(server.port, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        for _, writer in held:
            writer.close()

        assert refused == b""


@pytest.mark.parametrize(
    "asked",
    [
        b"garbage\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /%ff%fe HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n\r\n",
        b"\r\n" * 50_000,
    ],
)
async def test_what_is_no_request_harms_nobody(tmp_path: Path, asked: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "HEAD_SECONDS", 0.2)
    async with setting(tmp_path) as s, serving(s.site) as server:
        text = await _raw(server.port, asked)

        assert b"HTTP/1.1 500" not in text
        async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
            assert (await client.get("/readyz")).status_code == 200


async def test_a_body_over_the_limit_is_refused_while_it_is_still_coming(tmp_path: Path) -> None:
    async with setting(tmp_path) as s, serving(s.site) as server:
        head = (
            f"POST /api/v1/incidents/26-0001/note HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n"
            "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        text = await _raw(server.port, head.encode() + b"4000\r\n" + b"a" * 0x4000 + b"\r\n" + b"1\r\na\r\n")

        assert text.startswith(b"HTTP/1.1 413")
