"""A plain model of the image list: who sees what, which images pass, in which order; and the words that are found."""

import random
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import delete, insert

from intaglio.db.base import Connection, Database
from intaglio.db.repos import images as repo
from intaglio.db.tables.added import search
from intaglio.db.tables.images import images, locations, members, properties, tags
from intaglio.domain.image import Image, Visibility
from intaglio.domain.query import Direction, ImageQuery, NumberFilter, TimeFilter
from intaglio.domain.search import Phrase, words
from intaglio.domain.status import Status
from tests.db.samples import ME, OTHER, moment, new_image

MEMBERSHIPS = ("accepted", "pending", "rejected")


class Stock(msgspec.Struct):
    """A catalogue as the model sees it. `shared` is the status of our membership in each image, if any."""

    images: list[Image]
    shared: dict[str, str]


def stock(seed: int, size: int = 60) -> Stock:
    r = random.Random(seed)
    made = [
        new_image(
            r.randrange(40) / 4,
            name=r.choice([None, "a", "b", "c"]),
            owner=r.choice([ME, OTHER, "third", None]),
            visibility=r.choice(list(Visibility)),
            status=r.choice([Status.QUEUED, Status.ACTIVE, Status.ACTIVE, Status.KILLED]),
            size=r.choice([None, 1, 2, 3]),
            disk_format=r.choice([None, "raw", "qcow2"]),
            os_hidden=r.random() < 0.1,
            protected=r.random() < 0.3,
            properties=r.choice([{}, {"arch": "x86"}, {"arch": "arm", "os": "deb"}]),
            tags=r.choice([(), ("t1",), ("t1", "t2")]),
        )
        for _ in range(size)
    ]
    shared = {image.id: r.choice(MEMBERSHIPS) for image in made if r.random() < 0.4}
    return Stock(made, shared)


async def put(database: Database, stocked: Stock) -> None:
    """Put the stock into the database; afterwards it is as stored, which on MariaDB means whole seconds."""

    async def work(conn: Connection) -> list[Image]:
        for table in (search, locations, tags, properties, members, images):
            await conn.execute(delete(table))
        stored = [await repo.insert(conn, image) for image in stocked.images]
        rows = [
            {
                "image_id": key,
                "member": ME,
                "status": status,
                "can_share": False,
                "created_at": moment(0),
                "deleted": False,
            }
            for key, status in stocked.shared.items()
        ]
        if rows:
            await conn.execute(insert(members), rows)
        return stored

    stocked.images = await database.write(work)


def may_list(query: ImageQuery, image: Image, membership: str | None) -> bool:
    """Images API v2, "Visibility" and "List images", as sentences."""
    own = image.owner is not None and image.owner == query.viewer.project_id
    asked = query.visibility
    if isinstance(asked, Visibility) and image.visibility is not asked:
        return False
    if image.visibility is Visibility.PUBLIC or own:
        return True
    if image.visibility is Visibility.COMMUNITY:
        return asked in (Visibility.COMMUNITY, "all")
    if query.viewer.is_admin:
        return True
    return (
        image.visibility is Visibility.SHARED
        and query.viewer.project_id == ME
        and membership is not None
        and query.member_status in ("all", membership)
    )


def matches(query: ImageQuery, image: Image) -> bool:
    return (
        image.status is not Status.KILLED
        and image.os_hidden is query.os_hidden
        and query.protected in (None, image.protected)
        and set(query.tags) <= set(image.tags)
        and all(image.properties.get(name) == value for name, value in query.properties)
        and all(getattr(image, column) in values for column, values in query.texts)
        and all(number_matches(each, getattr(image, each.column)) for each in query.numbers)
        and all(time_matches(each, getattr(image, each.column)) for each in query.times)
        and (not query.phrases or rank(query, image) is not None)
    )


def rank(query: ImageQuery, image: Image) -> int | None:
    """0 when the name has all phrases, 1 with the tags, 2 with the description, 3 with all other properties."""
    read = {
        name: value or ""
        for name, value in image.properties.items()
        if query.readable is None or name in query.readable
    }
    described = read.pop("description", "")
    fields = [[image.name or ""], [*image.tags], [described], [*read.values()]]
    for best in range(len(fields)):
        texts = [words(text) for among in fields[: best + 1] for text in among]
        if all(any(has(text, phrase) for text in texts) for phrase in query.phrases):
            return best
    return None


def has(text: list[str], phrase: Phrase) -> bool:
    length = len(phrase.words)
    for place in range(len(text) - length + 1):
        *firsts, last = text[place : place + length]
        if tuple(firsts) == phrase.words[:-1] and (
            last.startswith(phrase.words[-1]) if phrase.prefix else last == phrase.words[-1]
        ):
            return True
    return False


def number_matches(wanted: NumberFilter, value: int | None) -> bool:
    if value is None:
        return False
    return {"eq": value == wanted.value, "min": value >= wanted.value, "max": value <= wanted.value}[wanted.operator]


def time_matches(wanted: TimeFilter, value: datetime) -> bool:
    limit = wanted.moment
    outside = value < limit or value >= limit + timedelta(seconds=1)
    return {"gte": value >= limit, "lt": value < limit, "neq": outside}[wanted.operator]


def expected(query: ImageQuery, stocked: Stock) -> list[str]:
    found = [i for i in stocked.images if may_list(query, i, stocked.shared.get(i.id)) and matches(query, i)]
    for column, direction in reversed(query.sort):

        def key(image: Image, column: str = column) -> tuple[bool, Any]:
            value = getattr(image, column)
            return (value is not None, value)

        found.sort(key=key, reverse=direction is Direction.DESC)
    if query.ranked:
        found.sort(key=lambda image: rank(query, image) or 0)
    return [image.id for image in found]


async def all_pages(database: Database, query: ImageQuery) -> list[str]:
    found: list[str] = []
    while True:
        marker = found[-1] if found else None
        asked = msgspec.structs.replace(query, marker=marker)
        page = await database.read(lambda conn, asked=asked: repo.page(conn, asked))  # type: ignore[misc]
        found += [image.id for image in page]
        if len(page) < query.limit:
            return found
