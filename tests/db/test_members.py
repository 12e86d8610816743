"""Members on each database: who is one, and once."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import func, select

from intaglio.db.base import Connection, Database
from intaglio.db.repos import images as image_repo
from intaglio.db.repos import members as repo
from intaglio.db.repos.images import Superseded
from intaglio.db.repos.members import MemberExists
from intaglio.db.tables.images import members
from intaglio.domain.image import Image
from intaglio.domain.member import Member, MemberStatus
from tests.db.samples import OTHER, moment, new_image

pytestmark = pytest.mark.anyio


async def stored(database: Database, **changes: Any) -> Image:
    image = new_image(**changes)
    return await database.write(lambda conn: image_repo.insert(conn, image))


def member(image: Image, project: str = OTHER, seconds: float = 0) -> Member:
    return Member(image_id=image.id, member_id=project, created_at=moment(seconds), updated_at=moment(seconds))


async def add(database: Database, one: Member) -> None:
    await database.write(lambda conn: repo.add(conn, one))


async def remove(database: Database, one: Member, seconds: float = 60) -> None:
    await database.write(lambda conn: repo.remove(conn, one, moment(seconds)))


async def of_image(database: Database, image: Image) -> Sequence[Member]:
    return await database.read(lambda conn: repo.of_image(conn, image.id))


async def test_members_come_back_in_their_order(database: Database) -> None:
    image, other = await stored(database), await stored(database)
    added = [member(image, name, seconds) for seconds, name in enumerate(("zeta", OTHER, "alpha"))]
    for one in added:
        await add(database, one)
    await add(database, member(other))
    assert await of_image(database, image) == added
    assert await database.read(lambda conn: repo.find(conn, image.id, OTHER)) == added[1]
    assert await database.read(lambda conn: repo.find(conn, image.id, "nobody")) is None
    assert await database.read(lambda conn: repo.of_image(conn, image.id, only="zeta")) == added[:1]


async def test_names_are_compared_exactly(database: Database) -> None:
    image = await stored(database)
    await add(database, member(image, "projét"))
    for wrong in ("PROJÉT", "projet", "projét "):
        assert await database.read(partial(repo.find, image_id=image.id, member_id=wrong)) is None
        await remove(database, member(image, wrong))
    assert await of_image(database, image) == [member(image, "projét")]


async def test_once(database: Database) -> None:
    image = await stored(database)
    await add(database, member(image))
    with pytest.raises(MemberExists):
        await add(database, member(image))
    assert len(await of_image(database, image)) == 1


async def test_status(database: Database) -> None:
    image = await stored(database)
    one, another = member(image), member(image, "another")
    await add(database, one)
    await add(database, another)
    await database.write(lambda conn: repo.set_status(conn, one, MemberStatus.ACCEPTED, moment(5)))
    assert await of_image(database, image) == [
        replace(one, status=MemberStatus.ACCEPTED, updated_at=moment(5)),
        another,
    ]


async def test_removed_and_added_again_within_one_second(database: Database) -> None:
    """Glance's table allows one removed row for a project and a moment; ours is always the same row."""
    image = await stored(database)
    for _ in range(3):
        await add(database, member(image))
        assert await of_image(database, image) == [member(image)]
        await remove(database, member(image))
        assert await of_image(database, image) == []
    rows = select(func.count()).where(members.c.image_id == image.id)

    async def count(conn: Connection) -> int:
        return int((await conn.execute(rows)).scalar_one())

    assert await database.read(count) == 1


async def test_a_deleted_image_loses_its_members(database: Database) -> None:
    image = await stored(database)
    for number in range(5):
        await add(database, member(image, f"p{number}"))
    await database.write(lambda conn: image_repo.delete(conn, image))
    assert await of_image(database, image) == []


async def test_of_rivals_who_claim_the_image_one_goes_first(database: Database) -> None:
    image = await stored(database)

    async def share(project: str) -> None:
        async def work(conn: Connection) -> None:
            await image_repo.claim(conn, image)
            await repo.add(conn, member(image, project))

        await database.write(work)

    results = await asyncio.gather(*(share(f"p{number}") for number in range(6)), return_exceptions=True)
    assert [type(result) for result in results if result is not None] == [Superseded] * 5
    assert len(await of_image(database, image)) == 1


async def test_a_property_may_be_null(database: Database) -> None:
    image = await stored(database, properties={"kernel_id": None, "p": ""})
    before = await database.read(lambda conn: image_repo.get(conn, image.id))
    assert before is not None
    assert before.properties == {"kernel_id": None, "p": ""}
    after = replace(before, properties={"kernel_id": "x", "p": None}, updated_at=moment(9))
    await database.write(partial(image_repo.update, before=before, after=after))
    found = await database.read(lambda conn: image_repo.get(conn, image.id))
    assert found is not None
    assert found.properties == {"kernel_id": "x", "p": None}
