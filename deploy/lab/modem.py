"""A stand-in for our own GSM modem: the folders of gammu-smsd's files backend (DOMAIN §5).

It shares nothing with our internet line, so it still sends when the whole line is dead.
"""

import asyncio
import re
from pathlib import Path
from typing import ClassVar

from breaking import How
from phones import Phones
from standin import Clock, StandIn

_LOOK_EVERY = 0.1
_SIZE_LIMIT = 4096
_NUMBER = re.compile(r"^OUT[A-Z]?(?:\d{8}_\d{6}_\d+_)?(\+?\d{6,15})(?=[_.])")


class Modem(StandIn):
    """`folder` gets outbox, sent, error and inbox; a file in outbox is a text to send."""

    hows: ClassVar = {
        "stuck": How("files stay in the outbox"),
        "error": How("files are moved to the error folder; nothing is sent"),
    }
    over_the_line: ClassVar = False

    def __init__(self, clock: Clock, phones: Phones, folder: Path) -> None:
        super().__init__(clock)
        self._phones = phones
        self._folder = folder
        for name in ("outbox", "sent", "error", "inbox"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def addresses(self) -> dict[str, str]:
        """The folder that holds the four."""
        return {"modem": str(self._folder)}

    async def turn(self) -> None:
        """Look in the outbox again and again, without end."""
        while True:
            if self.how != "stuck":
                self.look()
            await asyncio.sleep(_LOOK_EVERY)

    def look(self) -> None:
        """Send what lies in the outbox, oldest name first."""
        for path in sorted((self._folder / "outbox").glob("OUT*.txt*")):
            number = _NUMBER.match(path.name)
            sends = number is not None and self.how != "error"
            content = path.read_bytes()[:_SIZE_LIMIT]
            text = content.decode("utf-16" if content[:2] in (b"\xfe\xff", b"\xff\xfe") else "utf-8", "replace")
            path.replace(self._folder / ("sent" if sends else "error") / path.name)
            self.seen["sent" if sends else "error"] += 1
            if number is not None and sends:
                self._phones.ring(number.group(1), text.strip("\n"), sender="modem", via="modem", key=path.stem)
