"""What an image takes of a quota, and how a stream of unknown size shares what is left with others."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.domain.image import Location
from intaglio.domain.properties import TooManyLocations, require_location_count
from intaglio.domain.quota import (
    COPYING,
    SMALLEST_STEP,
    STEP,
    OverQuota,
    StorageQuota,
    Usage,
    require_room,
    step,
    usage_of,
)
from intaglio.domain.status import Status
from tests.db.samples import new_image

TWO = (Location("file:///a"), Location("file:///b"))


@pytest.mark.parametrize(
    ("fields", "taken"),
    [
        ({}, Usage(images=1)),
        ({"status": Status.SAVING}, Usage(images=1, uploading=1)),
        ({"status": Status.ACTIVE, "size": 5, "locations": TWO}, Usage(stored=10, images=1)),
        ({"status": Status.DEACTIVATED, "size": 5, "locations": TWO[:1]}, Usage(stored=5, images=1)),
        ({"status": Status.UPLOADING, "size": 5}, Usage(staged=5, images=1, uploading=1)),
        ({"status": Status.IMPORTING, "size": 5}, Usage(staged=5, images=1, uploading=1)),
        (
            {"status": Status.ACTIVE, "size": 5, "locations": TWO[:1], "properties": {COPYING: "slow"}},
            Usage(stored=5, staged=5, images=1, uploading=1),
        ),
        ({"status": Status.KILLED, "size": 5, "locations": TWO}, Usage()),
        ({"status": Status.PENDING_DELETE, "size": 5, "locations": TWO}, Usage()),
    ],
    ids=["queued", "saving", "two-copies", "deactivated", "staged", "importing", "copying", "killed", "pending"],
)
def test_what_an_image_takes(fields: dict[str, Any], taken: Usage) -> None:
    assert usage_of(new_image(**fields)) == taken


@given(st.integers(0, 1 << 45), st.integers(0, 1 << 45), st.integers(1, 1 << 40))
def test_a_step_is_enough_and_never_above_the_limit(limit: int, taken: int, needed: int) -> None:
    if taken + needed > limit:
        with pytest.raises(OverQuota) as refused:
            require_room("stored", limit, taken, needed)
        assert {str(limit), str(taken), str(needed)} <= set(str(refused.value).split())
        return
    require_room("stored", limit, taken, needed)
    more = step(limit, taken, needed)
    assert needed <= more <= limit - taken
    assert more <= max(needed, STEP)
    assert more >= min(SMALLEST_STEP, limit - taken)


@given(st.integers(1, 1 << 40))
def test_without_a_limit_steps_are_large(needed: int) -> None:
    assert step(None, 1 << 60, needed) == max(needed, STEP)


@given(st.integers(0, 1 << 30), st.lists(st.integers(1, 1 << 20), min_size=1, max_size=200))
def test_one_stream_gets_all_there_is(limit: int, pieces: list[int]) -> None:
    """It is cut exactly where the limit is."""
    reserved = seen = 0
    for piece in pieces:
        seen += piece
        if seen > reserved:
            try:
                require_room("stored", limit, reserved, seen - reserved)
            except OverQuota:
                assert seen > limit
                return
            reserved += step(limit, reserved, seen - reserved)
        assert seen <= reserved <= limit


@pytest.mark.anyio
async def test_one_limit_for_all_projects_but_images_without_an_owner() -> None:
    assert not StorageQuota(0).enforced
    source = StorageQuota(7)
    assert source.enforced
    assert (await source.of("any")).stored == 7
    assert (await source.of("")).stored is None


def test_locations_are_counted_when_some_are_added() -> None:
    require_location_count(1, 10, 10)
    require_location_count(12, 11, 10)
    require_location_count(1, 99, -1)
    with pytest.raises(TooManyLocations, match="11 locations are more than the 10"):
        require_location_count(10, 11, 10)
