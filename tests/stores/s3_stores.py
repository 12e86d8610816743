"""S3 stores as an operator configures them, on a server of the tests."""

import asyncio
import uuid
from concurrent.futures import ThreadPoolExecutor

from intaglio.stores.drivers.s3 import S3Store
from intaglio.stores.drivers.s3_client import Patience
from intaglio.stores.drivers.s3_unfinished import unfinished
from tests.starters.s3 import S3

QUICK = Patience(connect=2, quiet=2, control=2, joining=2)
"""For servers that are hurt."""


def bucket_name() -> str:
    return f"test-{uuid.uuid4().hex}"


def options(server: S3, bucket: str, **others: object) -> dict[str, object]:
    """What an operator writes for this server."""
    return {
        "s3_store_host": server.url,
        "s3_store_access_key": server.access,
        "s3_store_secret_key": server.secret,
        "s3_store_bucket": bucket,
        "s3_store_create_bucket_on_put": True,
        **others,
    }


def store(server: S3, bucket: str, patience: Patience | None = None, **others: object) -> S3Store:
    return S3Store("s3", options(server, bucket, **others), patience)


def unfinished_keys(server: S3, bucket: str) -> list[str]:
    """The keys of uploads in parts that are neither completed nor given up; also while a loop runs here."""

    async def look() -> list[str]:
        looking = store(server, bucket)
        found = [upload.key async for upload in unfinished(looking._client, "")]
        await looking.close()
        return found

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, look()).result()
