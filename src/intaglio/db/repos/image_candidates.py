"""Finding the few images that a rare value leaves, before a page is walked.

A page with a filter is found by walking the images in order and testing each, which is quick when many pass and endless
when few do. So the filters that have an index are asked first which images they leave, up to `FEW`. When it is no more,
the page is made of those alone.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    and_,
    false,
    func,
    literal,
    literal_column,
    select,
    union_all,
)

from intaglio.db.base import Connection
from intaglio.db.repos.dialects import among, equals, live, parameter
from intaglio.db.tables.images import images, properties, tags
from intaglio.domain.query import ImageQuery

FEW = 300
INDEXED = frozenset({"name", "status", "checksum", "os_hash_value", "owner"})
PREFIX = 64  # characters of a property's value that PostgreSQL has in the index


async def candidates(conn: Connection, query: ImageQuery, values: dict[str, Any]) -> list[str] | None:
    """The ids of all images that can be in the list, when they are few; None when they are many, or nobody knows.

    `values` are the parameters of the page's statement, whose names are used here too.
    """
    texts = tuple((place, name, len(found)) for place, (name, found) in enumerate(query.texts) if name in INDEXED)
    known = [set(found) for name, found in query.texts if name == "id"]
    if texts or query.tags or query.properties:
        statement = _probe(conn.dialect, texts, len(query.tags), len(query.properties))
        left: list[set[str]] = [set() for _ in (*texts, *query.tags, *query.properties)]
        rows: Sequence[Any] = (await conn.execute(statement, values)).all()
        for probe, image_id in rows:
            left[probe].add(image_id)
        known += [ids for ids in left if len(ids) <= FEW]
    return sorted(set.intersection(*known)) if known else None


@lru_cache(maxsize=256)
def _probe(
    dialect: str, texts: tuple[tuple[int, str, int], ...], tagged: int, with_properties: int
) -> CompoundSelect[Any] | Select[Any]:
    """For each filter its number and the ids it leaves, one more than few at most."""
    probes = [_by_text(dialect, *text) for text in texts]
    probes += [_by_tag(dialect, place) for place in range(tagged)]
    probes += [_by_property(dialect, place) for place in range(with_properties)]
    limited = [probe.limit(FEW + 1).subquery(f"probe_{number}") for number, probe in enumerate(probes)]
    numbered: list[Select[Any]] = [select(literal(number, Integer), *probe.c) for number, probe in enumerate(limited)]
    return union_all(*numbered) if len(numbered) > 1 else numbered[0]


def _by_text(dialect: str, place: int, name: str, count: int) -> Select[Any]:
    column = images.c[name]
    return select(images.c.id).where(
        among(dialect, column, [parameter(f"text_{place}_{n}", column) for n in range(count)])
    )


def _by_tag(dialect: str, place: int) -> Select[Any]:
    same = equals(dialect, tags.c.value, parameter(f"tag_{place}", tags.c.value))
    return select(tags.c.image_id).where(same, tags.c.deleted == false())


def _by_property(dialect: str, place: int) -> Select[Any]:
    named = equals(dialect, properties.c.name, parameter(f"property_{place}", properties.c.name))
    return select(properties.c.image_id).where(named, _value(dialect, place), live(properties))


def _value(dialect: str, place: int) -> ColumnElement[bool]:
    value = parameter(f"value_{place}", properties.c.value)
    same = equals(dialect, properties.c.value, value)
    if dialect != "postgresql":
        return same
    # literal numbers, or it would not be the expression that is indexed
    first, last = literal_column("1", Integer), literal_column(str(PREFIX), Integer)
    return and_(func.substr(properties.c.value, first, last) == func.substr(value, first, last), same)
