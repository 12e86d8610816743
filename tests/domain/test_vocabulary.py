"""What a value may be, by the schema of its property; and which names are probably misspelt."""

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.base.errors import Conflict, Forbidden, Invalid
from intaglio.domain.metadefs import reading
from intaglio.domain.metadefs.changes import Mode, Outcome, differences, document, load_over
from intaglio.domain.metadefs.vocabulary import Severity, Term, check, misspelt, refusal

SCHEMAS: dict[str, dict[str, Any]] = {
    "text": {"type": "string", "minLength": 2, "maxLength": 4},
    "pattern": {"type": "string", "pattern": "^[a-z]+$"},
    "enum": {"type": "string", "enum": ["ide", "virtio", None]},
    "integer": {"type": "integer", "minimum": -1, "maximum": 10},
    "number": {"type": "number", "minimum": 0.5},
    "boolean": {"type": "boolean"},
    "object": {"type": "object"},
    "array": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}, "minItems": 1, "maxItems": 2,
              "uniqueItems": True, "operators": ["<in>", "<or>"]},
    "nonsense": {"type": "colour", "enum": 5, "minimum": "x"},
    "bad pattern": {"type": "string", "pattern": "("},
    "empty": {},
}  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ("text", "ab"), ("text", "abcd"), ("pattern", "abc"), ("enum", "virtio"), ("integer", "-1"), ("integer", "10"),
        ("integer", " 5 "), ("number", "0.5"), ("number", "1e3"), ("boolean", "True"), ("boolean", "off"),
        ("object", '{"a": 1}'), ("array", "a"), ("array", "a,b"), ("array", "<in> a,b"), ("array", "<or> a <or> b"),
        ("nonsense", "x"), ("bad pattern", "x"), ("empty", "x"),
    ],
)  # fmt: skip
def test_allowed(schema: str, value: str) -> None:
    assert refusal(SCHEMAS[schema], value) is None


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        ("text", "a", "at least 2 characters"),
        ("text", "abcde", "at most 4 characters"),
        ("pattern", "A", "match ^[a-z]+$"),
        ("enum", "virtoi", "one of ide, virtio (did you mean 'virtio'?)"),
        ("integer", "11", "a whole number from -1 to 10"),
        ("integer", "x", "a whole number from -1 to 10"),
        ("integer", "1.5", "a whole number"),
        ("number", "0.4", "a number of at least 0.5"),
        ("number", "nan", "a number"),
        ("boolean", "maybe", "true or false"),
        ("object", "[]", "a JSON object"),
        ("array", "", "at least 1 items"),
        ("array", "a,c", "each item must be one of a, b"),
        ("array", "a,a", "anything twice"),
        ("array", "a,b,a", "at most 2 items"),
    ],
)
def test_refused(schema: str, value: str, said: str) -> None:
    sentence = refusal(SCHEMAS[schema], value)
    assert sentence is not None
    assert said in sentence


def test_one_of_several_namespaces_is_enough() -> None:
    terms = [Term("A", "bus", {"type": "string", "enum": ["ide"]}), Term("B", "bus", {"type": "string", "enum": ["x"]})]
    assert check(terms, {"bus": "x", "free": "anything"}) == ()
    (finding,) = check(terms, {"bus": "y"})
    assert (finding.name, finding.severity, finding.namespace) == ("bus", Severity.ERROR, "A, B")
    assert finding.message == "bus = 'y': must be one of ide; or must be one of x."


def test_misspelt() -> None:
    known = ["hw_disk_bus", "hw_vif_model", "os_distro"]
    names = {
        finding.name
        for finding in misspelt(known, dict.fromkeys(("hw_disk_bsu", "os_distor", "mine", "hw_vif_model"), "x"))
    }
    assert names == {"hw_disk_bsu", "os_distor"}


_keys = st.sampled_from(
    ["namespace", "name", "properties", "objects", "tags", "required", "title", "type", "enum", "items", "default",
     "pattern", "minimum", "resource_type_associations", "visibility", "protected", "x"]
)  # fmt: skip
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_any_document_is_read_or_refused(body: object) -> None:
    readers = (reading.property_body, reading.object_body, reading.tag_body, reading.tags_body,
               reading.association_body, reading.file_definition)  # fmt: skip
    for read in (*readers, lambda one: reading.namespace_body(one, owner="me")):
        with contextlib.suppress(Invalid, Forbidden, Conflict):
            read(body)


schemas = st.fixed_dictionaries(
    {"title": st.text("ab ", max_size=5), "type": st.sampled_from(["string", "integer", "array"])},
    optional={"default": st.integers(-5, 5) | st.text("xy", max_size=3), "enum": st.lists(st.text("ab"), max_size=3)},
)
definitions = st.builds(
    lambda properties, objects, tags, description: reading.file_definition(
        {
            "namespace": "N",
            "description": description,
            "properties": properties,
            "objects": [{"name": name, "properties": held} for name, held in objects.items()],
            "tags": [{"name": tag} for tag in tags],
        }
    ),
    st.dictionaries(st.sampled_from("pqr"), schemas, max_size=3),
    st.dictionaries(st.sampled_from("opq"), st.dictionaries(st.sampled_from("xy"), schemas, max_size=2), max_size=2),
    st.sets(st.sampled_from("tuv"), max_size=3),
    st.none() | st.text("ab", min_size=1, max_size=4),
)


@given(definitions)
def test_a_file_says_again_what_it_said(definition: Any) -> None:
    again = reading.file_definition(msgspec.json.decode(msgspec.json.encode(document(definition))))
    assert differences(definition, again).outcome is Outcome.UNCHANGED


@given(definitions, definitions)
def test_modes(present: Any, file: Any) -> None:
    assert load_over(present, file, Mode.SKIP) == present
    overwritten = load_over(present, file, Mode.OVERWRITE)
    assert differences(overwritten, file).outcome is Outcome.UNCHANGED
    merged = load_over(present, file, Mode.MERGE)
    changes = differences(present, merged)
    assert (changes.changed, changes.removed) == ((), ())
    newer = load_over(present, file, Mode.PREFER_NEW)
    assert differences(present, newer).removed == ()
    for mode in Mode:
        loaded = load_over(present, file, mode)
        assert load_over(loaded, file, mode) == loaded  # doing it again changes nothing
