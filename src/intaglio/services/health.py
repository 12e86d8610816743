"""Asks the parts the service stands on whether they work."""

import asyncio

from intaglio.base.errors import IntaglioError
from intaglio.services.parts import Parts
from intaglio.stores.base import Store


async def problems(parts: Parts) -> list[str]:
    """One sentence for each part that does not work now; empty when all do."""
    checks = [_database(parts), *(_store(store_id, store) for store_id, store in parts.stores.items())]
    return [problem for problem in await asyncio.gather(*checks) if problem]


async def _database(parts: Parts) -> str | None:
    try:
        await parts.database.check()
    except IntaglioError as error:
        return f"database: {error}"
    return None


async def _store(store_id: str, store: Store) -> str | None:
    try:
        await store.check()
    except IntaglioError as error:
        return f"store {store_id}: {error}"
    return None
