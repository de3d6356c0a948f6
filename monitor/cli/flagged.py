"""What the service's database says of addresses, for commands that can do without it.

Nothing here fails or waits long: without a database, or with one that cannot be read now, nothing is known.
"""

import asyncio

from monitor.core.records import AddressRow
from monitor.ports import StoreFault
from monitor.settings import ServiceSettings
from monitor.store.store import Store

_PATIENCE = 5.0


def flagged(settings: ServiceSettings) -> tuple[AddressRow, ...]:
    """The addresses carriers say are no more; none where that cannot be read."""
    # Whoever looks must not make an empty database in the service's place.
    if not settings.database_url and not settings.file.is_file():
        return ()
    return asyncio.run(_read(settings.database))


async def _read(url: str) -> tuple[AddressRow, ...]:
    store = Store(url)
    try:
        async with asyncio.timeout(_PATIENCE):
            return await store.flagged()
    except (StoreFault, TimeoutError):
        return ()
    finally:
        await store.close()
