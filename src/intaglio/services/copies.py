"""From an image's locations to the stores and keys that hold its bytes."""

import logging
from collections.abc import Sequence

from intaglio.base.errors import Invalid
from intaglio.domain.image import Location
from intaglio.stores.base import Store, StoreError
from intaglio.stores.registry import Stores

_log = logging.getLogger(__name__)


class UnknownStore(Invalid):
    """No store that can be written to has this id."""

    code = "unknown-store"


def writable(stores: Stores, store_id: str | None) -> tuple[str, Store]:
    """The store to write to, the default one for None. Raises `UnknownStore`."""
    wanted = stores.default if store_id is None else store_id
    store = stores.get(wanted)
    if store is None or not store.abilities.write:
        known = ", ".join(name for name, candidate in stores.items() if candidate.abilities.write)
        raise UnknownStore(f"'{wanted[:80]}' is not a store that takes data; use one of: {known}.")
    return wanted, store


def by_weight(stores: Stores, locations: Sequence[Location]) -> list[Location]:
    """The locations in the order in which they are read: the heaviest store first."""
    return stores.for_reading(locations, lambda location: location.store)


def copies(stores: Stores, locations: Sequence[Location]) -> list[tuple[str, Store, str]]:
    """Store id, store and key of every location that a configured store holds, in reading order."""
    found = []
    for location in by_weight(stores, locations):
        try:
            found.append(stores.for_location(location.uri, location.metadata))
        except StoreError as error:
            _log.warning("location %s of an image cannot be used: %s", location.id, error)
    return found
