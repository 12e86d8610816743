"""The bytes of an image on their way out: from the next copy where one fails, and compared with the image's digest."""

import hashlib
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path

import msgspec

from intaglio.base.errors import Unavailable
from intaglio.domain.image import Image
from intaglio.ingest.door import Door
from intaglio.stores.base import Broken, Busy, Store, StoreError

_log = logging.getLogger(__name__)


class DeliveryBroken(Unavailable):
    """Every copy of the image failed while it was read; the connection ends early."""

    code = "delivery-broken"


class Copy(msgspec.Struct, frozen=True):
    """One place that holds the image's bytes."""

    store_id: str
    store: Store
    key: str


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes of an image. `path` is set when the first copy is a local file that can be sent as such."""

    image: Image
    size: int
    copies: Sequence[Copy]  # the first has just been found readable
    door: Door
    path: Path | None = None

    async def read(self, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        """The bytes [offset, offset + length), of which the first are here when this returns; leave by `aclose`.

        The whole is verified while it passes. Raises `DeliveryBroken`, `NotAsStored`, and so does what is returned.
        """
        pieces = self._pieces(offset, length)
        return _begun(await anext(pieces, b""), pieces)

    def _pieces(self, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        pieces = self._continued(offset, length)
        digest = _digest(self.image) if (offset, length) == (0, self.size) else None
        if digest is None:
            return pieces
        return self.door.discharge(pieces, *digest, f"image {self.image.id}")

    async def _continued(self, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        """From the copies in their order: where one fails, the next continues at the same byte."""
        end = offset + length
        copies = list(self.copies)
        while offset < end:
            began, copy = offset, copies[0]
            try:
                if copy is not self.copies[0]:
                    await require_size(copy, self.size)
                async with aclosing(copy.store.open(copy.key, offset, end - offset)) as pieces:
                    async for piece in pieces:
                        offset += len(piece)
                        yield piece
            except StoreError as error:
                again = isinstance(error, Busy) and offset > began  # such as an idle connection that was closed
                if not again:
                    del copies[0]
                where = f"image {self.image.id}, byte {offset}"
                _log.warning("%s: the copy in store %s failed: %s", where, copy.store_id, error)
                if not copies:
                    raise DeliveryBroken(f"No copy of {where} could be read on.") from error


async def _begun(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):
        if first:
            yield first
        async for piece in rest:
            yield piece


async def require_size(copy: Copy, size: int) -> None:
    """Raise the `StoreError` of a copy that cannot be read, or has another length than the image."""
    found = (await copy.store.stat(copy.key)).size
    if found != size:
        raise Broken(f"the object has {found} bytes where {size} were stored")


def _digest(image: Image) -> tuple[str, str] | None:
    """Algorithm and value of the image's digest: the newer one if this machine has its algorithm."""
    for algorithm, value in ((image.os_hash_algo, image.os_hash_value), ("md5", image.checksum)):
        if algorithm and value and algorithm in hashlib.algorithms_available and not algorithm.startswith("shake"):
            return algorithm, value
    return None
