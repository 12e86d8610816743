"""Free text against a plain model of it, on each database: what is found, in which order, and kept current by whom."""

import random
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, insert, select, update

from intaglio.base.clock import utcnow
from intaglio.db.base import Connection, Database
from intaglio.db.repos import image_pages, image_search, property_names
from intaglio.db.repos import images as repo
from intaglio.db.tables.added import search
from intaglio.db.tables.images import images, properties, tags
from intaglio.domain.image import Image, Visibility
from intaglio.domain.query import Direction, ImageQuery, NumberFilter, Viewer
from intaglio.domain.search import read_search
from tests.db.counting import Counting
from tests.db.listing_model import Stock, all_pages, expected, put, stock
from tests.db.samples import ME, OTHER, moment, new_image

pytestmark = pytest.mark.anyio

WORDS = [
    "debian",
    "deb",
    "Débian",
    "12",
    "1",
    "x86_64",
    "the",
    "a",
    "雲端",
    "Straße",
    "zebra",
    "z",
    "server",
    "cloud-image",
]
ADMIN = Viewer(ME, is_admin=True)


def library(seed: int) -> Stock:
    r = random.Random(seed)

    def text(most: int) -> str:
        return " ".join(r.choices(WORDS, k=r.randrange(most + 1)))

    stocked = stock(seed, 50)
    stocked.images = [
        msgspec.structs.replace(
            image,
            name=text(3) or None,
            tags=tuple({text(1) for _ in range(2)} - {""}),
            properties={**image.properties, **{name: text(4) for name in r.sample(["description", "os", "more"], 2)}},
        )
        for image in stocked.images
    ]
    return stocked


texts = st.lists(
    st.one_of(
        st.sampled_from(WORDS), st.sampled_from(['"debian 12"', '"12 server"', '"deb"', "de", "雲", "x86", "none"])
    ),
    min_size=1,
    max_size=3,
).map(" ".join)
searches = st.builds(
    lambda text, ranked, direction, **rest: ImageQuery(
        phrases=read_search(text),
        ranked=ranked,
        sort=(("created_at", direction), ("id", direction)) if ranked else (("size", direction), ("id", direction)),
        **rest,
    ),
    texts,
    st.booleans(),
    st.sampled_from(list(Direction)),
    viewer=st.sampled_from([Viewer(ME), Viewer(OTHER), Viewer(None), ADMIN]),
    limit=st.sampled_from([1, 3, 100]),
    visibility=st.sampled_from([None, "all", Visibility.PUBLIC]),
    tags=st.sampled_from([(), (), ("deb",)]),
    properties=st.sampled_from([(), (), (("arch", "x86"),)]),
    numbers=st.sampled_from([(), (), (NumberFilter("size", "min", 2),)]),
    readable=st.sampled_from([None, None, (), ("os",), ("description", "more")]),
)


@pytest.mark.parametrize(("few", "many", "widths"), [(300, 5000, 1000), (0, 0, 2), (0, 10_000, 2)])
@settings(
    max_examples=3, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(wanted=st.lists(searches, min_size=8, max_size=8), seed=st.integers(0, 2))
async def test_a_search_finds_what_the_model_finds(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    few: int,
    many: int,
    widths: int,
    wanted: list[ImageQuery],
    seed: int,
) -> None:
    stocked = library(seed)
    await put(database, stocked)
    monkeypatch.setattr(image_pages, "FEW", few)
    monkeypatch.setattr(image_pages, "MANY", many)
    monkeypatch.setattr(image_pages, "WIDTHS", (widths, widths))
    for query in wanted:
        assert await all_pages(database, query) == expected(query, stocked), query


async def found(database: Database, text: str, **conditions: Any) -> list[str | None]:
    query = ImageQuery(viewer=ADMIN, visibility="all", phrases=read_search(text), ranked=True, **conditions)
    return [image.name for image in await database.read(lambda conn: repo.page(conn, query))]


async def test_best_first(database: Database) -> None:
    made = [
        new_image(1, name="other", properties={"os_distro": "debian"}),
        new_image(2, name="described", properties={"description": "a Debian, tested"}),
        new_image(3, name="tagged", tags=("debian",)),
        new_image(4, name="Debian 12"),
        new_image(5, name="12", tags=("debian",)),
        new_image(6, name="newest", properties={"os_distro": "debian"}),
    ]
    await put(database, Stock(made, {}))
    assert await found(database, "debian") == ["Debian 12", "12", "tagged", "described", "newest", "other"]
    assert await found(database, "DÉB") == ["Debian 12", "12", "tagged", "described", "newest", "other"]
    assert await found(database, "debian 12") == ["Debian 12", "12"]
    assert await found(database, '"debian 12"') == ["Debian 12"]
    assert await found(database, '"deb"') == []
    assert await found(database, "debian", readable=()) == ["Debian 12", "12", "tagged"]
    assert await found(database, "debian", readable=("description",)) == ["Debian 12", "12", "tagged", "described"]


async def test_changes_are_found_at_once(database: Database) -> None:
    image = await database.write(lambda conn: repo.insert(conn, new_image(0, name="alpha", properties={"p": "beta"})))
    assert await found(database, "beta") == ["alpha"]
    after = msgspec.structs.replace(image, properties={}, tags=("gamma",), updated_at=moment(1))
    changed = await database.write(lambda conn: repo.update(conn, image, after))
    assert await found(database, "beta") == []
    assert await found(database, "gamma") == ["alpha"]
    plain = msgspec.structs.replace(changed, min_ram=1, updated_at=moment(2))
    plain = await database.write(lambda conn: repo.update(conn, changed, plain))
    assert await stale(database) == []
    await database.write(lambda conn: repo.delete(conn, plain))
    assert await words_kept(database) == 0


async def stale(database: Database) -> list[str]:
    ids, _ = await database.read(image_search.outdated)
    return sorted(ids)


async def words_kept(database: Database) -> int:
    async def work(conn: Connection) -> int:
        return int((await conn.execute(select(func.count()).select_from(search))).scalar_one())

    return await database.read(work)


async def change_as_glance_does(database: Database, image: Image, seconds: float, **row: Any) -> None:
    """Another service's change: the image's row, a property and a tag, and nothing of ours."""
    now = moment(seconds)
    child = {"image_id": image.id, "created_at": now, "deleted": False}

    async def work(conn: Connection) -> None:
        await conn.execute(update(images).where(images.c.id == image.id).values(updated_at=now, **row))
        await conn.execute(insert(properties).values(name=f"p{seconds}", value=f"word{seconds:g}", **child))
        await conn.execute(insert(tags).values(value=f"label{seconds:g}", **child))

    await database.write(work)


async def test_what_others_change_is_noticed(database: Database) -> None:
    image = await database.write(lambda conn: repo.insert(conn, new_image(0, name="mine")))
    other = await database.write(lambda conn: repo.insert(conn, new_image(0, name="untouched")))
    await change_as_glance_does(database, image, 7)
    assert await found(database, "word7") == []
    assert await stale(database) == [image.id]
    assert await database.read(lambda conn: image_search.outdated_since(conn, moment(6))) == [image.id]
    assert await database.read(lambda conn: image_search.outdated_since(conn, moment(8))) == []
    await database.write(lambda conn: image_search.index(conn, [image.id]))
    assert await found(database, "word7") == await found(database, "label7") == ["mine"]
    assert await stale(database) == []
    # also what is changed back to a time before, by a machine whose clock is behind
    await change_as_glance_does(database, image, 3)
    assert await stale(database) == [image.id]
    # and a change of ours does not make us believe that we have seen theirs
    read = await database.read(lambda conn: repo.get(conn, image.id))
    assert read is not None
    later = msgspec.structs.replace(read, min_ram=5, updated_at=moment(9))
    await database.write(lambda conn: repo.update(conn, read, later))
    assert await stale(database) == [image.id]
    await database.write(lambda conn: conn.execute(update(images).where(images.c.id == other.id).values(deleted=True)))
    assert await database.write(image_search.forget_deleted) == 1
    assert await words_kept(database) == 1


async def test_images_without_words_are_noticed(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [await database.write(lambda conn, n=n: repo.insert(conn, new_image(n, name=f"n{n}"))) for n in range(5)]  # type: ignore[misc]
    await database.write(lambda conn: conn.execute(delete(search)))
    ids = sorted(image.id for image in made)
    assert await stale(database) == ids
    monkeypatch.setattr(image_search, "BATCH", 2)
    windows = [await database.read(lambda conn, last=last: image_search.outdated(conn, last)) for last in ("", ids[1])]  # type: ignore[misc]
    assert [(sorted(found), last) for found, last in windows] == [(ids[:2], ids[1]), (ids[2:4], ids[3])]
    assert await database.read(lambda conn: image_search.outdated(conn, ids[4])) == ((), None)
    await database.write(lambda conn: image_search.index(conn, ids))
    assert sorted(str(name) for name in await found(database, "n")) == [f"n{n}" for n in range(5)]


async def test_a_change_in_the_second_of_indexing_is_not_missed(database: Database) -> None:
    """On MariaDB, where the times of images have whole seconds, words are taken again a little later."""
    now = utcnow()
    image = await database.write(lambda conn: repo.insert(conn, new_image(0, created_at=now, updated_at=now)))
    again = now - timedelta(seconds=10)

    async def work(conn: Connection) -> Any:
        stored = (await conn.execute(select(images.c.updated_at))).scalar_one()
        await conn.execute(update(search).values(indexed_at=stored, changed_at=stored))
        if conn.dialect == "mysql":
            earlier = {"updated_at": again.replace(microsecond=0)}
            await conn.execute(update(images).values(**earlier))
            await conn.execute(update(search).values(changed_at=earlier["updated_at"], indexed_at=again))
        return list((await image_search.outdated(conn))[0])

    expected_ids = [image.id] if await dialect(database) == "mysql" else []
    assert await database.write(work) == expected_ids
    await database.write(lambda conn: image_search.index(conn, expected_ids))
    assert await stale(database) == []


async def dialect(database: Database) -> str:
    async def work(conn: Connection) -> str:
        return conn.dialect

    return await database.read(work)


async def test_statements_of_a_search_do_not_grow(database: Database) -> None:
    await put(database, library(1))
    query = ImageQuery(viewer=ADMIN, phrases=read_search("debian 12"), ranked=True, limit=100, visibility="all")

    async def counted(conn: Connection) -> int:
        counting = Counting(conn)
        await repo.page(counting, query)
        return counting.statements

    assert await database.read(counted) <= 8  # for each of four ranks, how many there are and which they are


async def test_property_names(database: Database) -> None:
    made = [new_image(n, properties={f"p{n % 3}": "x", "a b": "y"}) for n in range(6)]
    await put(database, Stock(made, {}))
    assert await database.read(property_names.all_of) == ["a b", "p0", "p1", "p2"]
