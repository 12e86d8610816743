"""PATCH /v2/images/{id}: media types, paths, what each operation does to each kind of field, all or nothing."""

import pytest

from tests.api.wire import FORMATS, PATCH_V20, PATCH_V21, Caller, Json, differs, noise, op, refused, unique

WIDE = "\N{SLICE OF PIZZA}"


def unchanged(caller: Caller, image: Json) -> None:
    assert caller.image(image["id"]) == image


class TestMediaTypes:
    @pytest.mark.parametrize("suffix", ["", ";charset=utf-8", "; charset=UTF-8; x=y"])
    def test_v21(self, member: Caller, suffix: str) -> None:
        image = member.create()
        answer = member.send_patch(image["id"], [op("add", "/p", "v")], PATCH_V21 + suffix)
        assert answer.status_code == 200
        assert answer.json()["p"] == "v"

    @pytest.mark.parametrize("suffix", ["", ";charset=utf-8"])
    def test_v20(self, member: Caller, suffix: str) -> None:
        image = member.create(q="old", r="old")
        body = [{"add": "/p", "value": "v"}, {"replace": "/q", "value": "new"}, {"remove": "/r"}]
        answer = member.send_patch(image["id"], body, PATCH_V20 + suffix)
        assert answer.status_code == 200
        changed = answer.json()
        assert (changed["p"], changed["q"], "r" in changed) == ("v", "new", False)

    @pytest.mark.parametrize(
        "media_type",
        ["application/json", "application/json-patch+json", "text/plain",
         "application/openstack-images-v2.2-json-patch", "application/openstack-images-json-patch",
         "application/openstack-images-v2.1-json-patchx", None],
    )  # fmt: skip
    def test_other(self, member: Caller, media_type: str | None) -> None:
        image = member.create()
        answer = member.send_patch(image["id"], [op("add", "/p", "v")], media_type)
        refused(answer, 415)
        assert {word.strip() for word in answer.headers["accept-patch"].split(",")} == {PATCH_V20, PATCH_V21}
        unchanged(member, image)

    def test_forms_do_not_mix(self, member: Caller) -> None:
        image = member.create()
        refused(member.send_patch(image["id"], [op("add", "/p", "v")], PATCH_V20), 400)
        refused(member.send_patch(image["id"], [{"add": "/p", "value": "v"}], PATCH_V21), 400)
        unchanged(member, image)


@pytest.mark.parametrize(
    ("path", "name"),
    [("/p", "p"), ("/", ""), ("/a~1b", "a/b"), ("/a~0b", "a~b"), ("/a~01", "a~1"), ("/with space", "with space"),
     ("/Ünï", "Ünï"), ("/a.b-c:d", "a.b-c:d"),
     pytest.param("/ p ", " p ", marks=differs("Glance trims it, so that another name is set"))],
)  # fmt: skip
def test_path_names_a_property(member: Caller, path: str, name: str) -> None:
    image = member.create()
    answer = member.change(image["id"], op("add", path, "v"))
    assert answer.status_code == 200, answer.text
    assert answer.json()[name] == "v"
    assert member.image(image["id"])[name] == "v"
    assert member.change(image["id"], op("replace", path, "w")).json()[name] == "w"
    assert name not in member.change(image["id"], op("remove", path)).json()


@pytest.mark.parametrize(
    "path",
    ["p", "", "//", "/p/", "/p//q", "/p/q", "/p/q/r", "/tags/0", "/tags/-", "/name/x", "/p~2", "/p~", "/p~x",
     "/locations/0/url", pytest.param("//p", marks=differs("Glance reads it as /p"))],
)  # fmt: skip
@pytest.mark.parametrize("operation", ["add", "replace"])
def test_bad_path(member: Caller, path: str, operation: str) -> None:
    image = member.create(p="v", tags=["x"])
    refused(member.change(image["id"], op(operation, path, "w")), 400)
    unchanged(member, image)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="object"),
        pytest.param("text", id="text"),
        pytest.param(None, id="null"),
        pytest.param(5, id="number"),
        pytest.param(["add"], id="word"),
        pytest.param([None], id="nothing"),
        pytest.param([[]], id="array"),
        pytest.param([{}], id="empty"),
        pytest.param([{"op": "add"}], id="no-path"),
        pytest.param([{"path": "/p", "value": "v"}], id="no-op"),
        pytest.param([{"op": "add", "path": "/p"}], id="add-without-value"),
        pytest.param([{"op": "replace", "path": "/p"}], id="replace-without-value"),
        pytest.param([{"op": "test", "path": "/p", "value": "v"}], id="test"),
        pytest.param([{"op": "move", "from": "/p", "path": "/q"}], id="move"),
        pytest.param([{"op": "copy", "from": "/p", "path": "/q"}], id="copy"),
        pytest.param([{"op": "ADD", "path": "/p", "value": "v"}], id="capitals"),
        pytest.param([{"op": None, "path": "/p", "value": "v"}], id="op-null"),
        pytest.param([{"op": ["add"], "path": "/p", "value": "v"}], id="op-list"),
        pytest.param([{"op": "add", "path": 5, "value": "v"}], id="path-number", marks=differs("Glance answers 500")),
        pytest.param([{"op": "add", "path": None, "value": "v"}], id="path-null", marks=differs("Glance answers 500")),
    ],
)
def test_not_a_patch(member: Caller, body: object) -> None:
    image = member.create(p="v")
    refused(member.send_patch(image["id"], body, PATCH_V21), 400)
    unchanged(member, image)


def test_no_operation_changes_nothing(member: Caller) -> None:
    image = member.create(p="v")
    answer = member.change(image["id"])
    assert answer.status_code == 200
    assert answer.json() == image
    unchanged(member, image)


BASE: list[tuple[str, object, object]] = [
    ("name", "old", "new"),
    ("name", "old", None),
    ("visibility", "shared", "private"),
    ("visibility", "private", "shared"),
    ("visibility", "shared", "community"),
    ("protected", False, True),
    ("os_hidden", False, True),
    ("min_ram", 1, 2),
    ("min_disk", 1, 2**31 - 1),
    ("container_format", "bare", "ovf"),
    ("disk_format", "raw", "qcow2"),
    ("disk_format", "raw", None),
    ("tags", ["old"], ["new"]),
    ("tags", ["old"], []),
]


class TestBaseFields:
    @pytest.mark.parametrize(("field", "old", "new"), BASE)
    @pytest.mark.parametrize("operation", ["add", "replace"])
    def test_v21_overwrites(self, member: Caller, field: str, old: object, new: object, operation: str) -> None:
        image = member.create(**{field: old})
        answer = member.change(image["id"], op(operation, f"/{field}", new))
        assert answer.status_code == 200, answer.text
        changed = answer.json()
        assert changed == image | {field: new, "updated_at": changed["updated_at"]}
        assert changed["updated_at"] >= image["updated_at"]
        unchanged(member, changed)

    @pytest.mark.parametrize("field", ["name", "visibility", "protected", "min_ram", "tags", "disk_format"])
    def test_v20_add_does_not_overwrite(self, member: Caller, field: str) -> None:
        values = {row[0]: row[1:] for row in BASE}
        old, new = values[field]
        image = member.create(**{field: old})
        refused(member.send_patch(image["id"], [{"add": f"/{field}", "value": new}], PATCH_V20), 409)
        unchanged(member, image)
        answer = member.send_patch(image["id"], [{"replace": f"/{field}", "value": new}], PATCH_V20)
        assert (answer.status_code, answer.json()[field]) == (200, new)

    @pytest.mark.parametrize(
        "field",
        ["name", "visibility", "protected", "os_hidden", "min_ram", "min_disk", "container_format", "disk_format",
         "tags", "owner"],
    )  # fmt: skip
    def test_cannot_be_removed(self, member: Caller, field: str) -> None:
        image = member.create(name="x", tags=["x"], **FORMATS)
        refused(member.change(image["id"], op("remove", f"/{field}")), 403)
        unchanged(member, image)

    @pytest.mark.parametrize(
        ("field", "value"),
        [("name", "n" * 256), ("name", 5), ("name", WIDE), ("visibility", "secret"), ("visibility", None),
         ("protected", "true"), ("protected", None), ("os_hidden", 1), ("min_ram", -1), ("min_ram", 2**31),
         ("min_disk", "1"), ("min_disk", 1.5), ("min_ram", None), ("container_format", "box"), ("disk_format", "x"),
         ("disk_format", ""), ("tags", "x"), ("tags", [1]), ("tags", ["t" * 256]), ("tags", None), ("owner", 5),
         ("p", None), ("p", 5), ("p", ["x"]), ("p", {}), ("p", True), ("p", WIDE)],
    )  # fmt: skip
    def test_value_is_checked(self, member: Caller, field: str, value: object) -> None:
        image = member.create(p="v")
        refused(member.change(image["id"], op("replace", f"/{field}", value)), 400)
        unchanged(member, image)

    def test_too_many(self, member: Caller) -> None:
        image = member.create()
        refused(member.change(image["id"], op("replace", "/tags", [str(n) for n in range(129)])), 413)
        refused(member.change(image["id"], *(op("add", f"/p{n}", "v") for n in range(129))), 413)
        unchanged(member, image)
        answer = member.change(image["id"], *(op("add", f"/p{n}", "v") for n in range(128)))
        assert answer.status_code == 200
        refused(member.change(image["id"], op("add", "/one_more", "v")), 413)
        assert member.change(image["id"], op("add", "/p0", "w")).status_code == 200
        swap = member.change(image["id"], op("remove", "/p1"), op("add", "/one_more", "v"))
        assert swap.status_code == 200


class TestProperties:
    @pytest.mark.parametrize(
        ("media_type", "operation", "present", "status"),
        [
            (PATCH_V21, "add", False, 200),
            (PATCH_V21, "add", True, 200),
            (PATCH_V21, "replace", False, 409),
            (PATCH_V21, "replace", True, 200),
            (PATCH_V21, "remove", False, 409),
            (PATCH_V21, "remove", True, 200),
            (PATCH_V20, "add", False, 200),
            (PATCH_V20, "add", True, 409),
            (PATCH_V20, "replace", False, 409),
            (PATCH_V20, "replace", True, 200),
            (PATCH_V20, "remove", False, 409),
            (PATCH_V20, "remove", True, 200),
        ],
    )
    def test_table(self, member: Caller, media_type: str, operation: str, present: bool, status: int) -> None:
        image = member.create(**({"p": "old"} if present else {}))
        value: Json = {} if operation == "remove" else {"value": "new"}
        form: Json = {"op": operation, "path": "/p"} if media_type == PATCH_V21 else {operation: "/p"}
        answer = member.send_patch(image["id"], [form | value], media_type)
        if status != 200:
            refused(answer, status)
            unchanged(member, image)
        elif operation == "remove":
            assert answer.json() == {k: v for k, v in image.items() if k != "p"} | {
                "updated_at": answer.json()["updated_at"]
            }
        else:
            assert answer.json() == image | {"p": "new", "updated_at": answer.json()["updated_at"]}
        if status == 200:
            unchanged(member, answer.json())

    def test_add_again_after_removal(self, member: Caller) -> None:
        image = member.create(p="1")
        for value in ("2", "3"):
            assert "p" not in member.change(image["id"], op("remove", "/p")).json()
            assert member.change(image["id"], op("add", "/p", value)).json()["p"] == value
        assert member.image(image["id"])["p"] == "3"

    def test_within_one_request(self, member: Caller) -> None:
        image = member.create(p="1")
        answer = member.change(
            image["id"], op("remove", "/p"), op("add", "/p", "2"), op("replace", "/p", "3"), op("add", "/q", "4")
        )
        assert (answer.json()["p"], answer.json()["q"]) == ("3", "4")

    @differs("Glance looks at the length only on creation, and answers 500 or keeps it as the database does")
    def test_long_name(self, member: Caller) -> None:
        image = member.create()
        refused(member.change(image["id"], op("add", f"/{'k' * 256}", "v")), 400)
        unchanged(member, image)


READ_ONLY: list[tuple[str, object]] = [
    ("status", "active"), ("checksum", "0" * 32), ("os_hash_algo", "md5"), ("os_hash_value", "0"), ("size", 5),
    ("virtual_size", 5), ("created_at", "2020-01-01T00:00:00Z"), ("updated_at", "2020-01-01T00:00:00Z"),
    ("id", "00000000-0000-4000-8000-000000000000"), ("direct_url", "file:///x"), ("self", "/x"), ("file", "/x"),
    ("schema", "/x"),
]  # fmt: skip
RESERVED = ["os_glance", "os_glance_x", "os_glance_import_task", "deleted", "deleted_at", "location"]


@pytest.mark.parametrize(("field", "value"), [*READ_ONLY, *((name, "x") for name in RESERVED)])
@pytest.mark.parametrize("operation", ["add", "replace", "remove"])
def test_not_for_the_caller_to_change(member: Caller, admin: Caller, field: str, value: object, operation: str) -> None:
    image = member.create()
    operation_ = op(operation, f"/{field}", *(() if operation == "remove" else (value,)))
    refused(member.change(image["id"], operation_), 403)
    refused(admin.change(image["id"], operation_), 403)
    unchanged(member, image)


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param("add", marks=differs("Glance overwrites its own attribute")),
        pytest.param("replace", marks=differs("Glance answers 409")),
        pytest.param("remove", marks=differs("Glance answers 409")),
    ],
)
def test_stores_is_read_only(member: Caller, operation: str) -> None:
    image = member.create()
    refused(member.change(image["id"], op(operation, "/stores", *(() if operation == "remove" else ("x",)))), 403)
    unchanged(member, image)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("image_id", marks=differs("Glance changes which image the record is")),
        pytest.param("member", marks=differs("Glance overwrites its own attribute, and shows no such property")),
        pytest.param("context", marks=differs("Glance overwrites its own attribute, and shows no such property")),
        "image",
        pytest.param("extra_properties", marks=differs("Glance answers 500")),
        pytest.param("base", marks=differs("Glance answers 500")),
        "metadata",
        "project_id",
        "properties",
    ],
)
def test_inner_names_are_properties_like_others(member: Caller, name: str) -> None:
    image, other = member.create(), member.active()
    answer = member.change(image["id"], op("add", f"/{name}", other["id"]))
    assert answer.status_code == 200
    assert answer.json() == image | {name: other["id"], "updated_at": answer.json()["updated_at"]}
    unchanged(member, other)
    assert name not in member.change(image["id"], op("remove", f"/{name}")).json()


class TestOwner:
    @pytest.mark.parametrize("new", ["beta", None])
    def test_replace_needs_an_admin(self, member: Caller, admin: Caller, new: str | None) -> None:
        image = member.create()
        refused(member.change(image["id"], op("replace", "/owner", new)), 403)
        unchanged(member, image)
        answer = admin.change(image["id"], op("replace", "/owner", new))
        assert (answer.status_code, answer.json()["owner"]) == (200, new)

    @pytest.mark.parametrize("new", ["beta", None])
    @differs("Glance says no and does it")
    def test_add_needs_an_admin(self, member: Caller, admin: Caller, new: str | None) -> None:
        image = member.create()
        refused(member.change(image["id"], op("add", "/owner", new)), 403)
        assert admin.image(image["id"]) == image

    def test_given_away_it_is_gone(self, member: Caller, admin: Caller, stranger: Caller) -> None:
        image = member.create(visibility="private")
        assert admin.change(image["id"], op("replace", "/owner", "beta")).status_code == 200
        refused(member.get(f"/v2/images/{image['id']}"), 404)
        assert stranger.image(image["id"])["owner"] == "beta"


class TestRightsAreThoseOnTheResult:
    """Whatever the operation and the way there, the image that would result decides."""

    @pytest.mark.parametrize("operation", ["add", "replace"])
    def test_public(self, member: Caller, operation: str) -> None:
        image = member.create()
        refused(member.change(image["id"], op(operation, "/visibility", "public")), 403)
        refused(member.change(image["id"], op(operation, "/visibility", "public"), op("add", "/p", "v")), 403)
        unchanged(member, image)

    @differs("Glance looks at each operation for itself, and at some not at all")
    @pytest.mark.parametrize(
        "operations",
        [
            pytest.param([op("replace", "/owner", "alpha")], id="same-owner"),
            pytest.param([op("replace", "/owner", "beta"), op("replace", "/owner", "alpha")], id="owner-and-back"),
            pytest.param([op("replace", "/visibility", "public")], id="same-visibility"),
            pytest.param(
                [op("replace", "/visibility", "private"), op("add", "/visibility", "public")], id="visibility-and-back"
            ),
        ],
    )
    def test_no_change_needs_no_right_to_change(self, member: Caller, admin: Caller, operations: list[Json]) -> None:
        image = admin.create(owner="alpha", visibility="public")
        answer = member.change(image["id"], *operations)
        assert (answer.status_code, answer.json()) == (200, image)
        unchanged(member, image)

    def test_admin_may_do_both_at_once(self, admin: Caller) -> None:
        image = admin.create()
        answer = admin.change(image["id"], op("replace", "/owner", "beta"), op("replace", "/visibility", "public"))
        assert (answer.json()["owner"], answer.json()["visibility"]) == ("beta", "public")


class TestAllOrNothing:
    @pytest.mark.parametrize(
        ("last", "status"),
        [
            (op("replace", "/absent", "x"), 409),
            (op("remove", "/absent"), 409),
            (op("replace", "/status", "active"), 403),
            (op("add", "/os_glance_x", "x"), 403),
            (op("replace", "/min_ram", -1), 400),
            (op("replace", "/visibility", "public"), 403),
            (op("replace", "/owner", "beta"), 403),
            (op("remove", "/name"), 403),
            ({"op": "jump", "path": "/p"}, 400),
        ],
        ids=str,
    )
    def test_nothing(self, member: Caller, last: Json, status: int) -> None:
        image = member.create(name="before", p="1", q="1", tags=["x"])
        answer = member.change(
            image["id"],
            op("replace", "/name", "after"),
            op("replace", "/p", "2"),
            op("remove", "/q"),
            op("add", "/r", "2"),
            op("replace", "/tags", ["y"]),
            last,
        )
        refused(answer, status)
        unchanged(member, image)

    def test_all(self, member: Caller) -> None:
        image = member.create(name="before", p="1", q="1", tags=["x"])
        answer = member.change(
            image["id"],
            op("replace", "/name", "after"),
            op("replace", "/p", "2"),
            op("remove", "/q"),
            op("add", "/r", "2"),
            op("replace", "/tags", ["y", "z", "y"]),
        )
        assert answer.status_code == 200
        changed = answer.json()
        assert (changed["name"], changed["p"], "q" in changed, changed["r"]) == ("after", "2", False, "2")
        assert sorted(changed["tags"]) == ["y", "z"]
        unchanged(member, changed)


class TestFormats:
    """Formats are settled when data arrives."""

    @pytest.mark.parametrize("field", ["disk_format", "container_format"])
    @pytest.mark.parametrize("operation", ["add", "replace"])
    def test_of_an_active_image(self, member: Caller, admin: Caller, field: str, operation: str) -> None:
        image = member.active()
        new = {"disk_format": "qcow2", "container_format": "ovf"}[field]
        for caller in (member, admin):
            refused(caller.change(image["id"], op(operation, f"/{field}", new)), 403)
        unchanged(member, image)

    def test_other_fields_of_an_active_image(self, member: Caller) -> None:
        image = member.active(noise(100))
        answer = member.change(image["id"], op("replace", "/name", "x"), op("replace", "/min_disk", 3))
        assert answer.status_code == 200
        assert answer.json() == image | {"name": "x", "min_disk": 3, "updated_at": answer.json()["updated_at"]}

    def test_of_a_deactivated_image(self, member: Caller) -> None:
        image = member.active()
        assert member.post(f"/v2/images/{image['id']}/actions/deactivate").status_code == 204
        refused(member.change(image["id"], op("replace", "/disk_format", "qcow2")), 403)
        assert member.change(image["id"], op("add", "/p", "v")).json()["status"] == "deactivated"


@pytest.mark.parametrize(
    ("operation", "path", "status"),
    [("add", "/locations", 400), ("replace", "/locations", 403), ("remove", "/locations", 400),
     ("add", "/locations/-", 403), ("add", "/locations/0", 403), ("remove", "/locations/0", 403),
     ("replace", "/locations/0", 400)],
)  # fmt: skip
def test_locations_are_not_offered(member: Caller, operation: str, path: str, status: int) -> None:
    image = member.active()
    value: object = {"url": "http://127.0.0.1:9/x", "metadata": {}}
    if path == "/locations":
        value = [value]
    refused(member.change(image["id"], op(operation, path, *(() if operation == "remove" else (value,)))), status)
    unchanged(member, image)


def test_unknown_image(member: Caller) -> None:
    refused(member.change("00000000-0000-4000-8000-000000000000", op("add", "/p", "v")), 404)
    refused(member.change("no-uuid", op("add", "/p", "v")), 404)


def test_deleted_image(member: Caller) -> None:
    image = member.create()
    member.delete(f"/v2/images/{image['id']}")
    refused(member.change(image["id"], op("add", "/p", "v")), 404)


@pytest.mark.parametrize(("old", "new"), [("private", "public"), ("public", "private"), ("public", "community")])
def test_visibility_public_is_for_admins(member: Caller, admin: Caller, old: str, new: str) -> None:
    image = admin.create(owner="alpha", visibility=old, run=unique())
    answer = member.change(image["id"], op("replace", "/visibility", new))
    if new == "public":
        refused(answer, 403)
        unchanged(member, image)
    else:
        assert (answer.status_code, answer.json()["visibility"]) == (200, new)
    assert admin.change(image["id"], op("replace", "/visibility", new)).json()["visibility"] == new
