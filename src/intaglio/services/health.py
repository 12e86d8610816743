"""Asks the parts the service stands on whether they work."""

import asyncio
from collections.abc import Awaitable, Mapping

import msgspec

from intaglio.base.errors import IntaglioError
from intaglio.services.parts import Parts


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Why the database and each store do not work now; None for what works. `own` are the stores that keep images."""

    database: str | None
    stores: Mapping[str, str | None]
    own: frozenset[str] = frozenset()

    @property
    def serves(self) -> bool:
        """Whether this process can do any work: one store that is down takes none of the others with it."""
        own = self.own or self.stores.keys()
        return self.database is None and any(self.stores[store_id] is None for store_id in own)

    def problems(self) -> list[str]:
        """One sentence for each part that does not work; empty when all do."""
        found = [] if self.database is None else [f"database: {self.database}"]
        return found + [f"store {store_id}: {why}" for store_id, why in self.stores.items() if why is not None]


async def look(parts: Parts) -> Health:
    """Ask all parts at the same time."""
    checks = (parts.database.check(), *(store.check() for store in parts.stores.values()))
    database, *stores = await asyncio.gather(*(_trouble(check) for check in checks))
    own = frozenset(store_id for store_id, store in parts.stores.items() if store.abilities.owned)
    return Health(database=database, stores=dict(zip(parts.stores, stores, strict=True)), own=own)


async def _trouble(check: Awaitable[None]) -> str | None:
    try:
        await check
    except IntaglioError as error:
        return str(error)
    return None
