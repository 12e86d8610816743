"""What a page costs in a large catalogue: every filter, sort key and search, with and without statistics.

Counted in rows that the database reads. 4000 images stand for 100 000, so the limits of `image_pages` and the pages are
made smaller in that proportion.
"""

import itertools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from sqlalchemy import insert

from intaglio.db.base import Connection, Database
from intaglio.db.repos import image_pages, image_search, image_statements
from intaglio.db.repos import images as repo
from intaglio.db.tables.images import images, properties, tags
from intaglio.domain.image import Image, Visibility
from intaglio.domain.query import SORT_KEYS, Direction, ImageQuery, NumberFilter, TimeFilter, Viewer
from intaglio.domain.search import read_search
from intaglio.domain.status import Status
from tests.db.samples import ME, OTHER, moment, new_image
from tests.db.work import gather_statistics, no_statistics, rows_read
from tests.starters.databases import Databases, opened

pytestmark = pytest.mark.anyio

SIZE = 4000
FEW, MANY, WIDTHS = 20, 200, (20, 50)
ADMIN = Viewer(None, is_admin=True)


def catalogue() -> list[Image]:
    """Every second one is public, the others are somebody's; some are mine, and some have what others do not."""
    return [
        new_image(
            number,
            name=f"image {number}",
            owner=ME if number % 40 == 0 else OTHER,
            visibility=Visibility.PUBLIC if number % 2 else Visibility.PRIVATE,
            status=Status.QUEUED if number == 77 else Status.ACTIVE,
            size=1000 + number,
            virtual_size=5000 + number,
            min_ram=number,
            min_disk=number,
            disk_format="iso" if number == 78 else "raw",
            container_format="ova" if number == 79 else "bare",
            protected=number == 80,
            checksum=f"{number:032x}",
            os_hash_algo="md5" if number == 81 else "sha512",
            os_hash_value=f"{number:0128x}",
            properties={
                "all": "x", "half": str(number % 2), "some": str(number % 7), "rare": str(number % 100),
                "one": str(number), "clump": "old" if number < SIZE // 5 else "new",
            },
            tags=(f"half{number % 2}", f"some{number % 7}", f"rare{number % 100}"),
        )
        for number in range(SIZE)
    ]  # fmt: skip


async def fill(database: Database) -> None:
    made = catalogue()
    names = [column.name for column in images.columns if column.name not in ("deleted", "deleted_at")]

    def rows_of(name: str) -> list[dict[str, Any]]:
        rows = [(image, each) for image in made for each in (image.tags if name == "tags" else image.properties)]
        child = {"created_at": moment(0), "deleted": False}
        if name == "tags":
            return [{"image_id": image.id, "value": tag, **child} for image, tag in rows]
        return [{"image_id": image.id, "name": key, "value": image.properties[key], **child} for image, key in rows]

    async def work(conn: Connection) -> None:
        rows = [{**{field: getattr(image, field) for field in names}, "deleted": False} for image in made]
        for table, filled in ((images, rows), (properties, rows_of("properties")), (tags, rows_of("tags"))):
            for part in batches(filled):
                await conn.execute(insert(table), part)

    await database.write(work)
    for part in batches([image.id for image in made]):
        await database.write(lambda conn, part=part: image_search.index(conn, part))  # type: ignore[misc]


def batches(rows: list[Any]) -> Iterator[list[Any]]:
    for first in range(0, len(rows), 1000):
        yield rows[first : first + 1000]


@pytest.fixture(scope="module")
async def crowded(databases: Databases) -> AsyncIterator[Database]:
    settings = await databases.upgraded()
    database = await opened(settings)
    await no_statistics(database)
    await fill(database)
    yield database
    await database.close()


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(image_pages, "FEW", FEW)
    monkeypatch.setattr(image_pages, "MANY", MANY)
    monkeypatch.setattr(image_statements, "MANY", MANY)
    monkeypatch.setattr(image_pages, "WIDTHS", WIDTHS)
    image_statements.counts_statement.cache_clear()
    yield
    image_statements.counts_statement.cache_clear()


def everything(**conditions: Any) -> ImageQuery:
    return ImageQuery(**{"viewer": ADMIN, "limit": 2, **conditions})


def orders() -> Iterator[tuple[str, ImageQuery]]:
    for key, direction, viewer in itertools.product(SORT_KEYS, Direction, (ADMIN, Viewer(ME))):
        keys = ("id",) if key == "id" else tuple(dict.fromkeys((key, "created_at", "id")))
        sort = tuple((each, direction) for each in keys)
        yield f"sort {key} {direction} {viewer.project_id}", everything(sort=sort, viewer=viewer)


def fields() -> Iterator[tuple[str, ImageQuery]]:
    texts = [
        ("name", "image 500"), ("status", "active"), ("status", "queued"), ("disk_format", "raw"),
        ("disk_format", "iso"), ("container_format", "bare"), ("container_format", "ova"), ("checksum", f"{7:032x}"),
        ("os_hash_value", f"{7:0128x}"), ("os_hash_algo", "sha512"), ("os_hash_algo", "md5"), ("owner", OTHER),
        ("owner", ME), ("owner", "nobody"),
    ]  # fmt: skip
    for name, value in texts:
        yield f"{name}={value[:9]}", everything(texts=((name, (value,)),))
    for protected in (True, False):
        yield f"protected {protected}", everything(protected=protected)


def bounds() -> Iterator[tuple[str, ImageQuery]]:
    for name, first in (("size", 1000), ("virtual_size", 5000), ("min_ram", 0), ("min_disk", 0)):
        for operator, bound in (("min", SIZE - 5), ("max", 5), ("min", 5), ("max", SIZE - 5), ("eq", 9)):
            numbers = (NumberFilter(name, operator, first + bound),)  # type: ignore[arg-type]
            yield f"{name} {operator} {bound}", everything(numbers=numbers)
    for name, operator, second in itertools.product(("created_at", "updated_at"), ("gte", "lt"), (5, SIZE - 5)):
        yield f"{name} {operator} {second}", everything(times=(TimeFilter(name, operator, moment(second)),))  # type: ignore[arg-type]


def children() -> Iterator[tuple[str, ImageQuery]]:
    for tag in ("half0", "half1", "some3", "rare7", "none"):
        yield f"tag {tag}", everything(tags=(tag,))
    yield "two tags", everything(tags=("half0", "some2"))
    for each in ("all=x", "half=1", "some=3", "rare=7", "rare=8", "one=9", "none=x"):
        name, value = each.split("=")
        yield each, everything(properties=((name, value),))
        yield f"{each} of mine", everything(properties=((name, value),), viewer=Viewer(ME))
    yield "two properties", everything(properties=(("half", "1"), ("some", "3")))
    for phrase in ("image", "image 500", '"image 7"', "new", "rare", "none"):
        for ranked in (True, False):
            yield f"q={phrase} {ranked}", everything(phrases=read_search(phrase), ranked=ranked)


QUESTIONS = dict([*orders(), *fields(), *bounds(), *children()])
# A count up to MANY of each condition; walks of the widest kind in three branches; a page, with the rows of its images.
BUDGET = 1500


@pytest.mark.timeout(600)
async def test_no_question_reads_the_catalogue(crowded: Database) -> None:
    for statistics in (False, True):
        if statistics:
            await gather_statistics(crowded)
        read = {
            name: await rows_read(crowded, lambda conn, query=query: repo.page(conn, query))  # type: ignore[misc]
            for name, query in QUESTIONS.items()
        }
        dear = {name: rows for name, rows in read.items() if rows > BUDGET}
        assert not dear, f"statistics: {statistics}, {dear}"


@pytest.mark.timeout(600)
async def test_what_hides_from_a_viewer_is_looked_at_a_few_times_at_most(crowded: Database) -> None:
    """Half of all images pass, and the viewer sees none of them; or those that pass come last."""
    asked = [
        everything(viewer=Viewer("nobody"), properties=(("half", "0"),)),
        everything(viewer=Viewer("nobody"), properties=(("half", "0"), ("some", "3"))),
        everything(viewer=Viewer("nobody"), tags=("half0",)),
        everything(properties=(("clump", "old"),)),
        everything(phrases=read_search("old"), ranked=True),
    ]
    await gather_statistics(crowded)
    for query in asked:
        assert await rows_read(crowded, lambda conn, query=query: repo.page(conn, query)) < 5 * SIZE, query  # type: ignore[misc]
