"""What waits in the staging store: one object that a user sent, or the parts that were fetched from a source.

A fetched file is kept in parts, so that one that was interrupted goes on after the last whole part, on any worker and
in any store. Beside the parts stands what the source said of the file, and at the end that they are all there.
"""

import bisect
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

import msgspec

from intaglio.formats.settings import FormatSettings
from intaglio.imports.base import discard
from intaglio.ingest.base import Consumer, Spec
from intaglio.ingest.door import Door
from intaglio.ingest.sources import Copy, continued
from intaglio.outbound.base import Facts
from intaglio.stores.base import NotFound, Stat, Store
from intaglio.stores.settings import STAGING

_SOURCE = "source"
_WHOLE = "whole"
_LONGEST_NOTE = 64 * 1024  # bytes


class Staged(msgspec.Struct, frozen=True):
    """Data that are all there: the objects that hold them, in their order."""

    image_id: str
    objects: tuple[Stat, ...]

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(each.size for each in self.objects)

    async def pieces(self, store: Store) -> AsyncGenerator[bytes, None]:
        """Every byte. Raises `DeliveryBroken`."""
        for each in self.objects:
            copies = [Copy(STAGING, store, each.key)]
            async with aclosing(continued(copies, f"staged {each.key}", each.size, 0, each.size)) as pieces:
                async for piece in pieces:
                    yield piece


class StagedSource:
    """Staged data as one file that is read anywhere."""

    def __init__(self, store: Store, staged: Staged) -> None:
        self.size = staged.size
        self._store = store
        self._objects = staged.objects
        self._begins = list(itertools.accumulate((each.size for each in staged.objects), initial=0))

    async def read(self, offset: int, length: int) -> bytes:
        """These bytes. Raises what the store raises."""
        found, end = [], offset + length
        number = bisect.bisect_right(self._begins, offset, hi=len(self._objects)) - 1
        while offset < end:
            here = min(end, self._begins[number + 1]) - offset
            found.append(await self._read(self._objects[number].key, offset - self._begins[number], here))
            offset += here
            number += 1
        return found[0] if len(found) == 1 else b"".join(found)

    async def _read(self, key: str, offset: int, length: int) -> bytes:
        async with aclosing(self._store.open(key, offset, length)) as pieces:
            return b"".join([piece async for piece in pieces])


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """Whose download the parts are, and what the source said when it began."""

    task_id: str
    facts: Facts


class Parts:
    """The parts of one image's download. One process at a time works on them: the one that holds the lease."""

    def __init__(self, store: Store, door: Door, image_id: str, task_id: str) -> None:
        self._store = store
        self._door = door
        self._image_id = image_id
        self._task_id = task_id
        self._found: list[Stat] = []
        self.facts = Facts()

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return sum(each.size for each in self._found)

    async def look(self) -> None:
        """Find what an interrupted attempt of the same task left; nothing else counts."""
        self._found, self.facts = [], Facts()
        note = await self._note()
        if note is None or note.task_id != self._task_id:
            return
        self.facts = note.facts
        there = {stat.key: stat async for stat in self._store.list(f"{self._image_id}.")}
        while (key := self._key(len(self._found))) in there:
            self._found.append(there[key])

    async def begin(self, facts: Facts) -> None:
        """Forget what there is, and begin with a file of which the source says `facts`."""
        await remove(self._store, self._image_id)
        self._found, self.facts = [], facts
        await self._write(_SOURCE, msgspec.json.encode(Note(task_id=self._task_id, facts=facts)))

    async def add(self, pieces: AsyncIterator[bytes], most: int, consumers: Sequence[Consumer]) -> None:
        """Keep another part, which has at most `most` bytes; `consumers` see them. Raises what `pieces` raise, too."""
        key = self._key(len(self._found))
        await discard(self._store, key)  # what a dead writer left of it
        done = await self._door.admit(pieces, self._store, key, _anything(most), consumers=consumers)
        self._found.append(Stat(key=key, size=done.size))

    async def finish(self) -> Staged:
        """Say that all parts are there."""
        await self._write(_WHOLE, b"%d" % len(self._found))
        return Staged(self._image_id, tuple(self._found))

    def staged(self) -> Staged:
        """The parts that there are, for reading them."""
        return Staged(self._image_id, tuple(self._found))

    async def _note(self) -> Note | None:
        try:
            return msgspec.json.decode(await _small(self._store, f"{self._image_id}.{_SOURCE}"), type=Note)
        except (NotFound, msgspec.DecodeError):
            return None

    async def _write(self, name: str, data: bytes) -> None:
        async def once() -> AsyncGenerator[bytes, None]:
            yield data

        key = f"{self._image_id}.{name}"
        await discard(self._store, key)
        async with aclosing(once()) as pieces:
            await self._door.admit(pieces, self._store, key, _anything(_LONGEST_NOTE))

    def _key(self, number: int) -> str:
        return _part(self._image_id, number)


async def find(store: Store, image_id: str) -> Staged:
    """The staged data of an image. Raises `NotFound` when they are not there, or not all of them."""
    try:
        return Staged(image_id, (await store.stat(image_id),))
    except NotFound:
        count = int(await _small(store, f"{image_id}.{_WHOLE}"))
    there = {stat.key: stat async for stat in store.list(f"{image_id}.")}
    keys = [_part(image_id, number) for number in range(count)]
    missing = [key for key in keys if key not in there]
    if missing:
        raise NotFound(f"{len(missing)} of {count} parts are missing")
    return Staged(image_id, tuple(there[key] for key in keys))


async def remove(store: Store, image_id: str) -> None:
    """Remove whatever is staged for an image, also what a dead writer left. Raises what the store raises."""
    await discard(store, image_id)
    there = {stat.key async for stat in store.list(f"{image_id}.")}
    # what says that parts are there goes before the parts: interrupted, nobody takes the rest for all
    await discard(store, f"{image_id}.{_WHOLE}")
    await discard(store, f"{image_id}.{_SOURCE}")
    number = 0
    for key in sorted(there - {f"{image_id}.{_WHOLE}", f"{image_id}.{_SOURCE}"}):
        await discard(store, key)
        number += 1
    await discard(store, _part(image_id, number))


def _part(image_id: str, number: int) -> str:
    return f"{image_id}.{number:06d}"


def _anything(most: int) -> Spec:
    """Nothing is judged yet: what is imported may be another form of what the image is to be."""
    return Spec(disk_format="", container_format="", formats=FormatSettings(), size_cap=most)


async def _small(store: Store, key: str) -> bytes:
    size = min((await store.stat(key)).size, _LONGEST_NOTE)
    return b"".join([piece async for piece in store.open(key, 0, size)])
