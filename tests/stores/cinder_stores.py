"""Cinder stores as an operator configures them, in a Cinder of the tests, and what is in it by its own word."""

import sys
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

from intaglio.stores.base import Chunk, Stat
from intaglio.stores.drivers.cinder import CinderStore
from tests.starters.base import Missing, wait_until
from tests.starters.ceph import bind
from tests.starters.cinder_shared import Block
from tests.starters.keystone_people import caller


def load_ceph() -> None:
    """Let our own environment import Ceph's modules, which os-brick asks for. Raises `Missing`."""
    if sys.prefix == sys.base_prefix:
        raise Missing("Ceph's Python modules: they are put into virtual environments only")
    bind(Path(sys.executable))


def store(block: Block, directory: Path, name: str = "volumes", **others: object) -> CinderStore:
    """A store that lets go of a volume as soon as nobody reads it, unless `linger` is set."""
    return CinderStore(name, options(block, directory, **others), linger=0)


def options(block: Block, directory: Path, **others: object) -> dict[str, object]:
    """What an operator writes for this Cinder."""
    return block.volumes.options(block.identity, lock_path=str(directory / "locks"), **others)


def volumes(block: Block, **metadata: str) -> list[dict[str, Any]]:
    """The volumes of the service project that have this metadata, as Cinder shows them."""
    token = block.identity.token("glance", project="service")
    project = block.identity.ids["project/service"]
    with caller(f"{block.volumes.url}/{project}", token) as call:
        found: list[dict[str, Any]] = call("GET", "/volumes/detail")["volumes"]
    return [each for each in found if metadata.items() <= each["metadata"].items()]


class Named:
    """The store as if objects were called what they were put under, and not as Cinder calls them."""

    def __init__(self, inner: CinderStore) -> None:
        self._inner = inner
        self._names: dict[str, str] = {}  # by volume
        self.abilities = inner.abilities

    def _named(self, stat: Stat) -> Stat:
        return Stat(key=self._names.get(stat.key, stat.key), size=stat.size)

    async def prepare(self) -> None:
        await self._inner.prepare()

    async def put(self, key: str, chunks: AsyncIterator[Chunk], size_hint: int | None = None) -> Stat:
        stat = await self._inner.put(key, chunks, size_hint)
        self._names[stat.key] = key
        return self._named(stat)

    async def open(self, key: str, offset: int = 0, length: int | None = None) -> AsyncGenerator[bytes, None]:
        async with aclosing(self._inner.open(key, offset, length)) as pieces:
            async for piece in pieces:
                yield piece

    async def stat(self, key: str) -> Stat:
        return self._named(await self._inner.stat(key))

    async def delete(self, key: str) -> None:
        await self._inner.delete(key)

    async def list(self, prefix: str = "") -> AsyncGenerator[Stat, None]:
        async with aclosing(self._inner.list()) as found:
            async for stat in found:
                if self._named(stat).key.startswith(prefix):
                    yield self._named(stat)

    async def sweep(self) -> int:
        return await self._inner.sweep()

    def uri(self, key: str) -> str:
        return self._inner.uri(key)

    def metadata(self, key: str) -> Mapping[str, str]:
        return self._inner.metadata(key)

    def adopt(self, uri: str) -> str:
        volume = self._inner.adopt(uri)
        return self._names.get(volume, volume)

    async def path(self, key: str) -> Path:
        return await self._inner.path(key)

    async def direct_url(self, key: str, ttl: int) -> str:
        return await self._inner.direct_url(key, ttl)

    async def check(self) -> None:
        await self._inner.check()

    async def close(self) -> None:
        await self._inner.close()


def until_gone(block: Block, key: str) -> None:
    """Wait until Cinder has removed the volumes of a key."""
    wait_until(lambda: not volumes(block, glance_image_id=key), f"the removal of the volume of {key}")


def until_idle(block: Block, key: str) -> None:
    """Wait until no volume of a key is attached."""

    def idle() -> bool:
        return {each["status"] for each in volumes(block, glance_image_id=key)} == {"available"}

    wait_until(idle, f"the detaching of the volume of {key}")
