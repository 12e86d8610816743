"""The numbers of the service that are looked up when somebody asks for them: health, space, imports, removals."""

import asyncio
from collections.abc import Iterator, Mapping

from intaglio.base.errors import IntaglioError
from intaglio.base.metrics import Family, lines
from intaglio.db.base import Connection
from intaglio.db.repos import leases, receipts, tasks
from intaglio.services import health
from intaglio.services.parts import Parts
from intaglio.stores.base import Space, Spacious, StoreError

_DATABASE = Family("intaglio_database_healthy", "Whether the database answers.")
_HEALTHY = Family("intaglio_store_healthy", "Whether the store works now.", ("store",))
_SIZE = Family("intaglio_store_size_bytes", "What the store holds at most, where its back end says so.", ("store",))
_FREE = Family("intaglio_store_free_bytes", "What the store could still take.", ("store",))
_TASKS = Family(
    "intaglio_tasks", "Imports and other tasks on record, by what they are and how far.", ("type", "status")
)
_REMOVALS = Family("intaglio_removals", "Stored objects that wait to be removed, or were given up.", ("state",))
_RECEIPTS = Family("intaglio_receipts_waiting", "Images whose receipt is still to be written.")
_GAUGE = "gauge"
_SPACE_SECONDS = 4.0

Numbers = Mapping[tuple[str, ...], float]


async def text(parts: Parts) -> str:
    """All numbers, in Prometheus' text format; what the database would say is left out when it does not answer."""
    found, spaces, kept = await asyncio.gather(health.look(parts), _spaces(parts), _on_record(parts))
    gauges: list[tuple[Family, Numbers]] = [
        (_DATABASE, {(): float(found.database is None)}),
        (_HEALTHY, {(store_id,): float(why is None) for store_id, why in found.stores.items()}),
        (_SIZE, {(store_id,): float(space.size) for store_id, space in spaces.items()}),
        (_FREE, {(store_id,): float(space.free) for store_id, space in spaces.items()}),
        *kept,
    ]
    return "".join([*parts.counts.text(), *_written(gauges)])


def _written(gauges: list[tuple[Family, Numbers]]) -> Iterator[str]:
    for family, values in gauges:
        yield from lines(family, _GAUGE, values)


async def _spaces(parts: Parts) -> Mapping[str, Space]:
    asked = {store_id: store for store_id, store in parts.stores.bare.items() if isinstance(store, Spacious)}
    answers = await asyncio.gather(*(_space(store) for store in asked.values()))
    return {store_id: space for store_id, space in zip(asked, answers, strict=True) if space is not None}


async def _space(store: Spacious) -> Space | None:
    try:
        async with asyncio.timeout(_SPACE_SECONDS):
            return await store.space()
    except (StoreError, TimeoutError):
        return None  # its health says why


async def _on_record(parts: Parts) -> list[tuple[Family, Numbers]]:
    async def work(conn: Connection) -> list[tuple[Family, Numbers]]:
        waiting, given_up = await leases.removals(conn)
        return [
            (_TASKS, {(kind, status): float(number) for kind, status, number in await tasks.counts(conn)}),
            (_RECEIPTS, {(): float(await receipts.count_due(conn))}),
            (_REMOVALS, {("waiting",): float(waiting), ("given-up",): float(given_up)}),
        ]

    try:
        return await parts.database.read(work)
    except IntaglioError:
        return []
