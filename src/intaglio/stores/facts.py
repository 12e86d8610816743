"""What an administrator is told of each store: of every type the settings that Glance shows, never a secret."""

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

from intaglio.stores.settings import StoreConfig

Facts = Mapping[str, object]


@runtime_checkable
class Learned(Protocol):
    """A store that finds something out which is shown, too."""

    def learned(self) -> Facts:
        """What it knows by now; nothing secret."""
        ...


def _file(options: Mapping[str, object]) -> Facts:
    several = options.get("filesystem_store_datadirs")
    places = [str(place) for place in several] if isinstance(several, tuple | list) else []
    return {
        "data_dir": options.get("filesystem_store_datadir") or ",".join(places) or None,
        "chunk_size": options.get("filesystem_store_chunk_size", 65536),
        "thin_provisioning": options.get("filesystem_thin_provisioning", False),
    }


def _s3(options: Mapping[str, object]) -> Facts:
    defaults = {
        "s3_store_large_object_size": 100,
        "s3_store_large_object_chunk_size": 10,
        "s3_store_thread_pools": 10,
    }
    return {name: options.get(name, default) for name, default in defaults.items()}


def _rbd(options: Mapping[str, object]) -> Facts:
    return {
        "chunk_size": options.get("rbd_store_chunk_size", 8),
        "pool": options.get("rbd_store_pool", "images"),
        "thin_provisioning": options.get("rbd_thin_provisioning", False),
    }


def _cinder(options: Mapping[str, object]) -> Facts:
    return {
        "volume_type": options.get("cinder_volume_type"),
        "use_multipath": options.get("cinder_use_multipath", False),
    }


def _swift(options: Mapping[str, object]) -> Facts:
    def size(name: str, default: int) -> int:
        return int(str(options.get(f"swift_store_{name}", default))) * 1000 * 1024  # Glance shows bytes

    return {
        "container": options.get("swift_store_container", "glance"),
        "large_object_size": size("large_object_size", 5120),
        "large_object_chunk_size": size("large_object_chunk_size", 200),
    }


_OF_TYPE: Mapping[str, Callable[[Mapping[str, object]], Facts]] = {
    "cinder": _cinder,
    "file": _file,
    "rbd": _rbd,
    "s3": _s3,
    "swift": _swift,
}


def facts(config: StoreConfig) -> Facts:
    """The shown settings of a store; empty for a type of which there is nothing to show."""
    of_type = _OF_TYPE.get(config.type)
    return {} if of_type is None else of_type(config.options)
