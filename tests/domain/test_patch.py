"""Reading and applying JSON patches: every row of the table of semantics, and no document crashes it."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from intaglio.base.errors import Conflict, Forbidden, IntaglioError, Invalid
from intaglio.domain import patch
from intaglio.domain.image import Image, Visibility
from intaglio.domain.properties import Formats
from intaglio.domain.status import Status

FORMATS = Formats(disk=("raw", "qcow2"), container=("bare",))
NOW = datetime(2026, 1, 1)  # noqa: DTZ001 - times are naive UTC
IMAGE = Image(
    id="0" * 8 + "-0000-4000-8000-" + "0" * 12,
    status=Status.ACTIVE,
    visibility=Visibility.SHARED,
    created_at=NOW,
    updated_at=NOW,
    name="one",
    disk_format="raw",
    container_format="bare",
    properties={"colour": "red"},
    tags=("a", "b"),
)


def v21(*operations: dict[str, Any], image: Image = IMAGE) -> Image:
    return patch.apply(image, patch.read_v21(list(operations)), FORMATS)


def v20(*operations: dict[str, Any], image: Image = IMAGE) -> Image:
    return patch.apply(image, patch.read_v20(list(operations)), FORMATS)


def test_base_fields_are_added_and_replaced() -> None:
    for verb in ("add", "replace"):
        changed = v21(
            {"op": verb, "path": "/name", "value": "two"},
            {"op": verb, "path": "/min_ram", "value": 64.0},
            {"op": verb, "path": "/visibility", "value": "public"},
            {"op": verb, "path": "/tags", "value": ["z", "a", "z"]},
        )
        assert (changed.name, changed.min_ram, changed.visibility, changed.tags) == ("two", 64, "public", ("a", "z"))


def test_older_form_refuses_to_add_what_has_a_value() -> None:
    with pytest.raises(Conflict):
        v20({"add": "/name", "value": "two"})
    with pytest.raises(Conflict):
        v20({"add": "/colour", "value": "blue"})
    assert v20({"add": "/name", "value": "two"}, image=replace(IMAGE, name=None)).name == "two"
    assert v20({"replace": "/colour", "value": "blue"}).properties == {"colour": "blue"}
    assert v20({"remove": "/colour"}).properties == {}


def test_properties() -> None:
    assert v21({"op": "add", "path": "/size_of_shoe", "value": "42"}).properties["size_of_shoe"] == "42"
    assert v21({"op": "add", "path": "/colour", "value": ""}).properties == {"colour": ""}
    assert v21({"op": "remove", "path": "/colour"}).properties == {}
    assert v21({"op": "add", "path": "/a~1b~0c", "value": "x"}).properties["a/b~c"] == "x"
    assert v21({"op": "add", "path": "/", "value": "x"}).properties[""] == "x"
    for verb in ("replace", "remove"):
        with pytest.raises(Conflict):
            v21({"op": verb, "path": "/absent", "value": "x"})


@pytest.mark.parametrize(
    "name",
    [
        "status",
        "checksum",
        "os_hash_algo",
        "os_hash_value",
        "size",
        "virtual_size",
        "created_at",
        "updated_at",
        "id",
        "direct_url",
        "self",
        "file",
        "schema",
        "stores",
        "os_glance_import_task",
        "os_glancefoo",
        "deleted",
        "deleted_at",
        "location",
    ],
)
@pytest.mark.parametrize("verb", ["add", "replace", "remove"])
def test_what_only_the_service_sets_is_refused(name: str, verb: str) -> None:
    with pytest.raises(Forbidden):
        v21({"op": verb, "path": f"/{name}", "value": "x"})


@pytest.mark.parametrize(
    ("verb", "path", "error"),
    [
        ("replace", "/locations", Forbidden),
        ("add", "/locations/0", Forbidden),
        ("add", "/locations/-", Forbidden),
        ("remove", "/locations/0", Forbidden),
        ("add", "/locations", Invalid),
        ("remove", "/locations", Invalid),
        ("replace", "/locations/0", Invalid),
        ("add", "/locations/0/url", Invalid),
    ],
)
def test_locations_are_not_offered(verb: str, path: str, error: type[IntaglioError]) -> None:
    with pytest.raises(error):
        v21({"op": verb, "path": path, "value": []})


@pytest.mark.parametrize("name", ["name", "tags", "visibility", "owner", "min_disk", "disk_format"])
def test_base_fields_are_not_removed(name: str) -> None:
    with pytest.raises(Forbidden):
        v21({"op": "remove", "path": f"/{name}"})


@pytest.mark.parametrize(
    "name", ["image_id", "member", "context", "extra_properties", "base", "revision", "properties"]
)
def test_names_used_inside_the_service_are_ordinary_properties(name: str) -> None:
    changed = v21({"op": "add", "path": f"/{name}", "value": "x"})
    assert changed == replace(IMAGE, properties={"colour": "red", name: "x"})


def test_formats_are_fixed_once_there_are_data() -> None:
    operation = {"op": "replace", "path": "/disk_format", "value": "qcow2"}
    with pytest.raises(Forbidden):
        v21(operation)
    assert v21(operation, image=replace(IMAGE, status=Status.QUEUED)).disk_format == "qcow2"


@pytest.mark.parametrize(
    "document",
    [
        {},
        None,
        [1],
        [{"op": "test", "path": "/name", "value": "x"}],
        [{"op": "move", "path": "/name", "from": "/x"}],
        [{"op": "add", "path": "/name"}],
        [{"op": "add", "path": "name", "value": "x"}],
        [{"op": "add", "path": "/name/", "value": "x"}],
        [{"op": "add", "path": "/a//b", "value": "x"}],
        [{"op": "add", "path": "/a/b", "value": "x"}],
        [{"op": "add", "path": "/a~2", "value": "x"}],
        [{"op": "add", "path": 7, "value": "x"}],
        [{"op": ["add"], "path": "/x", "value": "x"}],
    ],
)
def test_malformed_documents(document: object) -> None:
    with pytest.raises(Invalid):
        patch.read_v21(document)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", 7),
        ("name", "x" * 256),
        ("name", "\U0001f600"),
        ("name", "\ud800"),
        ("min_ram", -1),
        ("min_ram", 2**31),
        ("min_ram", True),
        ("min_ram", "1"),
        ("protected", "true"),
        ("visibility", "everybody"),
        ("visibility", ["public"]),
        ("tags", "a"),
        ("tags", [1]),
        ("tags", ["x" * 256]),
        ("colour", None),
        ("colour", 7),
        ("colour", {}),
        ("x" * 256, "y"),
    ],
)
def test_values_are_checked(name: str, value: object) -> None:
    with pytest.raises(Invalid):
        v21({"op": "add", "path": f"/{name}", "value": value})


def test_the_first_failure_leaves_the_image_as_it_was() -> None:
    before = asdict(IMAGE)
    with pytest.raises(Conflict):
        v21({"op": "replace", "path": "/name", "value": "two"}, {"op": "remove", "path": "/absent"})
    assert asdict(IMAGE) == before


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_operation = st.fixed_dictionaries(
    {},
    optional={
        "op": st.sampled_from(["add", "replace", "remove"]) | _json,
        "path": st.sampled_from(["/name", "/tags", "/id", "/locations/0", "/colour"])
        | st.text().map("/{}".format)
        | _json,
        "value": _json,
        "add": st.text(),
        "remove": st.text(),
    },
)


@given(st.lists(_operation, max_size=4) | _json)
def test_no_document_is_more_than_an_error(document: object) -> None:
    for read in (patch.read_v21, patch.read_v20):
        try:
            changed = patch.apply(IMAGE, read(document), FORMATS)
        except IntaglioError:
            continue
        assert (changed.id, changed.status, changed.checksum, changed.size) == (IMAGE.id, IMAGE.status, None, None)
