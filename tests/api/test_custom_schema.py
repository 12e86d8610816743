"""Custom properties to which the operator gave a type, in schema-image.json."""

from collections.abc import Callable

import pytest

from tests.api.conftest import ARRANGED_SCHEMA
from tests.api.wire import Caller, differs, op, refused, unique

There = Callable[[str], Caller]
KERNEL = "11111111-2222-4333-8444-555555555555"

RIGHT: list[tuple[str, object, object]] = [  # and as what it is kept
    ("kernel_id", KERNEL, KERNEL),
    ("kernel_id", None, None),
    ("os_distro", "debian", "debian"),
    ("cores", 7, "7"),
    ("load", 1.5, "1.5"),
    ("other", "text", "text"),
]
WRONG: list[tuple[str, object]] = [
    ("kernel_id", "x"), ("kernel_id", 5), ("os_distro", "plan9"), ("os_distro", None), ("cores", "7"), ("cores", 0),
    ("cores", 1.5), ("cores", None), ("load", "1.5"), ("tested", "true"), ("tested", None), ("other", 5),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "kept"), RIGHT)
def test_created_with(there: There, name: str, value: object, kept: object) -> None:
    image = there("mia").create(**{name: value})
    assert there("mia").image(image["id"])[name] == kept


@pytest.mark.parametrize(("name", "value", "kept"), RIGHT)
def test_changed_to(there: There, name: str, value: object, kept: object) -> None:
    image = there("mia").create()
    for operation in ("add", "replace"):
        assert there("mia").change(image["id"], op(operation, f"/{name}", value)).status_code == 200
        assert there("mia").image(image["id"])[name] == kept
    assert name not in there("mia").change(image["id"], op("remove", f"/{name}")).json()


@pytest.mark.parametrize(("name", "value"), WRONG, ids=str)
def test_not_of_the_type(there: There, name: str, value: object) -> None:
    refused(there("mia").post("/v2/images", json={name: value}), 400)
    image = there("mia").create()
    refused(there("mia").change(image["id"], op("add", f"/{name}", value)), 400)
    assert there("mia").image(image["id"]) == image


def test_null_becomes_text_and_back(there: There) -> None:
    image = there("mia").create(kernel_id=None)
    for value in (KERNEL, None, KERNEL):
        answer = there("mia").change(image["id"], op("replace", "/kernel_id", value))
        assert answer.json()["kernel_id"] == there("mia").image(image["id"])["kernel_id"] == value


@differs("Glance writes 1 on one database and true on another, and answers creation with the value that was sent")
@pytest.mark.parametrize(("name", "value", "kept"), [("tested", True, "true"), ("cores", 7, "7")])
def test_kept_as_json_writes_it(there: There, name: str, value: object, kept: str) -> None:
    image = there("mia").create(**{name: value})
    assert image[name] == there("mia").image(image["id"])[name] == kept


def test_found_by_its_text(there: There) -> None:
    mark = unique()
    image = there("mia").create(cores=7, name=mark)
    assert there("mia").ids(cores=7, name=mark) == [image["id"]]
    assert there("mia").ids(cores=8, name=mark) == []


def test_schema_says_so(there: There) -> None:
    schema = there("mia").get("/v2/schemas/image").json()
    for name, described in ARRANGED_SCHEMA.items():
        assert schema["properties"][name] == {**described, "is_base": False}
    assert schema["additionalProperties"] == {"type": "string"}
    assert "is_base" not in schema["properties"]["name"]
    assert there("mia").get("/v2/schemas/images").json()["properties"]["images"]["items"] == schema
