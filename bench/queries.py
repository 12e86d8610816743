"""Every filter, every sort key, searches and counts on one database, asked of the repositories without HTTP.

For each how long it takes, at best, to answer with a page of 25: to find the one that an index does not serve.
"""

import asyncio
import contextlib
import dataclasses
import datetime as dt
import itertools
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Literal

from sqlalchemy import Table, insert, text
from tests.starters.mariadb import mariadb
from tests.starters.postgresql import postgresql

from bench.seed import START, image_id, rows
from intaglio.db.base import Connection, Database
from intaglio.db.engine import open_database
from intaglio.db.migrations import upgrade
from intaglio.db.repos import image_facets, image_search, images
from intaglio.db.settings import DatabaseSettings
from intaglio.db.tables.images import images as images_table
from intaglio.db.tables.images import locations, properties, tags
from intaglio.domain.facets import read_facets
from intaglio.domain.image import Visibility
from intaglio.domain.query import SORT_KEYS, Direction, ImageQuery, NumberFilter, TimeFilter, Viewer
from intaglio.domain.search import read_search

Kind = Literal["sqlite", "postgresql", "mariadb"]
REPEATS = 5
_STATISTICS = {
    "sqlite": ["ANALYZE"],
    "postgresql": ["ANALYZE"],
    "mariadb": ["ANALYZE TABLE images, image_properties, image_tags, image_locations, intaglio_image_search"],
}
_COLUMNS: dict[Table, tuple[list[str], dict[str, object]]] = {
    images_table: (
        ["id", "name", "size", "virtual_size", "created_at", "updated_at", "checksum", "owner", "visibility",
         "os_hash_value"],
        {"status": "active", "deleted": False, "disk_format": "qcow2", "container_format": "bare", "min_disk": 1,
         "min_ram": 512, "protected": False, "os_hidden": False, "os_hash_algo": "sha512"},
    ),
    properties: (["image_id", "name", "value", "created_at", "updated_at"], {"deleted": False}),
    tags: (["image_id", "value", "created_at", "updated_at"], {"deleted": False}),
    locations: (
        ["image_id", "value", "created_at", "updated_at"],
        {"deleted": False, "meta_data": "{}", "status": "active"},
    ),
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Measured:
    """Milliseconds of one question: before the database gathered statistics, and after."""

    name: str
    found: int
    before: float
    after: float


def cases(count: int) -> Iterator[tuple[str, ImageQuery]]:
    """One of everything; values that all images have, that many have, that one in a hundred has, and that none has."""
    admin, project = Viewer(None, is_admin=True), Viewer(f"{8:032x}")
    late = START + dt.timedelta(seconds=count - 10)

    def everything(**conditions: object) -> ImageQuery:
        return ImageQuery(**{"viewer": admin, **conditions})  # type: ignore[arg-type]

    yield "list", everything()
    yield "list of a project", everything(viewer=project)
    yield "list of a project's own", everything(viewer=project, visibility=Visibility.PRIVATE)
    yield "hidden", everything(os_hidden=True)
    for key, direction in itertools.product(SORT_KEYS, Direction):
        keys = dict.fromkeys((key, "created_at", "id") if key != "id" else ("id",))
        yield f"sort {key} {direction}", everything(sort=tuple((each, direction) for each in keys))
    middle = image_id(count // 2)
    yield "from the middle on", everything(marker=middle)
    texts = [
        ("name", f"image-{count // 2}"), ("name", "none"), ("id", middle), ("status", "active"), ("status", "queued"),
        ("disk_format", "qcow2"), ("disk_format", "iso"), ("container_format", "bare"), ("container_format", "ova"),
        ("checksum", f"{7:032x}"), ("os_hash_value", f"{7:0128x}"), ("os_hash_algo", "sha512"),
        ("os_hash_algo", "md5"), ("owner", f"{7:032x}"), ("owner", "none"),
    ]  # fmt: skip
    for name, value in texts:
        yield f"{name}={value[:12]}", everything(texts=((name, (value,)),))
    size = 2**28 + count
    bounds = {"size": size - 10, "virtual_size": 4 * size - 10, "min_ram": 513, "min_disk": 2}
    for name, bound in bounds.items():
        yield f"{name}_min rare", everything(numbers=(NumberFilter(name, "min", bound),))
        yield f"{name}_max all", everything(numbers=(NumberFilter(name, "max", bound),))
    for name in ("created_at", "updated_at"):
        yield f"{name} late", everything(times=(TimeFilter(name, "gte", late),))
        yield f"{name} early", everything(times=(TimeFilter(name, "lt", START + dt.timedelta(seconds=10)),))
    yield "protected", everything(protected=True)
    yield "not protected", everything(protected=False)
    for tag in ("tag-3", "series-30", "none"):
        yield f"tag={tag}", everything(tags=(tag,))
    yield "two tags", everything(tags=("tag-3", "series-30"))
    named = ("architecture=x86_64", "os_distro=debian", "os_version=3", "bench_rare=yes", f"build=build-{count // 2}")
    for each in (*named, "os_distro=none", "none=none"):
        name, value = each.split("=")
        yield each, everything(properties=((name, value),))
        yield f"{each}, of a project", everything(viewer=project, properties=((name, value),))
    yield "two properties", everything(properties=(("os_distro", "debian"), ("os_version", "3")))
    for phrase in ("debian", f"build {count // 2}", '"image 77"', "virtio", "12", "none"):
        yield f"q={phrase}", everything(phrases=read_search(phrase), ranked=True)
        yield (
            f"q={phrase} by name",
            everything(phrases=read_search(phrase), sort=(("name", Direction.ASC), ("id", Direction.ASC))),
        )


def queries(kind: Kind, count: int, say: Callable[[str], None]) -> list[Measured]:
    """Fill a database of that kind and measure every case."""
    with _server(kind) as connection:
        return asyncio.run(_measured(kind, DatabaseSettings(connection=connection), count, say))


@contextlib.contextmanager
def _server(kind: Kind) -> Iterator[str]:
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="bench-") as directory:
            yield f"sqlite:///{Path(directory) / 'images.sqlite'}"
    elif kind == "postgresql":
        with postgresql() as server:
            yield server.create("bench")
    else:
        with mariadb() as maria:
            yield maria.create("bench")


async def _measured(kind: Kind, settings: DatabaseSettings, count: int, say: Callable[[str], None]) -> list[Measured]:
    await upgrade(settings)
    database = open_database(settings)
    try:
        say(f"filling {kind} with {count} images")
        await _fill(database, kind, count)
        before = [await _best(database, query) for _, query in cases(count)]
        counts = await _facets(database)
        for statement in _STATISTICS[kind]:
            await database.write(_running(statement))
        after = [await _best(database, query) for _, query in cases(count)]
        counted = await _facets(database)
    finally:
        await database.close()
    names = [name for name, _ in cases(count)]
    found = [
        Measured(name, number, early, late)
        for name, (number, early), (_, late) in zip(names, before, after, strict=True)
    ]
    return [*found, Measured("facets of everything", counts[0], counts[1], counted[1])]


def _running(statement: str) -> Callable[[Connection], Awaitable[None]]:
    async def work(conn: Connection) -> None:
        await conn.execute(text(statement))

    return work


async def _fill(database: Database, kind: Kind, count: int, slice_size: int = 1000) -> None:
    if kind == "postgresql":  # or it would gather statistics by itself, at a time of its own
        for table in _COLUMNS:
            await database.write(_running(f"ALTER TABLE {table.name} SET (autovacuum_enabled = off)"))
    for first in range(0, count, slice_size):
        slices = rows(range(first, min(first + slice_size, count)), plain=False)

        async def work(conn: Connection, slices: tuple[list[tuple[object, ...]], ...] = slices) -> None:
            for (table, (names, same)), made in zip(_COLUMNS.items(), slices, strict=True):
                filled = [{**dict(zip(names, row, strict=True)), **same} for row in made]
                await conn.execute(insert(table), filled)
            await image_search.index(conn, [str(row[0]) for row in slices[0]])  # as the worker would

        await database.write(work)


async def _best(database: Database, query: ImageQuery) -> tuple[int, float]:
    best, found = float("inf"), 0
    for _ in range(REPEATS):
        began = time.perf_counter()
        found = len(await database.read(lambda conn: images.page(conn, query)))
        best = min(best, time.perf_counter() - began)
    return found, best * 1000


async def _facets(database: Database) -> tuple[int, float]:
    query = ImageQuery(viewer=Viewer(None, is_admin=True))
    began = time.perf_counter()
    counted = await database.survey(lambda conn: image_facets.count(conn, query, read_facets(())))
    return counted.total, (time.perf_counter() - began) * 1000
