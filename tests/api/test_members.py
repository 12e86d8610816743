"""The members of an image: who adds them, who accepts, what that changes in lists, and what stays hidden."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.api.wire import Caller, Json, differs, json_of, op, refused

UNKNOWN = "00000000-0000-4000-8000-000000000000"
STATUSES = ("pending", "accepted", "rejected")
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


def members(image: Json, project: str = "") -> str:
    path = f"/v2/images/{image['id']}/members"
    return f"{path}/{project}" if project else path


def share(owner: Caller, image: Json, project: str) -> Json:
    answer = owner.post(members(image), json={"member": project})
    assert answer.status_code == 200, answer.text
    return json_of(answer)


def answered(caller: Caller, image: Json, project: str, status: str) -> Json:
    answer = caller.put(members(image, project), json={"status": status})
    assert answer.status_code == 200, answer.text
    return json_of(answer)


def shared_with(caller: Caller, image: Json) -> list[tuple[str, str]]:
    answer = caller.get(members(image))
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"members", "schema"}
    assert answer.json()["schema"] == "/v2/schemas/members"
    return [(member["member_id"], member["status"]) for member in answer.json()["members"]]


def test_arc(member: Caller, stranger: Caller) -> None:
    """An image is shared, found, accepted, used and taken back."""
    image = member.active(b"shared bytes")
    refused(stranger.get(f"/v2/images/{image['id']}"), 404)
    assert shared_with(member, image) == []
    new = share(member, image, "beta")
    assert new == {
        "member_id": "beta",
        "image_id": image["id"],
        "status": "pending",
        "created_at": new["created_at"],
        "updated_at": new["created_at"],
        "schema": "/v2/schemas/member",
    }
    assert member.get(members(image, "beta")).json() == stranger.get(members(image, "beta")).json() == new
    assert stranger.image(image["id"])["name"] == image["name"]
    assert stranger.get(f"/v2/images/{image['id']}/file").content == b"shared bytes"
    accepted = answered(stranger, image, "beta", "accepted")
    assert accepted == new | {"status": "accepted", "updated_at": accepted["updated_at"]}
    assert shared_with(member, image) == [("beta", "accepted")]
    answer = member.delete(members(image, "beta"))
    assert (answer.status_code, answer.content) == (204, b"")
    assert shared_with(member, image) == []
    refused(stranger.get(f"/v2/images/{image['id']}"), 404)
    refused(member.get(members(image, "beta")), 404)
    refused(member.delete(members(image, "beta")), 404)


def test_times_have_the_one_form(member: Caller) -> None:
    image = member.create()
    added = share(member, image, "beta")
    for name in ("created_at", "updated_at"):
        assert re.fullmatch(TIME, added[name])


@pytest.mark.parametrize(
    ("project", "path"),
    [("gamma", "gamma"), ("g" * 255, "g" * 255), (" sp ", "%20sp%20"), ("a.b:c", "a.b:c"), ("alpha", "alpha")],
    ids=["word", "long", "spaces", "signs", "the-owners-own"],
)
def test_any_project_id_will_do(member: Caller, project: str, path: str) -> None:
    image = member.create()
    assert share(member, image, project)["member_id"] == project
    assert member.get(members(image, path)).json()["member_id"] == project
    assert member.delete(members(image, path)).status_code == 204
    assert shared_with(member, image) == []


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"member": ""}, id="empty"),
        pytest.param({"member": None}, id="null"),
        pytest.param({"member": 0}, id="zero"),
        pytest.param({"member": {}}, id="empty-object"),
        pytest.param({"member": "\N{SLICE OF PIZZA}"}, id="wide"),
        pytest.param({"project": "beta"}, id="other-key"),
        pytest.param([], id="array"),
        pytest.param(["member"], id="list"),
        pytest.param("member", id="text"),
        pytest.param({"member": 5}, id="number", marks=differs("Glance shares with project 5")),
        pytest.param({"member": True}, id="truth", marks=differs("Glance shares with a project of that name")),
        pytest.param({"member": ["beta"]}, id="member-list", marks=differs("Glance answers 500")),
        pytest.param({"member": {"id": "beta"}}, id="member-object", marks=differs("Glance answers 500")),
        pytest.param({"member": "m" * 256}, id="too-long", marks=differs("Glance takes it where the database does")),
        pytest.param({"member": "a\x00b"}, id="nul", marks=differs("Glance takes it where the database does")),
    ],
)
def test_not_a_project(member: Caller, body: object) -> None:
    image = member.create()
    refused(member.post(members(image), json=body), 400)
    assert shared_with(member, image) == []


@pytest.mark.parametrize("content", [b"", b"{", b'{"member": "beta"', b"\xff"])
def test_not_json(member: Caller, content: bytes) -> None:
    image = member.create()
    refused(member.post(members(image), content=content), 400)
    refused(member.put(members(image, "beta"), content=content), 400)


def test_more_than_needed_is_left_aside(member: Caller) -> None:
    image = member.create()
    answer = member.post(members(image), json={"member": "gamma", "status": "accepted", "can_share": True})
    assert (answer.status_code, answer.json()["status"]) == (200, "pending")


def test_once_is_enough(member: Caller) -> None:
    image = member.create()
    share(member, image, "beta")
    refused(member.post(members(image), json={"member": "beta"}), 409)
    assert shared_with(member, image) == [("beta", "pending")]
    share(member, image, "BETA")
    assert {name for name, _ in shared_with(member, image)} == {"beta", "BETA"}


def test_added_again_it_is_pending_again(member: Caller, stranger: Caller) -> None:
    image = member.create()
    for _ in range(3):
        share(member, image, "beta")
        assert shared_with(member, image) == [("beta", "pending")]
        answered(stranger, image, "beta", "accepted")
        assert member.delete(members(image, "beta")).status_code == 204
    assert shared_with(member, image) == []


class TestStatus:
    @pytest.mark.parametrize("first", STATUSES)
    @pytest.mark.parametrize("second", STATUSES)
    def test_every_one_may_follow_every_other(self, member: Caller, stranger: Caller, first: str, second: str) -> None:
        image = member.create()
        share(member, image, "beta")
        for status in (first, second):
            assert answered(stranger, image, "beta", status)["status"] == status
        assert shared_with(stranger, image) == [("beta", second)]

    @pytest.mark.parametrize(
        "status", ["accept", "ACCEPTED", "", None, 5, [], {}, True], ids=lambda status: f"<{status}>"
    )
    def test_no_other(self, member: Caller, stranger: Caller, admin: Caller, status: object) -> None:
        body: Json = {"status": status}
        image = member.create()
        share(member, image, "beta")
        for caller in (stranger, admin):
            refused(caller.put(members(image, "beta"), json=body), 400)
        refused(member.put(members(image, "beta"), json=body), 403)
        assert shared_with(member, image) == [("beta", "pending")]

    @pytest.mark.parametrize("body", [{}, [], ["status"], "status", {"state": "accepted"}], ids=str)
    def test_body(self, member: Caller, stranger: Caller, body: object) -> None:
        image = member.create()
        share(member, image, "beta")
        refused(stranger.put(members(image, "beta"), json=body), 400)

    @pytest.mark.parametrize("status", STATUSES)
    def test_only_the_member_decides(
        self, member: Caller, reader: Caller, strange_reader: Caller, admin: Caller, status: str
    ) -> None:
        image = member.create()
        share(member, image, "beta")
        for caller in (member, reader, strange_reader):
            refused(caller.put(members(image, "beta"), json={"status": status}), 403)
        assert answered(admin, image, "beta", status)["status"] == status

    def test_of_others_it_knows_nothing(self, member: Caller, stranger: Caller, admin: Caller) -> None:
        image = member.create()
        share(member, image, "beta")
        share(member, image, "gamma")
        refused(stranger.put(members(image, "gamma"), json={"status": "accepted"}), 404)
        for caller in (member, stranger, admin):
            refused(caller.put(members(image, "nobody"), json={"status": "accepted"}), 404)


class TestLists:
    """What the status changes: whether the member finds the image without knowing its id."""

    @pytest.mark.parametrize("status", STATUSES)
    def test_by_status(self, member: Caller, stranger: Caller, status: str) -> None:
        image = member.create()
        share(member, image, "beta")
        answered(stranger, image, "beta", status)
        query = {"id": image["id"]}
        assert stranger.ids(**query) == ([image["id"]] if status == "accepted" else [])
        for asked in (*STATUSES, "all"):
            expected = [image["id"]] if asked in {status, "all"} else []
            assert stranger.ids(**query, member_status=asked) == expected
            assert stranger.ids(**query, member_status=asked, visibility="shared") == expected
            assert stranger.ids(**query, member_status=asked, visibility="private") == []
        assert member.ids(**query, member_status="rejected") == [image["id"]]

    def test_refused(self, stranger: Caller) -> None:
        refused(stranger.get("/v2/images", params={"member_status": "nope"}), 400)

    def test_hidden_images_stay_hidden(self, member: Caller, stranger: Caller) -> None:
        image = member.create(os_hidden=True)
        share(member, image, "beta")
        answered(stranger, image, "beta", "accepted")
        assert stranger.ids(id=image["id"]) == []
        assert stranger.ids(id=image["id"], os_hidden="true") == [image["id"]]

    def test_removed_members_find_nothing(self, member: Caller, stranger: Caller) -> None:
        image = member.create()
        share(member, image, "beta")
        answered(stranger, image, "beta", "accepted")
        member.delete(members(image, "beta"))
        assert stranger.ids(id=image["id"], member_status="all") == []

    @pytest.mark.parametrize("status", STATUSES)
    def test_the_id_is_enough_whatever_the_status(
        self, member: Caller, stranger: Caller, strange_reader: Caller, status: str
    ) -> None:
        image = member.active(b"x")
        share(member, image, "beta")
        answered(stranger, image, "beta", status)
        assert stranger.image(image["id"])["id"] == strange_reader.image(image["id"])["id"] == image["id"]
        assert stranger.get(f"/v2/images/{image['id']}/file").content == b"x"
        refused(strange_reader.get(f"/v2/images/{image['id']}/file"), 403)


# the answers to the owner's member, its reader, another project's member and an admin, about the member beta
BY_OWNER_ONLY = {"post": (200, 403, 403, 200), "delete": (204, 403, 403, 204)}


class TestWho:
    @pytest.mark.parametrize("place", range(4), ids=["member", "reader", "stranger", "admin"])
    @pytest.mark.parametrize("call", BY_OWNER_ONLY)
    def test_owner_adds_and_removes(
        self, member: Caller, reader: Caller, stranger: Caller, admin: Caller, call: str, place: int
    ) -> None:
        image = member.create()
        share(member, image, "beta")
        caller = (member, reader, stranger, admin)[place]
        if call == "post":
            answer = caller.post(members(image), json={"member": "gamma"})
        else:
            answer = caller.delete(members(image, "beta"))
        assert answer.status_code == BY_OWNER_ONLY[call][place], answer.text

    def test_who_sees_whom(
        self, member: Caller, reader: Caller, stranger: Caller, strange_reader: Caller, admin: Caller
    ) -> None:
        image = member.create()
        for project in ("gamma", "beta", "delta"):
            share(member, image, project)
        for caller in (member, reader, admin):
            assert [name for name, _ in shared_with(caller, image)] == ["gamma", "beta", "delta"]
            assert caller.get(members(image, "gamma")).status_code == 200
        for caller in (stranger, strange_reader):
            assert shared_with(caller, image) == [("beta", "pending")]
            refused(caller.get(members(image, "gamma")), 404)
            refused(caller.delete(members(image, "gamma")), 404)
            assert caller.get(members(image, "beta")).status_code == 200

    def test_nobody_else(self, member: Caller, stranger: Caller) -> None:
        image = member.create()
        share(member, image, "gamma")
        for answer in _every_call(stranger, image):
            refused(answer, 404)

    @pytest.mark.parametrize("image_id", [UNKNOWN, "no-uuid"])
    def test_unknown_image(self, member: Caller, image_id: str) -> None:
        for answer in _every_call(member, {"id": image_id}):
            refused(answer, 404)

    @pytest.mark.parametrize("call", range(5), ids=["list", "add", "show", "answer", "remove"])
    def test_hidden_is_as_absent(self, member: Caller, stranger: Caller, call: int) -> None:
        image, never = member.create(visibility="private"), {"id": UNKNOWN}
        hidden, absent = _every_call(stranger, image)[call], _every_call(stranger, never)[call]
        assert hidden.status_code == absent.status_code == 404
        assert hidden.text.replace(image["id"], "ID") == absent.text.replace(UNKNOWN, "ID")


def _every_call(caller: Caller, image: Json) -> list[httpx.Response]:
    """List, add, show, answer, remove."""
    return [
        caller.get(members(image)),
        caller.post(members(image), json={"member": "beta"}),
        caller.get(members(image, "beta")),
        caller.put(members(image, "beta"), json={"status": "accepted"}),
        caller.delete(members(image, "beta")),
    ]


@pytest.mark.parametrize("visibility", ["private", "community", "public"])
class TestOnlySharedImagesHaveMembers:
    def test_owner_and_admin(self, member: Caller, admin: Caller, visibility: str) -> None:
        image = admin.create(owner="alpha", visibility=visibility)
        for caller in (member, admin):
            statuses = [answer.status_code for answer in _every_call(caller, image)]
            assert statuses == [403, 403, 404, 403, 403]

    def test_others(self, stranger: Caller, admin: Caller, visibility: str) -> None:
        image = admin.create(owner="alpha", visibility=visibility)
        statuses = [answer.status_code for answer in _every_call(stranger, image)]
        assert statuses == ([404] * 5 if visibility == "private" else [403, 403, 404, 403, 403])

    def test_members_are_kept_for_later(self, member: Caller, stranger: Caller, admin: Caller, visibility: str) -> None:
        image = member.create()
        share(member, image, "beta")
        answered(stranger, image, "beta", "accepted")
        assert admin.change(image["id"], op("replace", "/visibility", visibility)).status_code == 200
        if visibility == "private":
            refused(stranger.get(f"/v2/images/{image['id']}"), 404)
            assert stranger.ids(id=image["id"]) == []
        refused(member.get(members(image)), 403)
        assert admin.change(image["id"], op("replace", "/visibility", "shared")).status_code == 200
        assert shared_with(stranger, image) == [("beta", "accepted")]
        assert stranger.ids(id=image["id"]) == [image["id"]]


def test_a_deleted_image_has_no_members(member: Caller, stranger: Caller) -> None:
    image = member.create()
    share(member, image, "beta")
    share(member, image, "gamma")
    assert member.delete(f"/v2/images/{image['id']}").status_code == 204
    for answer in (*_every_call(member, image), *_every_call(stranger, image)):
        refused(answer, 404)


def test_sharing_leaves_the_image_as_it_is(member: Caller, stranger: Caller) -> None:
    image = member.active(name="x", tags=["t"], p="v")
    share(member, image, "beta")
    answered(stranger, image, "beta", "accepted")
    member.delete(members(image, "beta"))
    assert member.image(image["id"]) == image


@pytest.mark.ours  # Glance lets rivals add the same project several times, now and then
def test_rivals_add_a_project_once(member: Caller) -> None:
    image = member.create()

    def add(_: int) -> int:
        return member.post(members(image), json={"member": "beta"}).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(add, range(16)))
    assert statuses == [200] + [409] * 15
    assert shared_with(member, image) == [("beta", "pending")]


class TestQuota:
    """Where an image has at most three members."""

    def test_counts_those_there_are(self, there: Callable[[str], Caller]) -> None:
        narrow = there("mia")
        image = narrow.create()
        for project in ("a", "b", "c"):
            share(narrow, image, project)
        refused(narrow.post(members(image), json={"member": "d"}), 413)
        assert narrow.delete(members(image, "b")).status_code == 204
        share(narrow, image, "d")
        refused(narrow.post(members(image), json={"member": "b"}), 413)
        assert [name for name, _ in shared_with(narrow, image)] == ["a", "c", "d"]

    @pytest.mark.ours  # Glance counts before the others have written, now and then
    def test_holds_among_rivals(self, there: Callable[[str], Caller]) -> None:
        narrow = there("mia")
        image = narrow.create()

        def add(number: int) -> int:
            return narrow.post(members(image), json={"member": f"p{number}"}).status_code

        with ThreadPoolExecutor(8) as pool:
            statuses = sorted(pool.map(add, range(16)))
        assert set(statuses) <= {200, 409, 413}
        assert statuses.count(200) == len(shared_with(narrow, image)) == 3
