"""What projects use is counted with every change of their images, on each database, and can be proved."""

import asyncio
import functools
import random

import msgspec
import pytest

from intaglio.db.base import Connection, Database
from intaglio.db.repos import images, usage, usage_counts
from intaglio.db.repos.usage import Taken
from intaglio.domain.image import Image, Location
from intaglio.domain.quota import COPYING, Usage
from intaglio.domain.status import Status
from tests.db.counting import Counting
from tests.db.samples import ME, OTHER, moment, new_image

pytestmark = pytest.mark.anyio
replace = msgspec.structs.replace
GIB = 1 << 30


async def counted(database: Database, project: str = ME) -> Usage:
    return (await database.read(lambda conn: usage.get(conn, project))).used


async def insert(database: Database, image: Image) -> Image:
    return await database.write(lambda conn: images.insert(conn, image))


async def change(database: Database, before: Image, **changes: object) -> Image:
    after = replace(before, updated_at=moment(random.random() * 1000 + 10), **changes)
    return await database.write(lambda conn: images.update(conn, before, after))


async def test_the_life_of_an_image(database: Database) -> None:
    image = await insert(database, new_image())
    assert await counted(database) == Usage(images=1)
    image = await change(database, image, status=Status.SAVING)
    assert await counted(database) == Usage(images=1, uploading=1)
    image = await change(database, image, status=Status.ACTIVE, size=3 * GIB, locations=(Location("file:///a"),))
    assert await counted(database) == Usage(stored=3 * GIB, images=1)
    image = await change(database, image, locations=(*image.locations, Location("rbd://b")))
    assert await counted(database) == Usage(stored=6 * GIB, images=1)
    image = await change(database, image, properties={COPYING: "slow"})
    assert await counted(database) == Usage(stored=6 * GIB, staged=3 * GIB, images=1, uploading=1)
    image = await change(database, image, name="a name", properties={COPYING: ""})
    image = await change(database, image, owner=OTHER)
    assert await counted(database) == Usage()
    assert await counted(database, OTHER) == Usage(stored=6 * GIB, images=1)
    image = await change(database, image, owner=None)
    assert await counted(database, OTHER) == Usage()
    assert await counted(database, "") == Usage(stored=6 * GIB, images=1)
    await database.write(lambda conn: images.delete(conn, image))
    assert await counted(database, "") == Usage()


async def test_staged_data_count(database: Database) -> None:
    image = await insert(database, new_image(status=Status.UPLOADING, size=5))
    assert await counted(database) == Usage(staged=5, images=1, uploading=1)
    image = await change(database, image, status=Status.IMPORTING)
    assert await counted(database) == Usage(staged=5, images=1, uploading=1)
    await change(database, image, status=Status.QUEUED, size=None)
    assert await counted(database) == Usage(images=1)


async def test_projects_are_told_apart_exactly(database: Database) -> None:
    """On MariaDB, texts that differ in case, accents or trailing spaces are equal; projects are not."""
    projects = ["alpha", "ALPHA", "älpha", "alpha ", "プロジェクト"]
    for number, project in enumerate(projects, 1):
        for _ in range(number):
            await insert(database, new_image(owner=project))
    everyone = await database.read(usage.everyone)
    assert {project: taken.used.images for project, taken in everyone.items()} == {
        project: number for number, project in enumerate(projects, 1)
    }
    assert await database.read(usage_counts.counted) == {project: taken.used for project, taken in everyone.items()}


async def test_a_change_that_is_undone_is_not_counted(database: Database) -> None:
    image = new_image()

    async def fail(conn: Connection) -> None:
        await images.insert(conn, image)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await database.write(fail)
    assert await database.read(usage.everyone) == {}


async def test_counted_anew_it_is_the_same(database: Database) -> None:
    """Whatever happened to many images, at once too, the sums are those of the images."""
    chance = random.Random(7)
    made = [
        await insert(database, new_image(number, owner=chance.choice([ME, OTHER, None]), size=chance.randrange(100)))
        for number in range(12)
    ]

    async def live(image: Image) -> None:
        for _ in range(6):
            status = chance.choice([Status.SAVING, Status.ACTIVE, Status.IMPORTING, Status.QUEUED, Status.DEACTIVATED])
            copies = tuple(Location(f"file:///{number}") for number in range(chance.randrange(3)))
            image = await change(
                database,
                image,
                status=status,
                owner=chance.choice([ME, OTHER, None, ""]),
                size=chance.choice([None, chance.randrange(1000)]),
                properties=chance.choice([{}, {COPYING: ""}, {COPYING: "a,b"}]),
                locations=copies,
            )
        if chance.random() < 0.3:
            await database.write(lambda conn: images.delete(conn, image))

    await asyncio.gather(*map(live, made))
    kept = await database.read(usage.everyone)
    found = await database.read(usage_counts.counted)
    assert {project: taken.used for project, taken in kept.items() if taken.used != Usage()} == found
    for project in (ME, OTHER, ""):
        alone = await database.read(functools.partial(usage_counts.counted_for, project=project))
        assert alone == found.get(project, Usage())


async def test_a_set_row_comes_back(database: Database) -> None:
    wanted = Taken(used=Usage(stored=1, staged=2, images=3, uploading=4), stored_reserved=5, staged_reserved=6)

    async def work(conn: Connection) -> Taken:
        assert await usage.locked(conn, "new") == Taken()
        await usage.replace(conn, "new", wanted)
        return await usage.locked(conn, "new")

    assert await database.write(work) == wanted
    assert wanted.of("stored") == 6
    assert wanted.of("staged") == 8
    assert wanted.of("images") == 3


async def test_a_copy_that_is_to_be_removed_does_not_count(database: Database) -> None:
    places = (Location("file:///a"), Location("rbd://b"))
    image = await insert(database, new_image(status=Status.ACTIVE, size=5, locations=places))
    later = replace(image.locations[0], status="pending_delete")
    await database.write(
        lambda conn: images.update(
            conn, image, replace(image, updated_at=moment(9), locations=(later, image.locations[1]))
        )
    )
    found = await database.read(lambda conn: images.get(conn, image.id))
    assert found is not None
    assert len(found.locations) == 1
    assert await counted(database) == Usage(stored=5, images=1)
    assert await database.read(usage_counts.counted) == {ME: Usage(stored=5, images=1)}


async def test_what_is_asked_often_is_one_statement(database: Database) -> None:
    for _ in range(3):
        await insert(database, new_image(status=Status.ACTIVE, size=5, locations=(Location("file:///a"),)))

    async def work(conn: Connection) -> tuple[Taken, int]:
        counting = Counting(conn)
        return await usage.get(counting, ME), counting.statements

    assert await database.read(work) == (Taken(used=Usage(stored=15, images=3)), 1)
