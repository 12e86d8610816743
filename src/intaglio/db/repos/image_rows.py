"""Reading images: which columns a complete image takes, and the row turned into the domain's value.

Properties, tags, locations and the revision come in the same row as JSON texts, so that one image, or a page of them,
is one statement.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, ScalarSelect, Select, select

from intaglio.db.location_urls import LocationUrls
from intaglio.db.repos.dialects import json_object, json_rows, live
from intaglio.db.tables.added import revisions
from intaglio.db.tables.images import images, locations, properties, tags
from intaglio.domain.image import Image, Location, Visibility
from intaglio.domain.status import Status

_decode_properties = msgspec.json.Decoder(dict[str, str | None]).decode
_decode_tags = msgspec.json.Decoder(list[tuple[str]]).decode
_decode_locations = msgspec.json.Decoder(list[tuple[int, str, str | None, str]]).decode
_decode_metadata = msgspec.json.Decoder(dict[str, Any]).decode

_STATUS = {status.value: status for status in Status}
_VISIBILITY = {visibility.value: visibility for visibility in Visibility}


def _scalar(value: ColumnElement[Any], *conditions: ColumnElement[bool]) -> ScalarSelect[Any]:
    return select(value).where(*conditions).correlate(images).scalar_subquery()


def image_columns(dialect: str) -> list[ColumnElement[Any]]:
    """The columns `to_image` takes, in its order."""
    shape = json_object(dialect, properties.c.name, properties.c.value)
    words = json_rows(dialect, tags.c.value)
    places = json_rows(dialect, locations.c.id, locations.c.value, locations.c.meta_data, locations.c.status)
    return [
        images.c.id,
        images.c.status,
        images.c.visibility,
        images.c.created_at,
        images.c.updated_at,
        images.c.name,
        images.c.owner,
        images.c.protected,
        images.c.os_hidden,
        images.c.min_ram,
        images.c.min_disk,
        images.c.container_format,
        images.c.disk_format,
        images.c.size,
        images.c.virtual_size,
        images.c.checksum,
        images.c.os_hash_algo,
        images.c.os_hash_value,
        _scalar(shape, properties.c.image_id == images.c.id, live(properties)).label("properties"),
        _scalar(words, tags.c.image_id == images.c.id, live(tags)).label("tags"),
        _scalar(places, locations.c.image_id == images.c.id, live(locations), locations.c.status == "active").label(
            "locations"
        ),
        _scalar(revisions.c.revision, revisions.c.image_id == images.c.id).label("revision"),
    ]


@cache
def image_select(dialect: str) -> Select[Any]:
    """All images, complete; the caller adds which."""
    return select(*image_columns(dialect)).select_from(images)


def to_image(row: Sequence[Any], urls: LocationUrls) -> Image:
    """The image of a row of `image_columns`, written in a database that writes URLs so."""
    return Image(
        id=row[0],
        status=_STATUS[row[1]],
        visibility=_VISIBILITY[row[2]],
        created_at=row[3],
        updated_at=row[4] or row[3],
        name=row[5],
        owner=row[6],
        protected=row[7],
        os_hidden=row[8],
        min_ram=row[9],
        min_disk=row[10],
        container_format=row[11],
        disk_format=row[12],
        size=row[13],
        virtual_size=row[14],
        checksum=row[15],
        os_hash_algo=row[16],
        os_hash_value=row[17],
        properties=_decode_properties(row[18]) if row[18] else {},
        tags=tuple(sorted({tag for (tag,) in _decode_tags(row[19])})) if row[19] else (),
        locations=_locations(row[20], urls) if row[20] else (),
        revision=row[21] or 0,
    )


def _locations(text: str, urls: LocationUrls) -> tuple[Location, ...]:
    return to_locations(_decode_locations(text), urls)


def to_locations(found: Iterable[tuple[int, str, str | None, str]], urls: LocationUrls) -> tuple[Location, ...]:
    """The locations of rows of number, URI, metadata as JSON and status, in the order of their numbers."""
    return tuple(
        Location(urls.read(uri), _decode_metadata(metadata) if metadata else {}, status, number)
        for number, uri, metadata, status in sorted(found)
    )
