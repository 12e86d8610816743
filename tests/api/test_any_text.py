"""Names and values of every kind of text survive: created, shown, patched, looked for, removed."""

from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.test_schemas import FIELDS
from tests.api.wire import Caller, op, unique

TAKEN = FIELDS | {"deleted", "deleted_at", "location", "is_public"}
SPECIAL = {  # words of the list's own query
    "limit", "marker", "sort", "sort_key", "sort_dir", "tag", "tags", "member_status", "changes-since", "properties",
    "members", "",
}  # fmt: skip

text = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=("Cs", "Cc")), max_size=40)
names = st.one_of(text, st.sampled_from(["a/b", "~", "~1", "a~0b", "//", " ", "in:x", '"', "%2F", "null", "0"])).filter(
    lambda name: name not in TAKEN and not name.startswith("os_glance")
)
examples = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def pointer(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")


@examples
@given(st.dictionaries(names, text, max_size=5), text, st.lists(text, max_size=5, unique=True))
def test_created_is_shown(member: Caller, properties: dict[str, str], name: str, tags: list[str]) -> None:
    image = member.create(name=name, tags=tags, **properties)
    assert {key: image[key] for key in properties} == properties
    assert (image["name"], sorted(image["tags"])) == (name, sorted(tags))
    shown = member.image(image["id"])
    assert shown == image | {"tags": shown["tags"]}  # a set, in any order
    assert sorted(shown["tags"]) == sorted(tags)


@examples
@given(names.filter(lambda name: name == name.strip()), text, text)  # Glance trims them in a patch
def test_patched(member: Caller, name: str, first: str, second: str) -> None:
    image = member.create()
    for operation, value in (("add", first), ("replace", second)):
        answer = member.change(image["id"], op(operation, pointer(name), value))
        assert answer.status_code == 200, answer.text
        assert member.image(image["id"])[name] == value
    assert member.change(image["id"], op("remove", pointer(name))).status_code == 200
    assert name not in member.image(image["id"])


@examples
@given(names.filter(lambda name: name not in SPECIAL and not name.endswith(("_min", "_max"))), text)
def test_looked_for(member: Caller, name: str, value: str) -> None:
    run = unique()
    image = member.create(run_of_test=run, **{name: value})
    other = member.create(run_of_test=run)
    found = member.get(f"/v2/images?run_of_test={run}&{quote(name, safe='')}={quote(value, safe='')}")
    assert found.status_code == 200, found.text
    assert [one["id"] for one in found.json()["images"]] == [image["id"]]
    assert other["id"] != image["id"]
