"""A driver's thread may still answer when a connection that failed was let go: no test's loop ends before it has."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest


def _workers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if "_connection_worker_thread" in thread.name}


@pytest.fixture(autouse=True)
async def no_thread_is_left() -> AsyncIterator[None]:
    before = _workers()
    yield
    async with asyncio.timeout(10):
        while _workers() - before:  # noqa: ASYNC110 - a thread of the driver's own tells nobody that it ends
            await asyncio.sleep(0.001)
