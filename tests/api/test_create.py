"""POST /v2/images: every field, its limits and defaults, and what is refused with which status."""

import re
import uuid
from collections.abc import Callable

import pytest

from tests.api.wire import Caller, Json, differs, op, refused

LONG = 255
BIG = 2**31 - 1
WIDE = "\N{SLICE OF PIZZA}"  # outside the basic plane: four bytes in UTF-8
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def test_defaults(member: Caller) -> None:
    answer = member.post("/v2/images", json={})
    assert answer.status_code == 201
    image = answer.json()
    image_id = image["id"]
    assert answer.headers["location"] == f"{member.target.url}/v2/images/{image_id}"
    assert answer.headers["content-type"].partition(";")[0] == "application/json"
    assert uuid.UUID(image_id).version == 4
    assert TIME.fullmatch(image["created_at"])
    assert image == {
        "id": image_id,
        "name": None,
        "status": "queued",
        "visibility": "shared",
        "protected": False,
        "os_hidden": False,
        "owner": "alpha",
        "min_ram": 0,
        "min_disk": 0,
        "container_format": None,
        "disk_format": None,
        "tags": [],
        "checksum": None,
        "os_hash_algo": None,
        "os_hash_value": None,
        "size": None,
        "virtual_size": None,
        "created_at": image["created_at"],
        "updated_at": image["created_at"],
        "self": f"/v2/images/{image_id}",
        "file": f"/v2/images/{image_id}/file",
        "schema": "/v2/schemas/image",
    }
    assert member.image(image_id) == image


@pytest.mark.parametrize(
    "fields",
    [
        {"name": None},
        {"name": ""},
        {"name": "n" * LONG},
        {"name": "Bücher — 漢字 \u202e <b>&amp;"},
        {"name": "ü" * LONG},
        {"visibility": "private"},
        {"visibility": "shared"},
        {"visibility": "community"},
        {"protected": True},
        {"os_hidden": True},
        {"owner": "alpha"},
        {"min_ram": BIG, "min_disk": BIG},
        {"min_ram": 0, "min_disk": 0},
        *({"container_format": name} for name in ("ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed")),
        *(
            {"disk_format": name}
            for name in ("ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop")
        ),
        {"container_format": None, "disk_format": None},
        {"tags": []},
        {"tags": ["t" * LONG]},
        {"tags": [""]},
        {"tags": ["a/b c?d"]},
        {"": ""},
        {"": "the empty name"},
        {"empty": ""},
        {"k" * LONG: "v"},
        {"long": "v" * 60000},
        {"a/b": "slash", "a~b": "tilde", "with space": "x", "Ünï": "漢字"},
        {"hw_disk_bus": "scsi", "os_distro": "debian", "trait:HW_CPU": "required"},
        {"image_id": "x", "member": "x", "context": "x", "extra_properties": "x", "base": "x", "image": "x"},
        {"properties": "x", "members": "x", "limit": "5", "is_public": "True", "type": "x", "metadata": "x"},
    ],
    ids=lambda fields: str(fields)[:60],
)
def test_accepted(member: Caller, fields: Json) -> None:
    image = member.create(**fields)
    assert {name: image[name] for name in fields} == fields
    assert member.image(image["id"]) == image


def test_whole_number_with_a_point(member: Caller) -> None:
    image = member.post("/v2/images", content=b'{"min_ram": 1.0, "min_disk": 2.0}').json()
    assert (image["min_ram"], image["min_disk"]) == (1, 2)


def test_equal_tags_collapse(member: Caller) -> None:
    assert sorted(member.create(tags=["b", "a", "b", "A"])["tags"]) == ["A", "a", "b"]


@pytest.mark.parametrize(
    "make", [str.lower, pytest.param(str.upper, marks=differs("ids are kept as they are sent, in either case"))]
)
def test_id_may_be_chosen(member: Caller, make: Callable[[str], str]) -> None:
    image_id = make(str(uuid.uuid4()))
    image = member.create(id=image_id)
    assert image["id"] == image_id.lower()
    assert image["self"] == f"/v2/images/{image_id.lower()}"
    assert member.image(image_id) == image
    refused(member.post("/v2/images", json={"id": image_id}), 409)


def test_id_of_a_deleted_image_stays_taken(member: Caller, stranger: Caller) -> None:
    image_id = member.create()["id"]
    assert member.delete(f"/v2/images/{image_id}").status_code == 204
    refused(member.post("/v2/images", json={"id": image_id}), 409)
    refused(stranger.post("/v2/images", json={"id": image_id}), 409)


@pytest.mark.parametrize("fields", [{"visibility": "public"}, {"visibility": "community"}, {"owner": "gamma"}], ids=str)
def test_admin_may(admin: Caller, fields: Json) -> None:
    image = admin.create(**fields)
    assert {name: image[name] for name in fields} == fields


def test_admin_may_leave_an_image_without_owner(admin: Caller) -> None:
    assert admin.create(owner=None)["owner"] is None


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"name": "n" * 256}, 400),
        ({"name": 5}, 400),
        ({"name": ["x"]}, 400),
        ({"name": WIDE}, 400),
        ({"visibility": "secret"}, 400),
        ({"visibility": None}, 400),
        ({"visibility": "Public"}, 400),
        ({"visibility": "public"}, 403),
        ({"protected": "true"}, 400),
        ({"protected": 1}, 400),
        ({"protected": None}, 400),
        ({"os_hidden": "yes"}, 400),
        ({"owner": "beta"}, 403),
        ({"owner": None}, 403),
        ({"owner": 7}, 400),
        ({"owner": "o" * 256}, 400),
        ({"min_ram": -1}, 400),
        ({"min_disk": -1}, 400),
        ({"min_ram": BIG + 1}, 400),
        ({"min_disk": 2**63}, 400),
        ({"min_ram": 10**40}, 400),
        ({"min_ram": "1"}, 400),
        ({"min_ram": 1.5}, 400),
        ({"min_ram": True}, 400),
        ({"min_ram": None}, 400),
        ({"container_format": "box"}, 400),
        ({"container_format": "x" * 300}, 400),
        ({"container_format": 1}, 400),
        ({"disk_format": "qcow"}, 400),
        ({"disk_format": "RAW"}, 400),
        ({"disk_format": ""}, 400),
        ({"tags": "x"}, 400),
        ({"tags": [1]}, 400),
        ({"tags": [None]}, 400),
        ({"tags": None}, 400),
        ({"tags": ["t" * 256]}, 400),
        ({"tags": [WIDE]}, 400),
        ({"tags": [str(n) for n in range(129)]}, 413),
        ({f"p{n}": "v" for n in range(129)}, 413),
        ({"id": "not-a-uuid"}, 400),
        ({"id": ""}, 400),
        ({"id": None}, 400),
        ({"id": 5}, 400),
        ({"id": "00000000-0000-0000-0000-00000000000g"}, 400),
        ({"p": None}, 400),
        ({"p": 5}, 400),
        ({"p": True}, 400),
        ({"p": {}}, 400),
        ({"p": ["x"]}, 400),
        ({"k" * 256: "v"}, 400),
        ({"p": WIDE}, 400),
        ({WIDE: "v"}, 400),
        *(
            ({name: value}, 403)
            for name, value in (
                ("status", "active"), ("checksum", "0" * 32), ("size", 5), ("virtual_size", 5),
                ("created_at", "2020-01-01T00:00:00Z"), ("updated_at", "2020-01-01T00:00:00Z"), ("self", "/x"),
                ("file", "/x"), ("schema", "/x"), ("direct_url", "file:///etc/passwd"), ("stores", "fast"),
                ("deleted", "x"), ("deleted_at", "x"), ("location", "file:///etc/passwd"),
                ("os_glance_x", "x"), ("os_glancefoo", "x"), ("os_glance_stage_host", "http://h/"),
            )
        ),
        ({"locations": []}, 403),
        ({"locations": [{"url": "file:///etc/passwd", "metadata": {}}]}, 403),
    ],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
def test_refused(member: Caller, fields: Json, status: int) -> None:
    refused(member.post("/v2/images", json=fields), status)


@pytest.mark.parametrize("fields", [{"os_hash_algo": "md5"}, {"os_hash_value": "0" * 128}], ids=["algo", "value"])
@differs("Glance takes it and keeps it as a property that nobody sees")
def test_hash_cannot_be_claimed(member: Caller, fields: Json) -> None:
    refused(member.post("/v2/images", json=fields), 403)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut"),
        pytest.param(b"{'name': 'x'}", id="quotes"),
        pytest.param(b'{"name": "x"} x', id="trailing"),
        pytest.param(b'{"name": "\xff"}', id="not-utf8"),
        pytest.param(b'{"min_ram": NaN}', id="nan"),
        pytest.param(b'{"min_ram": Infinity}', id="infinity"),
        pytest.param(b"[" * 100_000, id="deep", marks=differs("Glance answers 500")),
        pytest.param(b"[]", id="array", marks=differs("Glance answers 500")),
        pytest.param(b'[{"name": "x"}]', id="array-of-object", marks=differs("Glance answers 500")),
        pytest.param(b'"text"', id="text"),
        pytest.param(b"5", id="number"),
        pytest.param(b"null", id="null"),
        pytest.param(b'{"name": "\\ud800"}', id="half-a-surrogate", marks=differs("Glance answers 500")),
        pytest.param(
            b'{"p": "nul\\u0000"}', id="nul-in-value", marks=differs("Glance keeps it where the database can")
        ),
    ],
)
def test_not_an_object(member: Caller, body: bytes) -> None:
    refused(member.post("/v2/images", content=body, headers={"Content-Type": "application/json"}), 400)


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", None])
def test_content_type_is_not_looked_at(member: Caller, media_type: str | None) -> None:
    headers = {"Content-Type": media_type} if media_type else {}
    assert member.post("/v2/images", content=b'{"name": "x"}', headers=headers).status_code == 201


@differs("Glance takes it for an empty body")
def test_chunked_body(member: Caller) -> None:
    answer = member.post("/v2/images", content=iter([b'{"na', b'me": "x"', b"}"]))
    assert (answer.status_code, answer.json()["name"]) == (201, "x")


def test_limits_are_inclusive(member: Caller) -> None:
    image = member.create(tags=[str(n) for n in range(128)], **{f"p{n}": "v" for n in range(128)})
    assert len(image["tags"]) == 128
    assert image["p127"] == "v"


def test_a_refused_image_does_not_exist(member: Caller) -> None:
    image_id = str(uuid.uuid4())
    refused(member.post("/v2/images", json={"id": image_id, "tags": ["t" * 256]}), 400)
    refused(member.post("/v2/images", json={"id": image_id, "tags": [str(n) for n in range(129)]}), 413)
    refused(member.get(f"/v2/images/{image_id}"), 404)
    assert member.create(id=image_id)["id"] == image_id


def test_store_ids_are_told(member: Caller) -> None:
    answer = member.post("/v2/images", json={})
    ids = set(answer.headers["openstack-image-store-ids"].split(","))
    reserved = {"os_glance_staging_store", "os_glance_tasks_store"} if member.target.peer else set()
    assert ids - reserved == {"fast", "slow"}


def test_show_after_create_and_change(member: Caller) -> None:
    image = member.create(name="before", p="1", tags=["x"])
    changed = member.change(image["id"], op("replace", "/name", "after")).json()
    assert changed == image | {"name": "after", "updated_at": changed["updated_at"]}
    assert member.image(image["id"]) == changed
