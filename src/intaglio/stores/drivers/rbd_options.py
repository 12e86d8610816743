"""The options of an RBD store under Glance's names, and locations as Glance writes them."""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import quote, unquote

import msgspec

from intaglio.stores.base import KEY, Misconfigured, NotFound

MIB = 1024 * 1024
SNAPSHOT = "snap"
"""What Glance calls the one snapshot of an image: what is read, and what Nova and Cinder clone."""

_PATIENCE = 60.0  # an OSD that dies is missed for some 20 s, and another needs a while to stand in for it
_CONNECTING = 15.0
_ORDERS = range(12, 26)  # sizes of objects that librbd takes, as powers of two


class RbdOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Glance's options of the RBD store.

    `rbd_store_chunk_size` (MiB) is the size of the RADOS objects, rounded down to a power of two as Glance does.
    `rados_connect_timeout` (seconds) bounds connecting and every operation; where it is not positive, which in Glance
    means to wait for ever, 15 and 60 do.
    """

    rbd_store_chunk_size: Annotated[int, msgspec.Meta(ge=1)] = 8
    rbd_store_pool: str = "images"
    rbd_store_user: str | None = None
    rbd_store_ceph_conf: str = ""
    rados_connect_timeout: int = -1
    rbd_thin_provisioning: bool = False

    @property
    def order(self) -> int:
        """The size of an object as a power of two."""
        return (self.rbd_store_chunk_size * MIB).bit_length() - 1

    @property
    def connecting(self) -> float:
        """Seconds to reach the monitors."""
        return self.rados_connect_timeout if self.rados_connect_timeout > 0 else _CONNECTING

    @property
    def patience(self) -> float:
        """Seconds that one operation of the cluster may take."""
        return self.rados_connect_timeout if self.rados_connect_timeout > 0 else _PATIENCE


def options(store: str, given: Mapping[str, object]) -> RbdOptions:
    """The options, checked; raises `Misconfigured` naming the option."""
    try:
        chosen = msgspec.convert(dict(given), RbdOptions, strict=False)
    except msgspec.ValidationError as error:
        raise Misconfigured(f"store {store!r} (type rbd): {error}") from error
    if not chosen.rbd_store_pool:
        raise Misconfigured(f"store {store!r} (type rbd): rbd_store_pool must be set")
    if chosen.order not in _ORDERS:
        raise Misconfigured(
            f"store {store!r} (type rbd): rbd_store_chunk_size must be 1 to 32, not {chosen.rbd_store_chunk_size}"
        )
    return chosen


def location(fsid: str, pool: str, key: str) -> str:
    """`rbd://<fsid>/<pool>/<image>/snap`, each part escaped as Glance does."""
    return "rbd://" + "/".join(quote(part, safe="") for part in (fsid, pool, key, SNAPSHOT))


def key_of(store: str, fsid: str | None, pool: str, uri: str) -> tuple[str, bool]:
    """The key in a location that names this pool, and whether it names the snapshot.

    The oldest form, `rbd://<image>`, means the configured pool and no snapshot. The cluster is compared when it is
    known, which it is once the store has reached it. Raises `NotFound`.
    """
    scheme, separator, rest = uri.strip().partition("://")
    match [unquote(part) for part in rest.split("/")] if scheme == "rbd" and separator else []:
        case [key] if KEY.fullmatch(key):
            return key, False
        case [cluster, place, key, snapshot] if KEY.fullmatch(key):
            if (place, snapshot) == (pool, SNAPSHOT) and fsid in {None, cluster}:
                return key, True
    raise NotFound(f"the location is not of store {store!r}, which is the pool {pool!r} of its cluster")
