"""The bytes of an image on their way out: from the next copy where one fails, and compared with the image's digest."""

import hashlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Protocol

import msgspec

from intaglio.base.metrics import Counts
from intaglio.domain.digests import QUICK
from intaglio.domain.image import Image
from intaglio.ingest.door import Door
from intaglio.ingest.sources import Copy, continued
from intaglio.stores.counted import count_sent


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes of an image. `path` is set when the first copy is a local file that can be sent as such."""

    image: Image
    size: int
    copies: Sequence[Copy]  # the first has just been found readable
    door: Door
    path: Path | None = None
    quick: str | None = None  # the digest by which the whole is compared, if it is known

    def sent_as_file(self, counts: Counts) -> None:
        """Count that the first copy is sent by the server itself, past its store."""
        count_sent(counts, self.copies[0].store_id, self.size)

    async def read(self, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        """The bytes [offset, offset + length), of which the first are here when this returns; leave by `aclose`.

        The whole is verified while it passes. Raises `DeliveryBroken`, `NotAsStored`, and so does what is returned.
        """
        pieces = self._pieces(offset, length)
        return _begun(await anext(pieces, b""), pieces)

    def _pieces(self, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        pieces = continued(self.copies, f"image {self.image.id}", self.size, offset, length)
        digest = digest_of(self.image) if self.quick is None else (QUICK, self.quick)
        if digest is None or (offset, length) != (0, self.size):
            return pieces
        return self.door.discharge(pieces, *digest, f"image {self.image.id}")


async def _begun(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):
        if first:
            yield first
        async for piece in rest:
            yield piece


class Digested(Protocol):
    """What has digests: an image, or a copy of one."""

    @property
    def os_hash_algo(self) -> str | None: ...

    @property
    def os_hash_value(self) -> str | None: ...

    @property
    def checksum(self) -> str | None: ...


def digest_of(image: Digested) -> tuple[str, str] | None:
    """Algorithm and value of the image's digest: the newer one if this machine has its algorithm."""
    for algorithm, value in ((image.os_hash_algo, image.os_hash_value), ("md5", image.checksum)):
        if algorithm and value and algorithm in hashlib.algorithms_available and not algorithm.startswith("shake"):
            return algorithm, value
    return None
