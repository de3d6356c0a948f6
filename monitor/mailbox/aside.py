"""Work that blocks, done in a thread of its own that nothing waits for.

Context: a file on a mount whose server is gone, or a name that is not looked up, holds its thread and cannot be
interrupted. asyncio's own threads are few, shared, and waited for when the process ends. Choice: one daemon thread for
each piece of work. Price: some 0.1 ms each.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Generic, TypeVar

T = TypeVar("T")


class Aside(Generic[T]):
    """One piece of work; it `hangs` until it has ended, whoever still waits for it."""

    def __init__(self, work: Callable[[], T], name: str) -> None:
        self._work = work
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[T] = self._loop.create_future()
        self.hangs = True
        threading.Thread(target=self._run, name=name, daemon=True).start()

    async def answer(self) -> T:
        """What came of it. Raises what the work raised."""
        return await self._answer

    def _run(self) -> None:
        try:
            found = self._work()
        except Exception as exc:
            self._end(partial(self._answer.set_exception, exc))
        else:
            self._end(partial(self._answer.set_result, found))

    def _end(self, settle: Callable[[], None]) -> None:
        self.hangs = False
        # The loop may have ended while the work hung.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(lambda: None if self._answer.done() else settle())
