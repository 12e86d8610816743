"""A quick digest is never taken for that of other data."""

import pytest

from intaglio.db.base import Database
from intaglio.db.repos import digests

pytestmark = pytest.mark.anyio


async def test_other_data_have_none(database: Database) -> None:
    """It holds for the digest that it was noted with, and a later note replaces it."""

    async def found(of: str | None) -> str | None:
        return await database.read(lambda conn: digests.find(conn, "image", of))

    await database.write(lambda conn: digests.record(conn, "image", "old", {"blake3": "one", "md5": "x"}))
    assert [await found(of) for of in ("old", "new", None)] == ["one", None, None]
    await database.write(lambda conn: digests.record(conn, "image", "new", {"blake3": "two"}))
    assert [await found(of) for of in ("old", "new", None)] == [None, "two", None]
    await database.write(lambda conn: digests.record(conn, "image", "newer", {"md5": "x"}))
    assert [await found(of) for of in ("old", "new", "newer")] == [None, None, None]
