"""The conditions of a list query, each in two forms: a test of one image, and the set of all images that pass.

A page is found by testing images in their order when many pass, and from the set when few do. Every set is entered by
an index, on each of the databases, whether it keeps statistics or not. docs/adr/0004 names the indexes.
"""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    case,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
)
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table

from intaglio.db.repos.dialects import among, any_row, by_code_point, equals, live, parameter, unindexed
from intaglio.db.repos.image_shapes import Sieve
from intaglio.db.tables.added import search
from intaglio.db.tables.images import images, properties, tags
from intaglio.domain.image import Visibility

PREFIX = 64  # characters of a property's value that PostgreSQL has in the index
_ORDERED = frozenset({"name", "status", "size", "disk_format", "container_format"})  # these indexes begin with who sees
_WORDS = sql_table("intaglio_image_words", sql_column("rowid", Integer()), sql_column("intaglio_image_words", String()))


def passes(dialect: str, sieve: Sieve, *, leading: bool = False) -> ColumnElement[bool]:
    """Whether the image at hand passes. `leading`: its column may choose the way the images are walked."""
    if sieve.kind == "words":
        said = (search.c.image_id == images.c.id, has_words(dialect, sieve))
        return any_row(dialect, select(search.c.number).where(*said))
    if sieve.kind == "tag":
        value = unindexed(dialect, tags.c.value)
        rows = select(tags.c.id).where(tags.c.image_id == images.c.id, _same_tag(dialect, sieve, value), live(tags))
        rows = rows.with_hint(tags, "FORCE INDEX (ix_image_tags_image_id_tag_value)", "mysql")
        return any_row(dialect, rows)
    if sieve.kind == "property":
        value = unindexed(dialect, properties.c.value)
        here = (properties.c.image_id == images.c.id, *_same_property(dialect, sieve, value), live(properties))
        rows = select(properties.c.id).where(*here)
        rows = rows.with_hint(properties, "FORCE INDEX (ix_image_properties_image_id_name)", "mysql")
        return any_row(dialect, rows)
    column = images.c[sieve.name or "protected"]
    return _compared(dialect, sieve, column if leading else unindexed(dialect, column))


def chosen(dialect: str, sieve: Sieve) -> Select[Any]:
    """The ids of all images that pass, and maybe of some hidden or deleted ones."""
    if sieve.kind == "words":
        return select(search.c.image_id).where(_matched(dialect, sieve), has_words(dialect, sieve))
    return probe(dialect, sieve).order_by(None)


def probe(dialect: str, sieve: Sieve) -> Select[Any]:
    """As many rows as `chosen` has, or more: to learn whether they are few."""
    if sieve.kind == "words":
        if dialect == "sqlite":
            return _rows_matched(sieve)
        return select(search.c.image_id).where(_matched(dialect, sieve))
    if sieve.kind == "tag":
        return select(tags.c.image_id).where(_same_tag(dialect, sieve), tags.c.deleted == false())
    if sieve.kind == "property":
        named, same = _same_property(dialect, sieve)
        begins = [_same_beginning(sieve)] if dialect == "postgresql" else []
        alive = properties.c.deleted == false() if dialect == "sqlite" else live(properties)
        return select(properties.c.image_id).where(named, *begins, same, alive)
    ids = _chosen_by_column(dialect, sieve)
    if dialect == "postgresql" and sieve.name == "owner":  # or it would collect all of them before it takes the first
        return ids.order_by(images.c.created_at.nulls_first())
    return ids


def _chosen_by_column(dialect: str, sieve: Sieve) -> Select[Any]:
    name = sieve.name or "protected"
    column = by_code_point(dialect, name, images.c[name])
    ids = select(images.c.id).where(_compared(dialect, sieve, column))
    if name in _ORDERED:
        everyone = images.c.visibility.in_([each.value for each in Visibility])
        ids = ids.where(*_listed(), everyone).with_hint(
            images, f"FORCE INDEX (intaglio_images_visibility_{name})", "mysql"
        )
    elif name == "owner":
        ids = ids.where(*_listed()).with_hint(images, "FORCE INDEX (intaglio_images_owner_created)", "mysql")
    return ids


def _listed() -> tuple[ColumnElement[bool], ...]:
    return images.c.deleted == false(), images.c.os_hidden == parameter("hidden", images.c.os_hidden)


def _compared(dialect: str, sieve: Sieve, column: ColumnElement[Any]) -> ColumnElement[bool]:
    match sieve.kind:
        case "text":
            place = sieve.places[0][0]
            return among(dialect, column, [parameter(f"text_{place}_{n}", column) for n in range(sieve.count)])
        case "number":
            return and_(*(_number(column, place, operator) for place, operator in sieve.places))
        case "time":
            return and_(*(_time(column, place, operator) for place, operator in sieve.places))
        case _:
            return column == parameter("protected", images.c.protected)


def _number(column: ColumnElement[Any], place: int, operator: str) -> ColumnElement[bool]:
    value = parameter(f"number_{place}", column)
    return {"min": column >= value, "max": column <= value, "eq": column == value}[operator]


def _time(column: ColumnElement[Any], place: int, operator: str) -> ColumnElement[bool]:
    moment = parameter(f"time_{place}", column)
    if operator == "neq":
        return or_(column < moment, column >= parameter(f"time_{place}_end", column))
    return column >= moment if operator == "gte" else column < moment


def _same_tag(dialect: str, sieve: Sieve, value: ColumnElement[Any] = tags.c.value) -> ColumnElement[bool]:
    return equals(dialect, value, parameter(f"tag_{sieve.places[0][0]}", tags.c.value))


def _same_property(
    dialect: str, sieve: Sieve, value: ColumnElement[Any] = properties.c.value
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    place = sieve.places[0][0]
    named = equals(dialect, properties.c.name, parameter(f"property_{place}", properties.c.name))
    return named, equals(dialect, value, parameter(f"value_{place}", properties.c.value))


def _same_beginning(sieve: Sieve) -> ColumnElement[bool]:
    # literal numbers, or it would not be the expression that is indexed
    first, last = literal_column("1", Integer), literal_column(str(PREFIX), Integer)
    value = parameter(f"value_{sieve.places[0][0]}", properties.c.value)
    return func.substr(properties.c.value, first, last) == func.substr(value, first, last)


def _match(sieve: Sieve) -> ColumnElement[Any]:
    return bindparam(f"match_{sieve.marks}", type_=String())


def _rows_matched(sieve: Sieve) -> Select[Any]:
    return select(_WORDS.c.rowid).where(_WORDS.c.intaglio_image_words.op("MATCH")(_match(sieve)))


def _matched(dialect: str, sieve: Sieve) -> ColumnElement[bool]:
    """The rows that the database's own full-text index gives: all that `has_words`, and more."""
    if dialect == "sqlite":
        return search.c.number.in_(_rows_matched(sieve))
    if dialect == "postgresql":
        simple: ColumnElement[Any] = literal_column("'simple'")
        return func.to_tsvector(simple, search.c.words).op("@@")(func.to_tsquery(simple, _match(sieve)))
    return search.c.words.match(_match(sieve), mysql_boolean_mode=True)


def has_words(dialect: str, sieve: Sieve) -> ColumnElement[bool]:
    """Whether the words of a row of `search` have every phrase in a field of this rank, and not in a better one's."""
    right = _all_found(dialect, sieve.count, sieve.marks)
    return right if not sieve.better else and_(right, not_(_all_found(dialect, sieve.count, sieve.better)))


def rank(dialect: str, sieve: Sieve, ranks: tuple[int, ...]) -> ColumnElement[int]:
    """The rank of the image at hand, which passes the sieve: 0 is the best."""
    whens = [(_all_found(dialect, sieve.count, marks), place) for place, marks in enumerate(ranks[:-1])]
    place = case(*whens, else_=len(ranks) - 1) if whens else literal(0)
    return select(place).where(search.c.image_id == images.c.id).correlate(images).scalar_subquery()


def _all_found(dialect: str, phrases: int, marks: int) -> ColumnElement[bool]:
    inside = func.strpos if dialect == "postgresql" else func.instr
    return and_(
        *(
            or_(*(inside(search.c.words, bindparam(f"needle_{p}_{m}", type_=String())) > 0 for m in range(marks)))
            for p in range(phrases)
        )
    )
