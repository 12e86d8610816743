"""Creating and changing records with anything as the body: the answer is one of those described, and all or nothing."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.api.wire import PATCH_V20, PATCH_V21
from tests.fuzz.inputs import EXAMPLES, FIELDS, as_json, bodies, names, text, values
from tests.fuzz.service import Fuzzed

pointers = st.one_of(
    names.map(lambda name: f"/{name}"),
    st.sampled_from(["", "/", "//", "/a/b", "/locations/-", "/locations/0", "/locations/9999999999999", "/~", "/~2"]),
    text,
    values,
)  # fmt: skip
verbs = st.one_of(st.sampled_from(["add", "replace", "remove", "test", "move", "copy", "ADD", ""]), values)
newer = st.fixed_dictionaries({"op": verbs, "path": pointers}, optional={"value": values, "from": pointers})
older = st.dictionaries(st.sampled_from(["add", "replace", "remove", "value", "op", "path"]), pointers, max_size=3)
# operations of which most can be applied, so that whole documents get far
likely = st.fixed_dictionaries({
    "op": st.sampled_from(["add", "replace", "remove"]),
    "path": st.sampled_from(["a", "b", "name", "tags", *FIELDS]).map(lambda name: f"/{name}"),
    "value": st.one_of(text, values),
})  # fmt: skip
documents: st.SearchStrategy[Any] = st.one_of(st.lists(newer, max_size=4), st.lists(older, max_size=4), values)
media_types = st.one_of(
    st.sampled_from([PATCH_V21, PATCH_V20]),
    st.sampled_from([f"{PATCH_V21}; charset=nonsense", f"{PATCH_V20};;;", "application/json", "", ";", "x" * 3000]),
)


@EXAMPLES
@given(bodies)
def test_create(fuzz: Fuzzed, body: bytes) -> None:
    answer = fuzz.mia.post("/v2/images", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {201, 400, 403, 409, 413}, answer.text
    if answer.status_code == 201:
        assert fuzz.mia.image(answer.json()["id"]) == answer.json()
    fuzz.require_alive()


def change(fuzz: Fuzzed, body: bytes, media_type: str) -> None:
    image_id = fuzz.image("queued")
    before = fuzz.mia.image(image_id)
    answer = fuzz.mia.patch(f"/v2/images/{image_id}", content=body, headers={"Content-Type": media_type})
    assert answer.status_code in {200, 400, 403, 409, 413, 415}, answer.text
    after = fuzz.mia.image(image_id)
    assert after == (answer.json() if answer.status_code == 200 else before)
    fuzz.require_alive()


@EXAMPLES
@given(bodies, media_types)
def test_change_by_anything(fuzz: Fuzzed, body: bytes, media_type: str) -> None:
    change(fuzz, body, media_type)


@EXAMPLES
@given(documents, st.sampled_from([PATCH_V21, PATCH_V20]))
def test_change_by_odd_operations(fuzz: Fuzzed, document: Any, media_type: str) -> None:
    change(fuzz, as_json(document), media_type)


@EXAMPLES
@given(st.lists(likely, min_size=1, max_size=5))
def test_change_by_likely_operations(fuzz: Fuzzed, operations: list[Any]) -> None:
    change(fuzz, as_json(operations), PATCH_V21)


def test_very_many_operations(fuzz: Fuzzed) -> None:
    for operation in (
        {"op": "add", "path": "/name", "value": "n"},
        {"op": "replace", "path": "/tags", "value": [str(number) for number in range(100)]},
    ):
        change(fuzz, as_json([operation] * 1500), PATCH_V21)
    change(fuzz, as_json([{"op": "add", "path": f"/{number}", "value": "v"} for number in range(2000)]), PATCH_V21)
