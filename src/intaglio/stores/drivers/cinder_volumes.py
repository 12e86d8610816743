"""What the volumes of a store are: finished objects, half-written ones, those to be removed; and how one is found.

The metadata of a volume say it. Glance's volumes have none of ours: they are found by their locations alone, since
nothing tells which of several stores in one project they belong to.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeVar, TypeVarTuple

from intaglio.base.process import this_process
from intaglio.stores.base import Busy, Full
from intaglio.stores.drivers.cinder_api import Api, Volume
from intaglio.stores.drivers.cinder_faults import Lost, absent
from intaglio.stores.drivers.cinder_options import GIB, CinderOptions, is_volume
from intaglio.stores.threads import Threads

IMAGE, SIZE, OWNER = "glance_image_id", "image_size", "image_owner"
"""Glance's metadata: which image's data it is, how many bytes of it count, and which project's the image is."""
STORE, WRITER, SEEN, DELETED = "intaglio_store", "intaglio_writer", "intaglio_seen", "intaglio_deleted"
"""Ours: its store, which process is writing it, when that one last said so, and that it is to be removed."""

_KNOWN = 10_000  # keys whose volumes are remembered
_FIRST_LOOK, _LAST_LOOK = 0.05, 2.0  # seconds between looks at a volume that is changing
_LONGEST_NAME = 255

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def is_finished(volume: Volume) -> bool:
    """Whether it is an object: whole, and not to be removed."""
    return not volume.metadata.keys() & {WRITER, DELETED} and not volume.status.startswith(("deleting", "error_del"))


def size_of(volume: Volume) -> int:
    """Bytes of the object; the whole volume's where nothing says it."""
    said = volume.metadata.get(SIZE, "")
    return int(said) if said.isdecimal() else volume.size * GIB


def moment(written: str | None) -> float | None:
    """One of Cinder's times in seconds since the epoch."""
    return None if written is None else datetime.fromisoformat(written).replace(tzinfo=UTC).timestamp()


def gibibytes(size: int) -> int:
    """The size of a volume for so many bytes."""
    return max(1, -(-size // GIB))


class Volumes:
    """The volumes of one store; keys are their ids, and what is put is found by the key it was put under, too."""

    def __init__(self, store: str, chosen: CinderOptions, api: Api, threads: Threads) -> None:
        self._store = store
        self._options = chosen
        self.api = api
        self._threads = threads
        self._known: dict[str, str] = {}

    async def run(self, call: Callable[[*Ts], T], *args: *Ts) -> T:
        """One call to Cinder, in a thread."""
        return await self._threads.run(call, *args)

    def submit(self, call: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """The same, going on whatever becomes of the caller."""
        return self._threads.submit(call, *args)

    # Finding

    async def find(self, key: str) -> Volume | None:
        """The object's volume, by its own id or by the key it was put under."""
        for each in dict.fromkeys((self._known.get(key), key)):
            if each is not None and is_volume(each):
                found = await self.run(self.api.find, each)
                if found is not None and is_finished(found):
                    self.remember(key, found.id)
                    return found
        self._known.pop(key, None)
        whole = [each for each in await self.under(key) if is_finished(each)]
        if not whole:
            return None
        self.remember(key, whole[0].id)
        return whole[0]

    async def get(self, key: str) -> Volume:
        """The same. Raises `NotFound`."""
        found = await self.find(key)
        if found is None:
            raise absent(self._store, key)
        return found

    async def under(self, key: str) -> list[Volume]:
        """All volumes of this store that were made for the key, the oldest first, in whatever state."""
        wanted = {IMAGE: key, STORE: self._store}
        found = await self.run(lambda: list(self.api.volumes(wanted)))
        return sorted(found, key=lambda each: (each.created_at or "", each.id))

    async def all(self) -> list[Volume]:
        """All volumes that this store made."""
        return await self.run(lambda: list(self.api.volumes({STORE: self._store})))

    def remember(self, key: str, volume: str) -> None:
        """The volume that a key leads to."""
        self._known[key] = volume
        while len(self._known) > _KNOWN:
            del self._known[next(iter(self._known))]

    def forget(self, volume: str) -> None:
        """No key leads to the volume any more."""
        for key in [key for key, each in self._known.items() if each == volume]:
            del self._known[key]

    def known(self, key: str) -> str | None:
        """The id of the volume that a key is known to lead to."""
        return self._known.get(key)

    # Making

    def begin(self, key: str, size: int) -> Volume:
        """Begin to make a volume of `size` GiB for an object that this process writes. In a thread."""
        metadata = {IMAGE: key, SIZE: "0", STORE: self._store, WRITER: this_process()}
        return self.api.create(f"image-{key}"[:_LONGEST_NAME], size, metadata)

    def seen(self, volume: str) -> None:
        """Say that its writer lives, for those who cannot see it. In a thread."""
        self.api.add_metadata(volume, {SEEN: str(round(time.time()))})

    def finished(self, key: str, size: int) -> Mapping[str, str]:
        """The metadata of a finished object."""
        return {IMAGE: key, SIZE: str(size), STORE: self._store}

    async def settled(self, volume: str, changing: frozenset[str], wanted: str) -> Volume:
        """The volume once it has left the states `changing`. Raises `Lost`, `Full` or `Busy` if not as `wanted`."""
        wait, end = _FIRST_LOOK, time.monotonic() + self._options.cinder_state_transition_timeout
        while True:
            found = await self.run(self.api.get, volume)
            if found.status == wanted:
                return found
            if found.status not in changing:
                raise self._unexpected(found, wanted)
            if time.monotonic() > end:
                raise Busy(
                    f"store {self._store!r}: volume {volume} is {found.status} for more than "
                    f"{self._options.cinder_state_transition_timeout} s (cinder_state_transition_timeout)"
                )
            await asyncio.sleep(wait)
            wait = min(_LAST_LOOK, wait * 1.5)

    def _unexpected(self, volume: Volume, wanted: str) -> Full | Lost:
        text = (
            f"store {self._store!r}: volume {volume.id} of {volume.size} GiB is {volume.status} where it should be "
            f"{wanted}; `openstack volume message list` may say why"
        )
        return Full(text) if volume.status == "error_extending" else Lost(text)
