"""The digests of images' data that are compared whenever the data are read, since computing them costs little."""

from collections.abc import Mapping

from sqlalchemy import delete, insert, select

from intaglio.db.base import Connection
from intaglio.db.tables.added import digests
from intaglio.domain.digests import QUICK


async def record(conn: Connection, image_id: str, on_record: str | None, found: Mapping[str, str]) -> None:
    """Note the quick digest among those that were `found` of an image's data; `on_record` is their `os_hash_value`."""
    await conn.execute(delete(digests).where(digests.c.image_id == image_id))
    if on_record is not None and QUICK in found:
        await conn.execute(insert(digests), {"image_id": image_id, "on_record": on_record, QUICK: found[QUICK]})


async def find(conn: Connection, image_id: str, on_record: str | None) -> str | None:
    """The quick digest, in hex, of data whose `os_hash_value` is `on_record`; None when there is none."""
    wanted = (digests.c.image_id == image_id, digests.c.on_record == on_record)
    found: str | None = (await conn.execute(select(digests.c.blake3).where(*wanted))).scalar()
    return found
