"""Who may do what: every call, by every kind of caller, on images of every visibility (the default rules)."""

import uuid
from collections.abc import Callable

import httpx
import pytest

from tests.api.wire import OCTETS, PATCH_V21, Caller, Json, differs, op, refused

Ask = Callable[[Caller, str], httpx.Response]


def patch(*operations: Json) -> Ask:
    return lambda caller, image_id: caller.change(image_id, *operations)


CALLS: dict[str, Ask] = {
    "show": lambda caller, image_id: caller.get(f"/v2/images/{image_id}"),
    "download": lambda caller, image_id: caller.get(f"/v2/images/{image_id}/file"),
    "patch": patch(op("add", "/p", "v")),
    "patch nothing": patch(),
    "patch public": patch(op("replace", "/visibility", "public")),
    "patch community": patch(op("replace", "/visibility", "community")),
    "patch owner": patch(op("replace", "/owner", "gamma")),
    "tag": lambda caller, image_id: caller.put(f"/v2/images/{image_id}/tags/new"),
    "untag": lambda caller, image_id: caller.delete(f"/v2/images/{image_id}/tags/old"),
    "upload": lambda caller, image_id: caller.put(f"/v2/images/{image_id}/file", content=b"data", headers=OCTETS),
    "deactivate": lambda caller, image_id: caller.post(f"/v2/images/{image_id}/actions/deactivate"),
    "reactivate": lambda caller, image_id: caller.post(f"/v2/images/{image_id}/actions/reactivate"),
    "delete": lambda caller, image_id: caller.delete(f"/v2/images/{image_id}"),
}

# the answers to the owner's member, the owner's reader, a stranger and an admin, for an active image of alpha
MINE_ONLY = {
    "show": (200, 200, 404, 200),
    "download": (200, 403, 404, 200),
    "patch": (200, 403, 404, 200),
    "patch public": (403, 403, 404, 200),
    "patch community": (200, 403, 404, 200),
    "patch owner": (403, 403, 404, 200),
    "tag": (204, 403, 404, 204),
    "untag": (204, 403, 404, 204),
    "upload": (409, 403, 404, 409),
    "deactivate": (204, 403, 404, 204),
    "reactivate": (204, 403, 404, 204),
    "delete": (204, 403, 404, 204),
}
SEEN_BY_ALL = {
    call: (mine, reading, {"show": 200, "download": 200}.get(call, 403), admins)
    for call, (mine, reading, _, admins) in MINE_ONLY.items()
}
TABLE = {"private": MINE_ONLY, "shared": MINE_ONLY, "community": SEEN_BY_ALL, "public": SEEN_BY_ALL}
WHO = ("member", "reader", "stranger", "admin")


@pytest.mark.parametrize(
    ("visibility", "call", "who", "status"),
    [
        pytest.param(visibility, call, who, statuses[place], id=f"{visibility}-{call}-{who}")
        for visibility, table in TABLE.items()
        for call, statuses in table.items()
        for place, who in enumerate(WHO)
    ],
)
def test_call(request: pytest.FixtureRequest, admin: Caller, visibility: str, call: str, who: str, status: int) -> None:
    caller: Caller = request.getfixturevalue(who)
    image = admin.active(owner="alpha", visibility=visibility, tags=["old"])
    if call == "patch community" and visibility == "community":
        pytest.skip("it is already")
    if call == "patch public" and visibility == "public":
        pytest.skip("it is already")
    answer = CALLS[call](caller, image["id"])
    if status < 400:
        assert answer.status_code == status, answer.text
    else:
        refused(answer, status)
        assert admin.image(image["id"]) == image


@pytest.mark.parametrize("call", sorted(CALLS))
def test_what_may_not_be_seen_does_not_exist(member: Caller, stranger: Caller, call: str) -> None:
    """The answer about a private image of others is, to the letter, that about an image that never was."""
    private = member.create(visibility="private")
    never = str(uuid.uuid4())
    hidden, absent = CALLS[call](stranger, private["id"]), CALLS[call](stranger, never)
    assert hidden.status_code == absent.status_code == 404
    assert hidden.text.replace(private["id"], "ID") == absent.text.replace(never, "ID")
    variable = {"x-openstack-request-id", "date"}
    assert {k: v for k, v in hidden.headers.items() if k not in variable} == {
        k: v for k, v in absent.headers.items() if k not in variable
    }


class TestCreate:
    @pytest.mark.parametrize(
        ("who", "fields", "status"),
        [
            ("member", {}, 201),
            ("reader", {}, 403),
            ("stranger", {}, 201),
            ("admin", {}, 201),
            ("reader", {"visibility": "community"}, 403),
            ("admin", {"owner": "alpha"}, 201),
            ("member", {"owner": "beta"}, 403),
            ("stranger", {"owner": "alpha"}, 403),
        ],
    )
    def test_create(self, request: pytest.FixtureRequest, who: str, fields: Json, status: int) -> None:
        answer = request.getfixturevalue(who).post("/v2/images", json=fields)
        assert answer.status_code == status, answer.text

    @pytest.mark.parametrize("who", WHO)
    def test_list(self, request: pytest.FixtureRequest, who: str) -> None:
        assert request.getfixturevalue(who).get("/v2/images").status_code == 200


@pytest.mark.parametrize("call", ["download", "patch", "tag", "deactivate"])
@differs("an image without an owner is seen by everybody who knows its id")
def test_image_without_owner_is_the_administrators(member: Caller, reader: Caller, admin: Caller, call: str) -> None:
    image = admin.active(owner=None, tags=["old"])
    for caller in (member, reader):
        refused(caller.get(f"/v2/images/{image['id']}"), 404)
        refused(CALLS[call](caller, image["id"]), 404)
    assert CALLS[call](admin, image["id"]).status_code in {200, 204}


def test_state_is_told_only_to_those_who_may(stranger: Caller, reader: Caller, member: Caller) -> None:
    """Rights are looked at before the state: who may not upload does not learn whether it would have worked."""
    image = member.create()
    refused(reader.upload(image["id"], b"x"), 403)
    refused(stranger.upload(image["id"], b"x"), 404)
    refused(reader.delete(f"/v2/images/{image['id']}"), 403)
    protected = member.create(protected=True)
    refused(stranger.delete(f"/v2/images/{protected['id']}"), 404)
    bad = reader.send_patch(image["id"], [op("replace", "/absent", "x")], PATCH_V21)
    refused(bad, 403)
