"""The bytes of what is stored already, read from any of its copies: where one fails, the next goes on."""

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import msgspec

from intaglio.base.errors import Unavailable
from intaglio.stores.base import Broken, Busy, Store, StoreError

_log = logging.getLogger(__name__)


class DeliveryBroken(Unavailable):
    """Every copy of the image failed while it was read; the connection ends early."""

    code = "delivery-broken"


class Copy(msgspec.Struct, frozen=True):
    """One place that holds the bytes."""

    store_id: str
    store: Store
    key: str


async def continued(
    copies: Sequence[Copy], name: str, size: int, offset: int, length: int
) -> AsyncGenerator[bytes, None]:
    """The bytes [offset, offset + length) of `size`, from the copies in their order, each continuing where one failed.

    The first copy is taken to have `size` bytes. `name` is for the log. Raises `DeliveryBroken`.
    """
    end = offset + length
    left = list(copies)
    while offset < end:
        began, copy = offset, left[0]
        try:
            if copy is not copies[0]:
                await require_size(copy, size)
            async with aclosing(copy.store.open(copy.key, offset, end - offset)) as pieces:
                async for piece in pieces:
                    offset += len(piece)
                    yield piece
        except StoreError as error:
            again = isinstance(error, Busy) and offset > began  # such as an idle connection that was closed
            if not again:
                del left[0]
            where = f"{name}, byte {offset}"
            _log.warning("%s: the copy in store %s failed: %s", where, copy.store_id, error)
            if not left:
                raise DeliveryBroken(f"No copy of {where} could be read on.") from error


async def require_size(copy: Copy, size: int) -> None:
    """Raise the `StoreError` of a copy that cannot be read, or has another length than the image."""
    found = (await copy.store.stat(copy.key)).size
    if found != size:
        raise Broken(f"the object has {found} bytes where {size} were stored")
