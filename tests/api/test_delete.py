"""DELETE /v2/images/{id}: gone for everybody, and for good."""

import pytest

from tests.api.wire import FORMATS, Caller, op, refused

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize("state", ["queued", "active", "deactivated"])
def test_deleted(member: Caller, admin: Caller, state: str) -> None:
    image = member.create(**FORMATS) if state == "queued" else member.active()
    if state == "deactivated":
        assert member.post(f"/v2/images/{image['id']}/actions/deactivate").status_code == 204
    answer = member.delete(f"/v2/images/{image['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    for caller in (member, admin):
        refused(caller.get(f"/v2/images/{image['id']}"), 404)
        refused(caller.get(f"/v2/images/{image['id']}/file"), 404)
        refused(caller.delete(f"/v2/images/{image['id']}"), 404)
        refused(caller.put(f"/v2/images/{image['id']}/tags/x"), 404)
        refused(caller.upload(image["id"], b"x"), 404)
        refused(caller.post(f"/v2/images/{image['id']}/actions/deactivate"), 404)
        assert caller.ids(id=image["id"]) == []


def test_protected(member: Caller, admin: Caller) -> None:
    image = member.create(protected=True)
    for caller in (member, admin):
        refused(caller.delete(f"/v2/images/{image['id']}"), 403)
    assert member.image(image["id"]) == image
    assert member.change(image["id"], op("replace", "/protected", False)).status_code == 200
    assert member.delete(f"/v2/images/{image['id']}").status_code == 204


@pytest.mark.parametrize("image_id", [UNKNOWN, "no-uuid", "a b", "%00", "%E6%BC%A2", "x" * 400])
def test_unknown(member: Caller, image_id: str) -> None:
    refused(member.delete(f"/v2/images/{image_id}"), 404)
    refused(member.get(f"/v2/images/{image_id}"), 404)


def test_others_are_untouched(member: Caller) -> None:
    kept, gone = member.active(b"kept", tags=["x"], p="v"), member.active(b"gone", tags=["x"], p="v")
    assert member.delete(f"/v2/images/{gone['id']}").status_code == 204
    assert member.image(kept["id"]) == kept
    assert member.get(f"/v2/images/{kept['id']}/file").content == b"kept"
