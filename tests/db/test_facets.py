"""Counts against a plain model of them, on each database."""

from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from intaglio.db.base import Database
from intaglio.db.repos import image_facets, image_pages
from intaglio.db.repos import images as repo
from intaglio.domain.facets import Counted, Facet, Facets, Kind, read_facets
from intaglio.domain.image import Image, Visibility
from intaglio.domain.query import ImageQuery, NumberFilter, Viewer
from intaglio.domain.search import read_search
from tests.db.counting import Counting
from tests.db.listing_model import Stock, expected, put, stock
from tests.db.samples import ME, OTHER, new_image

pytestmark = pytest.mark.anyio

WANTED = read_facets(("arch", "os", "tag", "visibility", "status", "disk_format", "owner", "protected", "nothing"))


def held(image: Image, facet: Facet) -> tuple[Any, ...]:
    if facet.kind is Kind.TAG:
        return image.tags
    if facet.kind is Kind.PROPERTY:
        return (image.properties[facet.name],) if facet.name in image.properties else ()
    value = getattr(image, facet.name)
    return () if value is None else (value if isinstance(value, bool) else str(value),)


def model(query: ImageQuery, stocked: Stock) -> Facets:
    ids = set(expected(query, stocked))
    listed = [image for image in stocked.images if image.id in ids]
    counts = {}
    for facet in WANTED:
        numbers = Counter(value for image in listed for value in held(image, facet))
        ordered = sorted(numbers.items(), key=lambda item: (-item[1], str(item[0])))
        missing = sum(not held(image, facet) for image in listed)
        counts[facet.name] = Counted(tuple(ordered[: query.limit]), missing, len(numbers))
    return Facets(len(listed), counts)


queries = st.builds(
    ImageQuery,
    viewer=st.sampled_from([Viewer(ME), Viewer(OTHER), Viewer(None), Viewer(ME, is_admin=True)]),
    limit=st.sampled_from([1, 2, 100]),
    visibility=st.sampled_from([None, "all", Visibility.SHARED]),
    member_status=st.sampled_from(["accepted", "all"]),
    os_hidden=st.booleans(),
    tags=st.sampled_from([(), (), ("t1",), ("t1", "t2")]),
    properties=st.sampled_from([(), (), (("arch", "x86"),), (("arch", "no"),)]),
    numbers=st.sampled_from([(), (), (NumberFilter("size", "min", 2),)]),
    phrases=st.sampled_from([(), (), read_search("deb"), read_search("a")]),
    ranked=st.booleans(),
)


@pytest.mark.parametrize("many", [5000, 0])
@settings(
    max_examples=3, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(wanted=st.lists(queries, min_size=6, max_size=6), seed=st.integers(0, 2))
async def test_counts_are_those_of_the_model(
    database: Database, monkeypatch: pytest.MonkeyPatch, many: int, wanted: list[ImageQuery], seed: int
) -> None:
    stocked = stock(seed)
    await put(database, stocked)
    monkeypatch.setattr(image_pages, "MANY", many)
    for query in wanted:
        counted = await database.survey(lambda conn, query=query: image_facets.count(conn, query, WANTED))  # type: ignore[misc]
        assert counted.of(WANTED) == model(query, stocked), query


async def test_values_are_told_apart(database: Database) -> None:
    texts = ["Debian", "debian", "debian ", "dèbian", "x" * 300, ""]
    stocked = Stock([new_image(n, properties={"p": text}) for n, text in enumerate(texts)], {})
    await put(database, stocked)
    query = ImageQuery(viewer=Viewer(ME))
    counted = await database.survey(lambda conn: image_facets.count(conn, query, read_facets(["p"])))
    assert counted.counts["p"].values == tuple((text, 1) for text in sorted(texts))


async def test_what_was_removed_is_not_counted(database: Database) -> None:
    before = await database.write(lambda conn: repo.insert(conn, new_image(0, properties={"p": "1"}, tags=("a", "b"))))
    after = msgspec.structs.replace(before, properties={}, tags=("b",))
    await database.write(lambda conn: repo.update(conn, before, after))
    query = ImageQuery(viewer=Viewer(ME))
    counted = await database.survey(lambda conn: image_facets.count(conn, query, read_facets(["p", "tag"])))
    assert counted.counts == {"p": Counted((), 1, 0), "tag": Counted((("b", 1),), 0, 1)}


async def test_statements_do_not_grow_with_the_list(database: Database) -> None:
    await put(database, stock(0))
    query = ImageQuery(viewer=Viewer(ME), tags=("t1",))

    async def counted(conn: Any) -> int:
        counting = Counting(conn)
        await image_facets.count(counting, query, WANTED)
        return counting.statements

    # the filters, all fields together, one for each of three properties, two for tags
    assert await database.survey(counted) == 1 + 1 + 3 + 2
