"""Deactivate and reactivate: data withheld without being lost."""

import pytest

from tests.api.wire import FORMATS, Caller, refused


def act(caller: Caller, image_id: str, action: str) -> int:
    return caller.post(f"/v2/images/{image_id}/actions/{action}").status_code


def test_arc(member: Caller, admin: Caller) -> None:
    image = member.active(b"the data")
    answer = member.post(f"/v2/images/{image['id']}/actions/deactivate")
    assert (answer.status_code, answer.content) == (204, b"")
    withheld = member.image(image["id"])
    stores = image.pop("stores")  # where the data are is withheld too
    assert withheld == image | {"status": "deactivated", "updated_at": withheld["updated_at"]}
    assert admin.image(image["id"]) == withheld | {"stores": stores}
    refused(member.get(f"/v2/images/{image['id']}/file"), 403)
    refused(member.get(f"/v2/images/{image['id']}/file", headers={"Range": "bytes=0-1"}), 403)
    assert admin.get(f"/v2/images/{image['id']}/file").content == b"the data"
    assert member.put(f"/v2/images/{image['id']}/tags/x").status_code == 204
    assert act(member, image["id"], "deactivate") == 204
    answer = member.post(f"/v2/images/{image['id']}/actions/reactivate")
    assert (answer.status_code, answer.content) == (204, b"")
    assert member.image(image["id"])["status"] == "active"
    assert member.get(f"/v2/images/{image['id']}/file").content == b"the data"
    assert act(member, image["id"], "reactivate") == 204
    assert member.image(image["id"])["status"] == "active"


@pytest.mark.parametrize("action", ["deactivate", "reactivate"])
def test_image_without_data(member: Caller, admin: Caller, action: str) -> None:
    image = member.create(**FORMATS)
    for caller in (member, admin):
        refused(caller.post(f"/v2/images/{image['id']}/actions/{action}"), 403)
    assert member.image(image["id"]) == image


@pytest.mark.parametrize("action", ["deactivate", "reactivate"])
@pytest.mark.parametrize("image_id", ["00000000-0000-4000-8000-000000000000", "no-uuid"])
def test_unknown(member: Caller, action: str, image_id: str) -> None:
    refused(member.post(f"/v2/images/{image_id}/actions/{action}"), 404)


def test_deactivated_image_takes_no_data(member: Caller) -> None:
    image = member.active(b"the data")
    assert act(member, image["id"], "deactivate") == 204
    refused(member.upload(image["id"], b"other"), 409)
    assert act(member, image["id"], "reactivate") == 204
    assert member.get(f"/v2/images/{image['id']}/file").content == b"the data"
