"""The JSON schemas that clients download to learn which fields there are."""

import pytest

from tests.api.wire import Caller, differs

FIELDS = {
    "id", "name", "status", "visibility", "protected", "os_hidden", "checksum", "os_hash_algo", "os_hash_value",
    "owner", "size", "virtual_size", "container_format", "disk_format", "created_at", "updated_at", "tags",
    "direct_url", "min_ram", "min_disk", "self", "file", "schema", "stores", "locations",
}  # fmt: skip
READ_ONLY = {
    "status", "checksum", "os_hash_algo", "os_hash_value", "size", "virtual_size", "created_at", "updated_at",
    "direct_url", "self", "file", "schema", "stores",
}  # fmt: skip
STATUSES = {
    "queued", "saving", "active", "killed", "deleted", "uploading", "importing", "pending_delete", "deactivated",
}  # fmt: skip
CONTAINERS = ["ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"]


def test_image(member: Caller) -> None:
    answer = member.get("/v2/schemas/image")
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == "application/json"
    schema = answer.json()
    assert schema["name"] == "image"
    assert schema["additionalProperties"] == {"type": "string"}
    assert schema["links"] == [
        {"rel": "self", "href": "{self}"},
        {"rel": "enclosure", "href": "{file}"},
        {"rel": "describedby", "href": "{schema}"},
    ]
    properties = schema["properties"]
    assert properties.keys() >= FIELDS
    assert {name for name in FIELDS if properties[name].get("readOnly")} == READ_ONLY
    assert set(properties["status"]["enum"]) == STATUSES
    assert set(properties["visibility"]["enum"]) == {"community", "public", "private", "shared"}
    assert [value for value in properties["container_format"]["enum"] if value] == CONTAINERS
    assert {"raw", "qcow2", "iso", "vmdk", "vhd", "vhdx", "vdi", "ploop"} <= set(properties["disk_format"]["enum"])
    assert None in properties["disk_format"]["enum"]
    assert properties["name"]["maxLength"] == 255
    assert properties["tags"]["items"] == {"type": "string", "maxLength": 255}
    assert "pattern" in properties["id"]
    assert all(field.get("description") for name, field in properties.items() if name in FIELDS)


def test_images(member: Caller) -> None:
    schema = member.get("/v2/schemas/images").json()
    assert schema["name"] == "images"
    assert schema["properties"].keys() == {"images", "first", "next", "schema"}
    image = member.get("/v2/schemas/image").json()
    assert schema["properties"]["images"]["type"] == "array"
    assert schema["properties"]["images"]["items"] == image
    assert schema["links"] == [
        {"rel": "first", "href": "{first}"},
        {"rel": "next", "href": "{next}"},
        {"rel": "describedby", "href": "{schema}"},
    ]


MEMBER = {"member_id", "image_id", "status", "created_at", "updated_at", "schema"}
LISTED_TASK = {
    "id", "type", "status", "owner", "image_id", "request_id", "user_id", "expires_at", "created_at", "updated_at",
    "self", "schema",
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "fields", "statuses"),
    [
        ("member", MEMBER, ["pending", "accepted", "rejected"]),
        pytest.param(
            *("task", LISTED_TASK | {"input", "result", "message", "progress"}),
            ["pending", "processing", "success", "failure"],
            marks=differs("Glance's tasks tell their progress in words only"),
            id="task",
        ),
    ],
)
def test_members_and_tasks(member: Caller, name: str, fields: set[str], statuses: list[str]) -> None:
    one = member.get(f"/v2/schemas/{name}").json()
    assert one.keys() == {"name", "properties"}
    assert one["name"] == name
    assert one["properties"].keys() == fields
    assert one["properties"]["status"]["enum"] == statuses
    many = member.get(f"/v2/schemas/{name}s").json()
    assert many["name"] == f"{name}s"
    assert many["properties"].keys() == {f"{name}s", "schema"}
    assert many["properties"][f"{name}s"]["type"] == "array"
    item = many["properties"][f"{name}s"]["items"]
    assert item["name"] == name
    assert item["properties"].keys() == (LISTED_TASK if name == "task" else fields)
    assert many["links"] == [{"rel": "describedby", "href": "{schema}"}]


def test_every_caller_may_read_them(reader: Caller, admin: Caller) -> None:
    assert reader.get("/v2/schemas/image").json() == admin.get("/v2/schemas/image").json()


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_field_has_a_type_or_choices(member: Caller, field: str) -> None:
    described = member.get("/v2/schemas/image").json()["properties"][field]
    assert described.keys() & {"type", "enum"}
