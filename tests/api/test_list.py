"""GET /v2/images: which images a list holds, by filter and by caller."""

import dataclasses
from urllib.parse import quote

import pytest

from tests.api.wire import FORMATS, Caller, Json, differs, digests, op, refused, unique

DATA = bytes(range(250)) * 4  # the same in every process that collects these tests: its digests are in their names
OWNERLESS = differs("an image without an owner is seen by everybody who knows its id")


@dataclasses.dataclass(frozen=True)
class Shelf:
    """Five images of alpha: their places are what the tables name."""

    run: str
    images: list[Json]

    def places(self, caller: Caller, query: str) -> list[int]:
        answer = caller.get(f"/v2/images?run={self.run}&{query}")
        assert answer.status_code == 200, answer.text
        ids = [image["id"] for image in self.images]
        return sorted(ids.index(image["id"]) for image in answer.json()["images"])


@pytest.fixture(scope="module")
def shelf(member: Caller) -> Shelf:
    run = unique("run")
    made = [
        member.create(name="first", run=run, protected=True, tags=["x"], visibility="private", **FORMATS),
        member.create(name="a,b", run=run, min_ram=1, tags=["x", "y"], disk_format="qcow2", container_format="bare"),
        member.create(name="co:lon", run=run, min_ram=2, min_disk=5, tags=["Y"], container_format="ovf"),
        member.create(name='quo"te', run=run, min_ram=3, os_distro="debian", visibility="community"),
        member.create(name="filled", run=run, min_ram=4, tags=["ü/ö"], **FORMATS),
        member.create(name="hidden", run=run, os_hidden=True),
    ]
    assert member.upload(made[4]["id"], DATA).status_code == 204
    return Shelf(run, [member.image(image["id"]) for image in made])


ALL = [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("", ALL),
        ("visibility=private", [0]),
        ("visibility=shared", [1, 2, 4]),
        ("visibility=community", [3]),
        ("visibility=public", []),
        ("visibility=all", ALL),
        ("member_status=all", ALL),
        ("member_status=pending", ALL),
        ("os_hidden=false", ALL),
        ("os_hidden=True", [5]),
        ("os_hidden=TRUE", [5]),
        ("os_hidden=true&os_hidden=false", ALL),
        ("protected=true", [0]),
        ("protected=false", [1, 2, 3, 4]),
        ("tag=x", [0, 1]),
        ("tag=y", [1]),
        ("tag=x&tag=y", [1]),
        ("tag=x&tag=x", [0, 1]),
        ("tag=x&tag=nothing", []),
        ("tag=%C3%BC%2F%C3%B6", [4]),
        ("tag=", []),
        ("name=first", [0]),
        ("name=First", []),
        ("name=", []),
        ("name=a,b", [1]),
        ("name=eq:first", [0]),
        ("name=eq:co:lon", [2]),
        ("name=in:first,filled", [0, 4]),
        ('name=in:"a,b",first', [0, 1]),
        ("name=in:first,", [0]),
        ("name=in:", []),
        ('name=quo"te', [3]),
        ("name=first&name=filled", [4]),
        ("id=nothing", []),
        ("status=queued", [0, 1, 2, 3]),
        ("status=active", [4]),
        ("status=in:active,queued", ALL),
        ("status=no-such-status", []),
        ("container_format=bare", [0, 1, 4]),
        ("container_format=in:ovf,ami", [2]),
        ("disk_format=raw", [0, 4]),
        ("disk_format=in:raw,qcow2", [0, 1, 4]),
        ("created_at=gt:2020-01-01T00:00:00Z", ALL),
        ("created_at=gte:2020-01-01", ALL),
        ("created_at=lt:2020-01-01T00:00:00Z", []),
        ("created_at=lte:2999-01-01T00:00:00Z", ALL),
        ("created_at=2020-01-01T00:00:00Z", []),
        ("created_at=neq:2020-01-01T00:00:00Z", ALL),
        ("updated_at=gte:2020-01-01T00:00:00%2B02:00", ALL),
        ("updated_at=gt:2999-01-01T00:00:00Z", []),
        ("size_min=1", [4]),
        ("size_min=1000&size_max=1000", [4]),
        ("size_max=999", []),
        ("size=1000", [4]),
        ("virtual_size=1000", [4]),
        ("min_ram=2", [2]),
        ("min_ram_min=2", [2, 3, 4]),
        ("min_ram_max=2", [0, 1, 2]),
        ("min_ram_min=1&min_ram_max=2", [1, 2]),
        ("min_disk=5", [2]),
        ("min_disk_min=5", [2]),
        (f"checksum={digests(DATA)['checksum']}", [4]),
        (f"os_hash_value={digests(DATA)['os_hash_value']}", [4]),
        ("os_hash_algo=sha512", [4]),
        ("owner=alpha", ALL),
        ("owner=beta", []),
        ("os_distro=debian", [3]),
        ("os_distro=Debian", []),
        ("os_distro=debian&run=other", []),
        ("no_such_property=x", []),
        ("is_public=True", []),
        ("deleted=true", ALL),
        ("deleted=false", ALL),
        ("disk_format=raw&status=active&tag=%C3%BC%2F%C3%B6&min_ram=4", [4]),
        ("disk_format=raw&status=active&tag=x", []),
    ],
)
def test_filter(member: Caller, shelf: Shelf, query: str, places: list[int]) -> None:
    assert shelf.places(member, query) == places


def test_filter_by_id(member: Caller, shelf: Shelf) -> None:
    first, second = shelf.images[0]["id"], shelf.images[1]["id"]
    assert shelf.places(member, f"id={first}") == [0]
    assert shelf.places(member, f"id=in:{first},{second}") == [0, 1]


@differs("Glance compares with fractions of a second that it does not show, where the database keeps them")
def test_filter_by_its_own_time(member: Caller, shelf: Shelf) -> None:
    moment = shelf.images[0]["created_at"]
    assert 0 in shelf.places(member, f"created_at=gte:{moment}")
    assert 0 in shelf.places(member, f"created_at={moment}")
    assert 0 in shelf.places(member, f"created_at=eq:{moment}")
    assert 0 in shelf.places(member, f"created_at=lte:{moment}")
    assert 0 not in shelf.places(member, f"created_at=gt:{moment}")
    assert 0 not in shelf.places(member, f"created_at=neq:{moment}")


@pytest.mark.parametrize(
    "query",
    [
        "limit=-1", "limit=abc", "limit=", "limit=1.5", "marker=nothing", "marker=", "sort_key=colour", "sort_key=",
        "sort_key=min_ram", "sort_dir=up", "sort_dir=ASC", "sort=name:up", "sort=colour", "sort=", "sort=:asc",
        "sort=name,", "sort=name&sort_key=name", "sort=name&sort_dir=asc", "sort_key=name&sort_dir=asc&sort_dir=desc",
        "sort_key=name&sort_key=id&sort_key=size&sort_dir=asc&sort_dir=desc", "visibility=Public",
        "visibility=bogus", "member_status=bogus", "member_status=", "os_hidden=1", "os_hidden=", "os_hidden=bogus",
        "protected=True", "protected=1", "protected=", "name=neq:x", "name=gt:x", "name=co:lon", 'name=in:"x',
        "status=foo:queued", "created_at=bogus", "created_at=gt:bogus", "created_at=x:2020-01-01T00:00:00Z",
        "created_at=in:2020-01-01T00:00:00Z", "updated_at=", "size_min=abc", "size_max=", "size_min=1.5",
        "min_ram_max=x", "changes-since=2020-01-01T00:00:00Z", "name=%ff", "%ff=x",
        pytest.param("foo_min=1", marks=differs("Glance answers 500")),
        pytest.param("foo_max=1", marks=differs("Glance answers 500")),
        pytest.param("properties=x", marks=differs("Glance answers 500")),
        pytest.param("members=x", marks=differs("Glance answers 500")),
        pytest.param("locations=x", marks=differs("Glance answers 500")),
        pytest.param("size_min=99999999999999999999", marks=differs("Glance answers 500")),
    ],
)  # fmt: skip
def test_bad_value(member: Caller, query: str) -> None:
    refused(member.get(f"/v2/images?{query}"), 400)


@differs("Glance answers 403, and so tells that the image exists")
def test_marker_that_the_caller_may_not_see(stranger: Caller, shelf: Shelf) -> None:
    refused(stranger.get(f"/v2/images?marker={shelf.images[0]['id']}"), 400)


def test_deleted_image_is_no_marker_and_is_not_listed(member: Caller) -> None:
    run = unique()
    image_id = member.create(run=run)["id"]
    assert member.ids(run=run) == [image_id]
    member.delete(f"/v2/images/{image_id}")
    assert member.ids(run=run) == []
    assert member.ids(run=run, deleted="true") == []
    refused(member.get(f"/v2/images?marker={image_id}"), 400)


def test_removed_property_and_tag_are_not_found(member: Caller) -> None:
    run = unique()
    image = member.create(run=run, colour="red", tags=["warm"])
    assert member.ids(run=run, colour="red", tag="warm") == [image["id"]]
    changed = member.change(image["id"], op("remove", "/colour"), op("replace", "/tags", []))
    assert changed.status_code == 200
    assert member.ids(run=run, colour="red") == []
    assert member.ids(run=run, tag="warm") == []
    assert member.ids(run=run) == [image["id"]]


@pytest.fixture(scope="module")
def by_kind(member: Caller, admin: Caller) -> tuple[str, dict[str, str]]:
    run = unique("seen")
    ids = {kind: member.create(run=run, visibility=kind)["id"] for kind in ("private", "shared", "community")}
    ids["public"] = member.create(run=run)["id"]
    assert admin.change(ids["public"], op("replace", "/visibility", "public")).status_code == 200
    ids["hidden"] = member.create(run=run, os_hidden=True)["id"]
    assert admin.change(ids["hidden"], op("replace", "/visibility", "public")).status_code == 200
    ids["ownerless"] = admin.create(run=run, owner=None)["id"]
    ids["ownerless-public"] = admin.create(run=run, owner=None, visibility="public")["id"]
    return run, ids


class TestWhoSeesWhat:
    """One image of each kind of visibility, and every kind of caller."""

    @pytest.mark.parametrize(
        ("who", "query", "kinds"),
        [
            ("member", "", {"private", "shared", "community", "public", "ownerless-public"}),
            ("reader", "", {"private", "shared", "community", "public", "ownerless-public"}),
            ("stranger", "", {"public", "ownerless-public"}),
            ("admin", "", {"private", "shared", "public", "ownerless", "ownerless-public"}),
            ("stranger", "visibility=community", {"community"}),
            ("stranger", "visibility=all", {"public", "community", "ownerless-public"}),
            ("stranger", "visibility=private", set()),
            ("stranger", "visibility=shared", set()),
            ("stranger", "owner=alpha", {"public"}),
            ("member", "visibility=public", {"public", "ownerless-public"}),
            ("member", "visibility=community", {"community"}),
            ("admin", "visibility=community", {"community"}),
            ("admin", "visibility=private", {"private"}),
            ("admin", "visibility=shared", {"shared", "ownerless"}),
            ("admin", "visibility=all", {"private", "shared", "community", "public", "ownerless", "ownerless-public"}),
            ("member", "os_hidden=true", {"hidden"}),
            ("stranger", "os_hidden=true", {"hidden"}),
            ("admin", "os_hidden=true", {"hidden"}),
        ],
    )
    def test_list(
        self,
        request: pytest.FixtureRequest,
        by_kind: tuple[str, dict[str, str]],
        who: str,
        query: str,
        kinds: set[str],
    ) -> None:
        run, ids = by_kind
        caller: Caller = request.getfixturevalue(who)
        answer = caller.get(f"/v2/images?run={run}&{query}")
        assert answer.status_code == 200
        names = {image_id: kind for kind, image_id in ids.items()}
        assert {names[image["id"]] for image in answer.json()["images"]} == kinds

    @pytest.mark.parametrize(
        ("who", "kinds"),
        [
            pytest.param(
                "member", {"private", "shared", "community", "public", "hidden", "ownerless-public"}, marks=OWNERLESS
            ),
            pytest.param(
                "reader", {"private", "shared", "community", "public", "hidden", "ownerless-public"}, marks=OWNERLESS
            ),
            ("admin", {"private", "shared", "community", "public", "hidden", "ownerless", "ownerless-public"}),
            pytest.param("stranger", {"community", "public", "hidden", "ownerless-public"}, marks=OWNERLESS),
        ],
    )
    def test_show(
        self, request: pytest.FixtureRequest, by_kind: tuple[str, dict[str, str]], who: str, kinds: set[str]
    ) -> None:
        caller: Caller = request.getfixturevalue(who)
        answers = {kind: caller.get(f"/v2/images/{image_id}") for kind, image_id in by_kind[1].items()}
        assert {kind for kind, answer in answers.items() if answer.status_code == 200} == kinds
        for kind in answers.keys() - kinds:
            refused(answers[kind], 404)


def test_entry_is_what_show_says(member: Caller, shelf: Shelf) -> None:
    listed = member.get(f"/v2/images?run={shelf.run}").json()["images"]
    assert {image["id"]: image for image in listed} == {image["id"]: image for image in shelf.images[:5]}


@pytest.mark.parametrize("value", ["ü", "a b+c", "50%", "<&>", "a/b?c#d", "漢字"])
def test_any_text_can_be_looked_for(member: Caller, value: str) -> None:
    run = unique()
    image_id = member.create(run=run, name=value, tags=[value], colour=value)["id"]
    for key in ("name", "tag", "colour"):
        answer = member.get(f"/v2/images?run={run}&{key}={quote(value, safe='')}")
        assert [image["id"] for image in answer.json()["images"]] == [image_id], key
