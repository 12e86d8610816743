"""From the operator's settings to the stores. The only module that knows the drivers, each when it is used."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec

from intaglio.base.metrics import Counts
from intaglio.outbound.base import Fetcher
from intaglio.outbound.settings import OutboundSettings
from intaglio.stores.base import Attributed, Misconfigured, NotFound, Store, StoreError
from intaglio.stores.counted import Counted
from intaglio.stores.facts import Learned, facts
from intaglio.stores.settings import OUTBOUND, StoreConfig, StoreSettings

T = TypeVar("T")

_log = logging.getLogger(__name__)


def _file(config: StoreConfig) -> Store:
    from intaglio.stores.drivers.file import FileStore  # noqa: PLC0415 - a driver nobody configured is not loaded

    return FileStore(config.id, config.options)


def _http(config: StoreConfig) -> Store:
    from intaglio.stores.drivers.http import HttpStore  # noqa: PLC0415 - as above

    def fetcher(settings: OutboundSettings) -> Fetcher:
        from intaglio.outbound.fetcher import HttpFetcher  # noqa: PLC0415 - it takes a while, and may not be needed

        return HttpFetcher(settings)

    settings = config.options.get(OUTBOUND)
    return HttpStore(config.id, settings if isinstance(settings, OutboundSettings) else OutboundSettings(), fetcher)


def _memory(config: StoreConfig) -> Store:
    from intaglio.stores.drivers.memory import MemoryStore  # noqa: PLC0415 - as above

    try:
        capacity = msgspec.convert(config.options.get("capacity"), int | None)
    except msgspec.ValidationError as error:
        raise Misconfigured(f"store {config.id!r} (type memory): capacity: {error}") from error
    return MemoryStore(config.id, capacity)


def _s3(config: StoreConfig) -> Store:
    try:
        from intaglio.stores.drivers.s3 import S3Store  # noqa: PLC0415 - as above
    except ImportError as error:
        raise _lacking(config, "s3", error) from error
    return S3Store(config.id, config.options)


def _rbd(config: StoreConfig) -> Store:
    from intaglio.stores.drivers.rbd import RbdStore  # noqa: PLC0415 - as above

    return RbdStore(config.id, config.options)


def _swift(config: StoreConfig) -> Store:
    try:
        from intaglio.stores.drivers.swift import SwiftStore  # noqa: PLC0415 - as above
    except ImportError as error:
        raise _lacking(config, "swift", error) from error
    if config.options.get("swift_store_multi_tenant"):
        from intaglio.stores.drivers.swift_tenants import SwiftTenants  # noqa: PLC0415 - as above

        return SwiftTenants(config.id, config.options)
    return SwiftStore(config.id, config.options)


def _cinder(config: StoreConfig) -> Store:
    try:
        from intaglio.stores.drivers.cinder import CinderStore  # noqa: PLC0415 - as above
    except ImportError as error:
        raise _lacking(config, "cinder", error) from error
    return CinderStore(config.id, config.options)


def _lacking(config: StoreConfig, extra: str, error: ImportError) -> Misconfigured:
    return Misconfigured(
        f"store {config.id!r} (type {config.type}) needs {error.name}, which is not installed; "
        f"install intaglio[{extra}]"
    )


DRIVERS: Mapping[str, Callable[[StoreConfig], Store]] = {
    "cinder": _cinder,
    "file": _file,
    "http": _http,
    "memory": _memory,
    "rbd": _rbd,
    "s3": _s3,
    "swift": _swift,
}


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """An object that a URL leads to: where it is, and the URI and metadata to record, without what logs in there.

    Only what is not this service's own has its URL as it was given, which is all that there is to read it by.
    """

    store_id: str
    store: Store
    key: str
    uri: str
    metadata: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Found({self.store_id}, {self.key})"


class Stores(Mapping[str, Store]):
    """All stores of a service by id."""

    def __init__(self, settings: StoreSettings, stores: Mapping[str, Store], counts: Counts | None = None) -> None:
        """`counts`: what the stores do is counted there, in the families of `intaglio.stores.counted`."""
        self.default = settings.default
        self.multi = settings.multi
        self.bare = dict(stores)
        """The drivers themselves, for what only some of them can: `Marked`, `Tenanted`, `Spacious`."""
        self._stores = {
            store_id: store if counts is None else Counted(store, store_id, counts)
            for store_id, store in stores.items()
        }
        self._configs = {config.id: config for config in settings.stores}

    def __getitem__(self, store_id: str) -> Store:
        return self._stores[store_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._stores)

    def __len__(self) -> int:
        return len(self._stores)

    def weight(self, store_id: str | None) -> int:
        """How much the store is preferred for reading; 0 for one that is not configured."""
        config = self._configs.get(store_id or "")
        return 0 if config is None else config.weight

    def config(self, store_id: str) -> StoreConfig:
        """A store's settings; its options may hold secrets."""
        return self._configs[store_id]

    def properties(self, store_id: str) -> Mapping[str, object]:
        """What an administrator is told of a store beside its type and weight."""
        store = self.bare[store_id]
        learned = store.learned() if isinstance(store, Learned) else {}
        return {**facts(self._configs[store_id]), **learned}

    def for_reading(self, locations: Iterable[T], store_of: Callable[[T], str | None]) -> list[T]:
        """The locations, highest weight first; equal ones keep their order, which is the database's."""
        return sorted(locations, key=lambda location: -self.weight(store_of(location)))

    def for_location(self, uri: str, metadata: Mapping[str, object]) -> tuple[str, Store, str]:
        """Id, store and key of a recorded location.

        `metadata["store"]` decides when it names a configured store; else (rows of a single-store service) the URI
        does, the default store asked first. Raises `NotFound`, whose text does not repeat the URI.
        """
        named = metadata.get("store")
        if isinstance(named, str) and named in self._stores:
            return named, self._stores[named], self._stores[named].adopt(uri)
        for store_id in sorted(self._stores, key=lambda store_id: store_id != self.default):
            try:
                return store_id, self._stores[store_id], self._stores[store_id].adopt(uri)
            except NotFound:
                continue
        scheme = uri.partition(":")[0]
        raise NotFound(f"no configured store holds this {scheme!r:.20} location; stores: {', '.join(self._stores)}")

    def at(self, url: str) -> Found:
        """What a URL that a caller names leads to. Raises `NotFound`, whose text does not repeat the URL."""
        store_id, store, key = self.for_location(url, {})
        metadata = {"store": store_id} if self.multi else {}
        return Found(store_id=store_id, store=store, key=key, uri=store.uri(key), metadata=metadata)

    def location(self, store_id: str, key: str) -> tuple[str, dict[str, str]]:
        """URI and metadata to record for an object just put."""
        store = self._stores[store_id]
        metadata = dict(store.metadata(key))
        if self.multi:
            metadata["store"] = store_id
        return store.uri(key), metadata

    async def attribute(self, store_id: str, key: str, owner: str | None) -> None:
        """Tell a store that wants to know it whose image an object is of. Never raises: it is no part of the object."""
        store = self.bare[store_id]
        if owner is not None and isinstance(store, Attributed):
            try:
                await store.attribute(key, owner)
            except StoreError as error:
                _log.warning("%s; the object %s has no owner there", error, key)

    async def prepare(self) -> dict[str, StoreError]:
        """Prepare every store at start; what hinders those that cannot be. The service starts without them."""
        troubles: dict[str, StoreError] = {}
        for store_id, store in self._stores.items():
            try:
                await store.prepare()
            except StoreError as error:
                troubles[store_id] = error
        return troubles

    async def close(self) -> None:
        """Close all."""
        for store in self._stores.values():
            await store.close()


def build(settings: StoreSettings, counts: Counts | None = None) -> Stores:
    """The stores of these settings; connects to nothing. `counts` as for `Stores`. Raises `Misconfigured`."""
    ids = [config.id for config in settings.stores]
    _refuse(ids, settings.default)
    stores: dict[str, Store] = {}
    for config in settings.stores:
        stores[config.id] = build_one(config)
    return Stores(settings, stores, counts)


def build_one(config: StoreConfig) -> Store:
    """The store of this configuration; connects to nothing. Raises `Misconfigured`."""
    driver = DRIVERS.get(config.type)
    if driver is None:
        raise Misconfigured(
            f"store {config.id!r}: the type {config.type!r} is not supported; supported are {', '.join(DRIVERS)}"
        )
    return driver(config)


def _refuse(ids: Sequence[str], default: str) -> None:
    twice = {store_id for store_id in ids if ids.count(store_id) > 1}
    if twice:
        raise Misconfigured(f"two stores have the id {', '.join(sorted(twice))}")
    if default not in ids:
        raise Misconfigured(
            f"the default store {default!r} is not one of the stores: {', '.join(ids) or 'there are none'}"
        )
