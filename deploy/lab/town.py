"""The lab's composition: every stand-in on its ports, the phones, the mailbox and the control interface.

Everything listens on the loopback only; the ports are free ones, or a row from a given number on.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count, repeat
from pathlib import Path
from typing import Any

import clock
from control import Control
from cpsms import Cpsms
from devices import RHYTHM, Devices
from gatewayapi import GatewayApi
from known import INSTANCE, SECRETS
from line import Gateway, Line, Resolver, Site
from mails import Mailbox, MailFeed
from medico import Medico
from modem import Modem
from nexus import Nexus
from phones import Phones
from phoniro import Phoniro
from receipts import Receipts
from receiver import Receiver
from secure import Authority, SecureSite
from smsgate import Street
from standin import StandIn


def _ports(base: int) -> Iterator[int]:
    """Port numbers to use: a row from `base` on, or 0 (any free one) again and again."""
    return count(base) if base else repeat(0)


class Lab:
    """All of it. `folder` is where the certificate authority's file and the modem's folders lie."""

    def __init__(self, folder: Path, group: asyncio.TaskGroup, base: int = 0, rhythm: float = RHYTHM) -> None:
        port = _ports(base)
        ticks = clock.monotonic
        self.phones = Phones(clock.now)
        control = next(port)
        receipts = Receipts(group.create_task)
        street = Street(self.phones, receipts, clock.now)
        authority = Authority(clock.now, folder)
        self.modem = Modem(ticks, self.phones, folder / "modem")
        self.devices = Devices(ticks, folder, rhythm)
        mails, tls = MailFeed(clock.now), authority.context()
        self.systems: dict[str, StandIn] = {
            "nexus": Nexus(ticks, (next(port), next(port))),
            "phoniro": Phoniro(ticks, next(port)),
            "sip": Receiver(ticks, authority.context, (next(port), next(port))),
            "medico": Medico(ticks, (next(port), next(port))),
            "gatewayapi": GatewayApi(ticks, street, next(port)),
            "cpsms": Cpsms(ticks, street, next(port)),
            "modem": self.modem,
            "devices": self.devices,
            "mailbox": Mailbox(ticks, "smtp", mails, tls, next(port)),
            "mailbox-2": Mailbox(ticks, "smtp_2", mails, tls, next(port)),
            "site-a": Site(ticks, "site_a", next(port)),
            "site-b": Site(ticks, "site_b", next(port)),
            "gateway": Gateway(ticks, next(port)),
            "resolver": Resolver(ticks, next(port)),
            "tls": SecureSite(ticks, "tls", authority, next(port)),
            "tls-phoniro": SecureSite(ticks, "tls_phoniro", authority, next(port)),
        }
        self.systems["line"] = Line(ticks, tuple(self.systems.values()))
        self.control = Control(self.systems, self.phones, mails, control)
        self.control.report = self.devices.report

    def addresses(self) -> dict[str, Any]:
        """Where everything is: strings by name, `secrets` by secret name, `instance` and this process's `pid`."""
        found: dict[str, Any] = {"control": self.control.web.url, "pid": os.getpid(), "instance": INSTANCE}
        for system in self.systems.values():
            found |= system.addresses()
        return found | {"secrets": dict(SECRETS)}

    async def start(self) -> None:
        """Open every door."""
        for system in self.systems.values():
            await system.start()
        self.control.addresses = self.addresses()
        await self.control.web.door.open()

    async def stop(self) -> None:
        """Give back every port."""
        await self.control.web.door.release()
        for system in self.systems.values():
            await system.stop()


@asynccontextmanager
async def running(folder: Path, base: int = 0, rhythm: float = RHYTHM) -> AsyncIterator[Lab]:
    """A lab that is ready, and gone afterwards. Raises OSError when a given port is taken."""
    async with asyncio.TaskGroup() as group:
        lab = Lab(folder, group, base, rhythm)
        await lab.start()
        turning = [group.create_task(one) for one in (lab.modem.turn(), lab.devices.turn())]
        try:
            yield lab
        finally:
            for one in turning:
                one.cancel()
            await lab.stop()
