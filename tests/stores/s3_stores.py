"""S3 stores as an operator configures them, on a server of the tests."""

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from intaglio.stores.base import NotFound
from intaglio.stores.conformance_sources import pieces
from intaglio.stores.drivers.s3 import S3Store
from intaglio.stores.drivers.s3_unfinished import unfinished
from intaglio.stores.drivers.web import Patience
from tests.starters.s3 import Served

T = TypeVar("T")

QUICK = Patience(connect=4, quiet=4, control=4, joining=4)
"""For servers that are hurt."""


def bucket_name() -> str:
    return f"test-{uuid.uuid4().hex}"


def options(server: Served, bucket: str, **others: object) -> dict[str, object]:
    """What an operator writes for this server."""
    return {
        "s3_store_host": server.url,
        "s3_store_access_key": server.access,
        "s3_store_secret_key": server.secret,
        "s3_store_bucket": bucket,
        "s3_store_create_bucket_on_put": True,
        **others,
    }


def store(server: Served, bucket: str, patience: Patience | None = None, **others: object) -> S3Store:
    return S3Store("s3", options(server, bucket, **others), patience)


def unfinished_keys(server: Served, bucket: str) -> list[str]:
    """The keys of uploads in parts that are neither completed nor given up; also while a loop runs here."""

    async def look(on: S3Store) -> list[str]:
        return sorted([upload.key async for upload in unfinished(on._client, "")])

    return _ask(server, bucket, look)


def keys_and_sizes(server: Served, bucket: str) -> dict[str, int]:
    """Every object."""

    async def look(on: S3Store) -> dict[str, int]:
        return {stat.key: stat.size async for stat in on.list()}

    return _ask(server, bucket, look)


def overwrite(server: Served, bucket: str, key: str, data: bytes) -> None:
    """Put other bytes under a key, as somebody with the bucket's credentials could."""

    async def change(on: S3Store) -> None:
        await on.prepare()
        with contextlib.suppress(NotFound):
            await on.delete(key)
        await on.put(key, pieces(data))

    _ask(server, bucket, change)


def _ask(server: Served, bucket: str, what: Callable[[S3Store], Awaitable[T]]) -> T:
    async def ask() -> T:
        asked = store(server, bucket)
        try:
            return await what(asked)
        finally:
            await asked.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, ask()).result()
