"""DELETE /v2/stores/{store}/{id}: giving up one of several copies; and what an image says of its copies."""

from collections.abc import Iterator

import pytest

from tests.api.copies import image_with_two_copies
from tests.api.wire import PEOPLE, Caller, Target, refused

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def drop(caller: Caller, store: str, image_id: str) -> int:
    answer = caller.delete(f"/v2/stores/{store}/{image_id}")
    if answer.status_code != 204:
        refused(answer, answer.status_code)
    return answer.status_code


@pytest.mark.parametrize(("gone", "left"), [("fast", "slow"), ("slow", "fast")])
def test_one_copy_goes_the_other_stays(member: Caller, admin: Caller, target: Target, gone: str, left: str) -> None:
    image = image_with_two_copies(member, admin, b"in two places")
    assert image["stores"] == "fast,slow"
    assert drop(admin, gone, image["id"]) == 204
    after = member.image(image["id"])
    assert after == image | {"stores": left, "updated_at": after["updated_at"]}
    assert member.get(f"/v2/images/{image['id']}/file").content == b"in two places"
    assert [path.split("/")[-2] for path in target.files() if image["id"] in path] == [left]
    assert drop(admin, gone, image["id"]) == 403
    assert drop(admin, left, image["id"]) == 403


def test_refusals_change_nothing(member: Caller, reader: Caller, stranger: Caller, admin: Caller) -> None:
    image = image_with_two_copies(member, admin)
    for caller, status in ((member, 403), (reader, 403), (stranger, 404)):
        assert drop(caller, "fast", image["id"]) == status
    assert drop(admin, "nothing", image["id"]) == 409
    assert drop(member, "nothing", image["id"]) == 409
    assert drop(admin, "fast", UNKNOWN) == 404
    assert drop(admin, "fast", "no-uuid") == 404
    assert member.post(f"/v2/images/{image['id']}/actions/deactivate").status_code == 204
    assert drop(admin, "fast", image["id"]) == 409
    assert admin.image(image["id"])["stores"] == "fast,slow"


def test_the_last_copy_stays(member: Caller, admin: Caller) -> None:
    image = member.active()
    for store in ("fast", "slow"):
        assert drop(admin, store, image["id"]) == 403
    assert member.image(image["id"]) == image


def test_before_there_are_data(member: Caller, admin: Caller) -> None:
    image = member.create()
    assert drop(admin, "fast", image["id"]) == 409
    assert drop(member, "fast", image["id"]) == 403


def test_a_deleted_image_leaves_no_copy(member: Caller, admin: Caller, target: Target) -> None:
    image = image_with_two_copies(member, admin)
    assert member.delete(f"/v2/images/{image['id']}").status_code == 204
    assert [path for path in target.files() if image["id"] in path] == []


@pytest.fixture(scope="module")
def lone(plain: Target) -> Iterator[Caller]:
    """An administrator of a service with one store."""
    with Caller(plain, PEOPLE[0]) as caller:
        yield caller


def test_one_store(lone: Caller) -> None:
    image = lone.active()
    assert drop(lone, "file", image["id"]) == 404
    assert lone.image(image["id"]) == image
