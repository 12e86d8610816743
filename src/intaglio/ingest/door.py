"""The one door for bytes: limit, hash, inspect, verify, store. Nothing else writes to a store."""

import contextlib
import hashlib
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from blake3 import blake3

from intaglio.domain.digests import QUICK
from intaglio.formats.base import Buffer, Verdict
from intaglio.formats.judge import Inspection
from intaglio.ingest.base import (
    CapExceeded,
    Consumer,
    DigestMismatch,
    Ingested,
    NotAsStored,
    Sink,
    SizeMismatch,
    Spec,
    UnknownHash,
)
from intaglio.ingest.lanes import Lanes
from intaglio.stores.base import Chunk

_log = logging.getLogger(__name__)

BATCH = 512 * 1024
"""Bytes, at least, that are handed on at once: about two of the pieces that Granian delivers of a fast upload."""

SMALL = 16 * 1024
"""Bytes below which pieces are joined: by the call, hashing and writing them would cost more than copying does."""


class Door:
    """Lets bytes into stores, checked. One for each process; its threads are shared by all uploads."""

    def __init__(self, threads: int | None = None) -> None:
        self._pool = ThreadPoolExecutor(threads or max(4, os.cpu_count() or 1), thread_name_prefix="ingest")

    def close(self) -> None:
        """End the threads, after what they are busy with. The door is not used afterwards."""
        self._pool.shutdown()

    async def admit(
        self,
        source: AsyncIterator[bytes],
        store: Sink,
        key: str,
        spec: Spec,
        *,
        consumers: Sequence[Consumer] = (),
        verify: Callable[[Mapping[str, str]], None] | None = None,
        meter: Callable[[int], None] | None = None,
    ) -> Ingested:
        """Put the bytes of `source` into `store` under `key` if they are what `spec` says, all or nothing.

        Whatever is raised, by `source` too, and however it is cancelled, the store then holds nothing under `key`,
        since it is told that the object is complete only when everything was found in order.

        `consumers` see all bytes beside the digests; `verify` is called when they have, with all digests in hex by
        their names, and refuses the image by raising. `meter` is called on the event loop with the number of bytes of
        each piece before it is passed on, and refuses by raising, too. `source` is read until it ends or something is
        wrong, and is not closed.

        Raises `SizeMismatch`, `CapExceeded`, `UnknownHash`, `DigestMismatch`, `FormatMismatch`, `UnsafeContent`, and
        any `StoreError`.
        """
        passage = _Passage(source, spec, consumers, verify, meter)
        lanes = Lanes(self._pool, passage.consumers)
        try:
            async with contextlib.aclosing(passage.chunks(lanes)) as chunks:
                await store.put(key, chunks, spec.size)
        finally:
            lanes.abandon()
        return passage.result()

    async def examine(self, source: AsyncIterator[bytes], spec: Spec) -> Ingested:
        """What the bytes of `source` are, which stay where they are: read to the end, digested and judged as others.

        Raises what `admit` raises of the bytes, and what `source` raises; it is not closed.
        """
        passage = _Passage(source, spec, (), None, None)
        lanes = Lanes(self._pool, passage.consumers)
        try:
            async with contextlib.aclosing(passage.chunks(lanes)) as chunks:
                async for _ in chunks:
                    pass
        finally:
            lanes.abandon()
        return passage.result()

    async def look(self, source: AsyncIterator[bytes], spec: Spec, size: int) -> Verdict:
        """The verdict on `size` bytes that stay where they are, of which no more are read than it takes.

        Raises `CapExceeded`, `FormatMismatch`, `UnsafeContent`, and what `source` raises; it is not closed.
        """
        _require_within_cap(size, spec)
        inspection = Inspection(spec.formats, spec.disk_format, spec.container_format)
        async for piece in source:
            inspection.feed(piece)
            if not inspection.wants_more:
                break
        return inspection.finish(size)

    async def discharge(
        self,
        pieces: AsyncGenerator[bytes, None],
        algorithm: str,
        expected: str,
        name: str,
        *,
        consumers: Sequence[Consumer] = (),
    ) -> AsyncGenerator[bytes, None]:
        """Pass on all `pieces`, the last only when the digest of all (hex) is `expected`; they are closed at the end.

        `consumers` see all bytes beside the digest, and have seen them when this ends.

        Raises `NotAsStored`, which names the bytes by `name`, `UnknownHash`, and what `pieces` raise.
        """
        digest = _digest(algorithm)
        lanes = Lanes(self._pool, [digest, *consumers])
        held = b""
        try:
            async with contextlib.aclosing(pieces):
                async for piece in pieces:
                    lanes.put([piece], len(piece))
                    if held:
                        yield held
                    held = piece
                    await lanes.room()
            await lanes.drained()
        finally:
            lanes.abandon()
        if digest.hexdigest() != expected.lower():
            _log.error(
                "%s: the %s of what the store delivered is not the one on record; it was cut off", name, algorithm
            )
            raise NotAsStored(f"The data of {name} are not what was stored.")
        if held:
            yield held


class _Passage:
    """One stream on its way through the door."""

    def __init__(
        self,
        source: AsyncIterator[bytes],
        spec: Spec,
        consumers: Sequence[Consumer],
        verify: Callable[[Mapping[str, str]], None] | None,
        meter: Callable[[int], None] | None,
    ) -> None:
        if spec.size is not None:
            _require_within_cap(spec.size, spec)
        self._source = source
        self._spec = spec
        self._verify = verify
        self._meter = meter
        self._inspection = Inspection(spec.formats, spec.disk_format, spec.container_format)
        # each once: what is signed may be the digest that is on record anyway
        self._digests = {name: _digest(name) for name in ("md5", QUICK, spec.hashing_algorithm, *spec.digests)}
        self._size = 0
        self._result: Ingested | None = None
        self.consumers = (*self._digests.values(), *consumers)

    async def chunks(self, lanes: Lanes) -> AsyncGenerator[Chunk, None]:
        """What the store is given; ends only when everything has been verified."""
        batch: list[Buffer] = []
        size = 0
        async for piece in self._source:
            self._look_at(piece)
            _append(batch, piece)
            size += len(piece)
            if size < BATCH:
                continue
            lanes.put(batch, size)
            yield batch
            batch, size = [], 0
            await lanes.room()
        if batch:
            lanes.put(batch, size)
            yield batch
        await lanes.drained()
        self._result = self._settle()

    def result(self) -> Ingested:
        if self._result is None:
            raise RuntimeError("the store finished an object without reading to the end of it")
        return self._result

    def _look_at(self, piece: bytes) -> None:
        """Whatever can be refused already is refused here."""
        self._size += len(piece)
        if self._spec.size is not None and self._size > self._spec.size:
            raise SizeMismatch(f"More data came than the {self._spec.size} bytes that were announced.")
        _require_within_cap(self._size, self._spec)
        if self._meter is not None:
            self._meter(len(piece))
        if self._inspection.wants_more:
            self._inspection.feed(piece)

    def _settle(self) -> Ingested:
        """The verdict, with every byte seen by every consumer."""
        if self._spec.size not in {None, self._size}:
            raise SizeMismatch(f"The data ended after {self._size} of the {self._spec.size} bytes announced.")
        verdict = self._inspection.finish(self._size)
        digests = {name: digest.hexdigest() for name, digest in self._digests.items()}
        checksum, os_hash_value = digests["md5"], digests[self._spec.hashing_algorithm]
        _require_digest("MD5", checksum, self._spec.checksum)
        _require_digest(self._spec.hashing_algorithm, os_hash_value, self._spec.os_hash_value)
        if self._verify is not None:
            self._verify(digests)
        return Ingested(
            size=self._size,
            checksum=checksum,
            os_hash_algo=self._spec.hashing_algorithm,
            os_hash_value=os_hash_value,
            virtual_size=verdict.virtual_size,
            detected_format=verdict.detected,
            digests=digests,
            facts=verdict.facts,
        )


def _require_digest(algorithm: str, found: str, wanted: str | None) -> None:
    if wanted is not None and found != wanted.lower():
        raise DigestMismatch(f"The {algorithm} of the data is {found}, and should be {wanted}.")


def _append(batch: list[Buffer], piece: bytes) -> None:
    if len(piece) >= SMALL:
        batch.append(piece)
    elif batch and isinstance(batch[-1], bytearray):
        batch[-1] += piece
    elif piece:
        batch.append(bytearray(piece))


def _require_within_cap(size: int, spec: Spec) -> None:
    if size > spec.size_cap:
        raise CapExceeded(f"The image is larger than the {spec.size_cap} bytes that one image may have.")


def _digest(algorithm: str) -> "hashlib._Hash | blake3":
    if algorithm == QUICK:
        return blake3()
    try:
        digest = hashlib.new(algorithm, usedforsecurity=False)
    except ValueError:
        digest = None
    if digest is None or not digest.digest_size:  # SHAKE has no length of its own
        usable = ", ".join(sorted(name for name in hashlib.algorithms_guaranteed if not name.startswith("shake")))
        raise UnknownHash(f"The hashing algorithm {algorithm!r} cannot be used here; these can: {usable}.")
    return digest
