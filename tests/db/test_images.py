"""The image repository on each database: what goes in comes out, and nobody undoes another's change."""

import asyncio

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from intaglio.base.clock import utcnow
from intaglio.db.base import Connection, Database, ValueNotStorable
from intaglio.db.repos import images as repo
from intaglio.db.tables.added import revisions
from intaglio.db.tables.images import images, locations, members, properties, tags
from intaglio.domain.image import Image, Location
from intaglio.domain.status import Status, StatusConflict
from tests.db.counting import Counting
from tests.db.samples import ME, OTHER, full_image, moment, new_image
from tests.starters.databases import Databases

pytestmark = pytest.mark.anyio
replace = msgspec.structs.replace


async def get(database: Database, image_id: str) -> Image | None:
    return await database.read(lambda conn: repo.get(conn, image_id))


async def insert(database: Database, image: Image) -> Image:
    return await database.write(lambda conn: repo.insert(conn, image))


async def change(database: Database, before: Image, seconds: float = 60, **changes: object) -> Image:
    after = replace(before, updated_at=moment(seconds), **changes)
    return await database.write(lambda conn: repo.update(conn, before, after))


async def test_every_field_comes_back(database: Database) -> None:
    image = full_image()
    stored = await insert(database, image)
    found = await get(database, image.id)
    assert found == stored
    assert [location.id for location in stored.locations] == sorted(location.id or 0 for location in stored.locations)
    without_rows = tuple(replace(location, id=None) for location in stored.locations)
    assert replace(stored, locations=without_rows) == replace(image, tags=tuple(sorted(image.tags)))


async def test_the_least_image_comes_back(database: Database) -> None:
    image = new_image()
    assert await insert(database, image) == image
    assert await get(database, image.id) == image


async def test_absent_is_none(database: Database) -> None:
    assert await get(database, new_image().id) is None
    assert await get(database, "x" * 300) is None
    assert await get(database, "") is None


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    # what every database can hold: no NUL, no surrogates, three bytes a character
    texts=st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_characters="\0", max_codepoint=0xFFFF), max_size=30),
        st.text(st.characters(codec="utf-8", exclude_characters="\0", max_codepoint=0xFFFF), max_size=200),
        max_size=6,
    ),
    words=st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0", max_codepoint=0xFFFF), max_size=30), max_size=4
    ),
)
async def test_any_text_comes_back(database: Database, texts: dict[str, str], words: list[str]) -> None:
    image = new_image(properties=texts, tags=tuple(words))
    try:
        await insert(database, image)
    except repo.PropertyNamesClash:
        assert len({name.casefold().strip() for name in texts}) <= len(texts)
        return
    found = await get(database, image.id)
    assert found is not None
    assert found.properties == texts
    assert found.tags == tuple(sorted(set(words)))


async def test_an_id_is_taken_once(database: Database) -> None:
    image = new_image()
    await insert(database, image)
    with pytest.raises(repo.ImageExists):
        await insert(database, replace(image, name="second"))


async def test_the_id_of_a_deleted_image_stays_taken(database: Database) -> None:
    image = await insert(database, new_image())
    await database.write(lambda conn: repo.delete(conn, image))
    assert await get(database, image.id) is None
    with pytest.raises(repo.ImageExists):
        await insert(database, image)


async def test_ids_differ_in_more_than_case(database: Database) -> None:
    image = new_image()
    shouted = replace(image, id=image.id.upper())
    await database.write(lambda conn: repo.insert(conn, shouted))
    with pytest.raises(repo.ImageExists):
        await insert(database, image)
    found = await get(database, image.id)
    assert found is not None
    assert found.id == shouted.id


async def test_two_at_once_cannot_take_one_id(database: Database) -> None:
    image = new_image()
    tries = [insert(database, replace(image, name=str(n))) for n in range(6)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Image"] + ["ImageExists"] * 5


async def test_a_purged_image_leaves_no_revision(database: Database) -> None:
    async def remains(conn: Connection) -> None:
        await conn.execute(revisions.insert().values(image_id=image.id, revision=9))

    image = new_image()
    await database.write(remains)
    stored = await insert(database, image)
    assert (await change(database, stored, name="b")).revision == 1


async def test_update_writes_only_what_differs(database: Database) -> None:
    before = await insert(database, full_image())

    async def rows(conn: Connection) -> list[tuple[object, ...]]:
        found: list[tuple[object, ...]] = []
        for table in (properties, tags, locations):
            columns = (table.c.id, table.c.updated_at, table.c.deleted)
            found += [tuple(row) for row in await conn.execute(select(*columns).order_by(table.c.id))]
        return found

    was = await database.read(rows)
    after = await change(database, before, name="other", tags=(*before.tags, "new"))
    now = await database.read(rows)
    assert [row for row in was if row not in now] == []
    assert len(now) == len(was) + 1
    assert await get(database, before.id) == after


async def test_properties_are_removed_and_revived(database: Database) -> None:
    first = await insert(database, new_image(properties={"a": "1", "b": "2"}))
    second = await change(database, first, 1, properties={"b": "3"})
    assert await get(database, first.id) == second

    async def row(conn: Connection) -> tuple[object, ...]:
        columns = (properties.c.value, properties.c.deleted, properties.c.deleted_at)
        return tuple((await conn.execute(select(*columns).where(properties.c.name == "a"))).one())

    assert await database.read(row) == ("1", True, moment(1))
    third = await change(database, second, 2, properties={"a": "4", "b": "3"})
    assert await get(database, first.id) == third
    assert await database.read(row) == ("4", False, None)


async def test_names_that_differ_in_case(database: Database, databases: Databases) -> None:
    image = await insert(database, new_image(properties={"Name": "1"}, tags=("Tag", "tag")))
    image = await change(database, image, 1, properties={"name": "2"}, tags=("tag",))
    found = await get(database, image.id)
    assert found == image
    if databases.kind == "mariadb":
        with pytest.raises(repo.PropertyNamesClash):
            await change(database, image, 2, properties={"name": "2", "NAME": "3"})
        assert await get(database, image.id) == image
    else:
        image = await change(database, image, 2, properties={"name": "2", "NAME": "3"})
        assert await get(database, image.id) == image


async def test_locations_come_go_and_change(database: Database) -> None:
    places = (Location("file:///a", {"store": "x"}), Location("file:///b"))
    image = await insert(database, new_image(locations=places))
    first, second = image.locations
    kept = replace(second, metadata={"store": "y"})
    image = await change(database, image, locations=(kept, Location("file:///c")))
    assert await get(database, image.id) == image
    assert [location.uri for location in image.locations] == ["file:///b", "file:///c"]

    async def removed(conn: Connection) -> tuple[object, ...]:
        columns = (locations.c.status, locations.c.deleted, locations.c.deleted_at)
        return tuple((await conn.execute(select(*columns).where(locations.c.id == first.id))).one())

    assert await database.read(removed) == ("deleted", True, moment(60))


async def test_a_location_waits_for_its_bytes_to_go(database: Database) -> None:
    image = await insert(database, new_image(locations=(Location("file:///a"), Location("file:///b"))))
    waiting = replace(image.locations[0], status="pending_delete")
    await change(database, image, locations=(waiting, image.locations[1]))
    found = await get(database, image.id)
    assert found is not None
    assert found.locations == (image.locations[1],)


async def test_the_second_writer_is_told(database: Database) -> None:
    read = await insert(database, new_image())
    first = await change(database, read, 1, name="first")
    with pytest.raises(repo.Superseded):
        await change(database, read, 2, name="second")
    assert await get(database, read.id) == first
    await change(database, first, 3, name="third")
    with pytest.raises(repo.Superseded):
        await change(database, first, 4, properties={"a": "b"})


@pytest.mark.parametrize("theirs", [{"status": "saving"}, {"updated_at": moment(77)}, {"deleted": True}])
async def test_a_writer_without_revisions_is_noticed(database: Database, theirs: dict[str, object]) -> None:
    read = await insert(database, new_image())

    async def like_glance(conn: Connection) -> None:
        await conn.execute(update(images).where(images.c.id == read.id).values(theirs))

    await database.write(like_glance)
    with pytest.raises(repo.Superseded):
        await change(database, read, 80, name="mine")


async def test_a_row_never_updated_can_be(database: Database) -> None:
    read = await insert(database, new_image())

    async def forget(conn: Connection) -> None:
        await conn.execute(update(images).where(images.c.id == read.id).values(updated_at=None))

    await database.write(forget)
    found = await get(database, read.id)
    assert found is not None
    assert (await change(database, found, name="b")).name == "b"


async def test_no_change_is_lost_between_many_writers(database: Database) -> None:
    """Each adds one tag to whatever it finds, until it is not told that another was first."""
    image = await insert(database, new_image())

    async def attempt(tag: str) -> bool:
        seen = await get(database, image.id)
        assert seen is not None
        after = replace(seen, tags=(*seen.tags, tag), updated_at=utcnow())
        try:
            await database.write(lambda conn: repo.update(conn, seen, after))
        except repo.Superseded:
            return False
        return True

    async def add(tag: str) -> None:
        while not await attempt(tag):
            pass

    await asyncio.gather(*(add(f"tag-{number}") for number in range(12)))
    found = await get(database, image.id)
    assert found is not None
    assert found.tags == tuple(sorted(f"tag-{number}" for number in range(12)))
    assert found.revision == 12


async def test_one_of_many_transitions_wins(database: Database) -> None:
    image = await insert(database, new_image(container_format="bare", disk_format="raw"))

    async def claim() -> Image:
        move = (Status.QUEUED, Status.SAVING)
        return await database.write(lambda conn: repo.transition(conn, image.id, *move))

    results = await asyncio.gather(*(claim() for _ in range(8)), return_exceptions=True)
    won = [result for result in results if isinstance(result, Image)]
    assert len(won) == 1
    assert won[0].status is Status.SAVING
    assert all(isinstance(result, Image | repo.Superseded | StatusConflict) for result in results)


async def test_transitions_follow_the_table(database: Database) -> None:
    image = await insert(database, new_image())

    async def move(expect: Status, to: Status, **changes: object) -> Image:
        return await database.write(lambda conn: repo.transition(conn, image.id, expect, to, **changes))

    with pytest.raises(StatusConflict):
        await move(Status.QUEUED, Status.DEACTIVATED)
    with pytest.raises(StatusConflict):
        await move(Status.ACTIVE, Status.DEACTIVATED)
    saving = await move(Status.QUEUED, Status.SAVING, size=5, virtual_size=6)
    assert (saving.size, saving.virtual_size) == (5, 6)
    queued = await move(Status.SAVING, Status.QUEUED)
    assert (queued.size, queued.virtual_size, queued.revision) == (None, None, 2)
    assert await get(database, image.id) == queued
    await database.write(lambda conn: repo.delete(conn, queued))
    with pytest.raises(StatusConflict):
        await move(Status.QUEUED, Status.SAVING)


async def test_delete_marks_the_image_and_its_children(database: Database) -> None:
    image = await insert(database, full_image())

    async def share(conn: Connection) -> None:
        now = moment(0)
        row = {"image_id": image.id, "member": OTHER, "can_share": False, "created_at": now, "deleted": False}
        await conn.execute(members.insert(), row)

    async def marks(conn: Connection) -> set[tuple[object, ...]]:
        found: set[tuple[object, ...]] = set()
        for table in (images, properties, tags, members, locations):
            found |= {tuple(row) for row in await conn.execute(select(table.c.deleted, table.c.deleted_at))}
        return found

    await database.write(share)
    await database.write(lambda conn: repo.delete(conn, image))
    ((deleted, at),) = await database.read(marks)
    assert deleted is True
    assert at is not None
    with pytest.raises(repo.Superseded):
        await database.write(lambda conn: repo.delete(conn, image))


async def test_membership(database: Database) -> None:
    image = await insert(database, new_image())

    async def share(conn: Connection) -> None:
        row = {"image_id": image.id, "can_share": False, "created_at": moment(0), "status": "rejected"}
        gone = {"deleted": True, "deleted_at": moment(1), "member": "was"}
        await conn.execute(members.insert(), {**row, "member": OTHER, "deleted": False})
        await conn.execute(members.insert(), {**row, **gone})

    await database.write(share)
    asked = (OTHER, "was", ME, OTHER.upper(), OTHER + " ")
    answers = [await database.read(lambda conn, who=who: repo.is_member(conn, image.id, who)) for who in asked]  # type: ignore[misc]
    assert answers == [True, False, False, False, False]


@pytest.mark.parametrize("name", ["x" * 256, "a\0b", "\U0001f5a8"])
async def test_what_cannot_be_stored_is_the_senders_fault(database: Database, databases: Databases, name: str) -> None:
    """Limits are checked before; a database that has some of its own says so in the same terms."""
    refused = {"postgresql": {"x" * 256, "a\0b"}, "mariadb": {"x" * 256, "\U0001f5a8"}, "sqlite": set[str]()}
    if name in refused[databases.kind]:
        with pytest.raises(ValueNotStorable):
            await insert(database, new_image(name=name))
    else:
        image = await insert(database, new_image(name=name))
        assert await get(database, image.id) == image


async def test_one_statement_reads_an_image(database: Database) -> None:
    image = await insert(database, full_image())

    async def counted(conn: Connection) -> int:
        counting = Counting(conn)
        await repo.get(counting, image.id)
        return counting.statements

    assert await database.read(counted) == 1
