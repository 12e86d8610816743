"""The order of a list, and its pages: nothing twice, nothing left out, links that lead on."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.api.wire import FORMATS, Caller, differs, json_of, op, unique

NAMES = ["delta", "alpha", "charlie", "bravo", "echo", "alpha", "bravo"]


@pytest.fixture(scope="module")
def run(member: Caller) -> str:
    word = unique("page")
    for place, name in enumerate(NAMES):
        formats = FORMATS if place % 2 else {}
        member.create(name=name, run=word, tags=["x", "y"] if place < 5 else ["x"], **formats)
    return word


def names(caller: Caller, query: str) -> list[str]:
    answer = caller.get(f"/v2/images?{query}")
    assert answer.status_code == 200, answer.text
    return [image["name"] for image in answer.json()["images"]]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("sort_key=name&sort_dir=asc", sorted(NAMES)),
        ("sort_key=name&sort_dir=desc", sorted(NAMES, reverse=True)),
        ("sort_key=name", sorted(NAMES, reverse=True)),
        ("sort=name:asc", sorted(NAMES)),
        ("sort=name", sorted(NAMES, reverse=True)),
        ("sort=name:desc", sorted(NAMES, reverse=True)),
        ("sort=name:", sorted(NAMES, reverse=True)),
        ("sort=name:asc,id:desc", sorted(NAMES)),
        ("sort=disk_format:desc,name:asc", ["alpha", "alpha", "bravo", "bravo", "charlie", "delta", "echo"]),
        ("sort=status:asc,name:asc", sorted(NAMES)),
        ("sort=size:asc,name:desc", sorted(NAMES, reverse=True)),
        ("sort_key=status&sort_key=name&sort_dir=asc", sorted(NAMES)),
        ("sort_key=status&sort_key=name&sort_dir=desc&sort_dir=asc", sorted(NAMES)),
        ("sort_key=name&sort_dir=asc&limit=3", sorted(NAMES)[:3]),
        ("limit=0", []),
    ],
)
def test_order(member: Caller, run: str, query: str, wanted: list[str]) -> None:
    found = names(member, f"run={run}&{query}")
    if "disk_format" in query:
        assert sorted(found) == wanted
        with_format = [name for place, name in enumerate(NAMES) if place % 2]
        assert found[: len(with_format)] == sorted(with_format)
    else:
        assert found == wanted


def test_newest_first_by_default(member: Caller, run: str) -> None:
    images = member.get(f"/v2/images?run={run}").json()["images"]
    keys = [(image["created_at"], image["id"]) for image in images]
    # within one second the wire does not tell which is newer
    assert [created for created, _ in keys] == sorted((created for created, _ in keys), reverse=True)


def follow(caller: Caller, link: str) -> list[str]:
    """The ids of all pages from `link` on; every page must say how to get to the next and to the first."""
    found: list[str] = []
    pages = 0
    while link:
        document = json_of(caller.get(link))
        assert document["schema"] == "/v2/schemas/images"
        found += [image["id"] for image in document["images"]]
        link = document.get("next", "")
        pages += 1
        assert pages < 20, "the pages do not end"
    return found


@pytest.mark.parametrize(
    "query",
    [
        "sort_key=name&sort_dir=asc",
        "sort_key=name&sort_dir=desc",
        "sort=name:asc,created_at:desc",
        "sort=disk_format:asc",
        "sort=disk_format:desc",
        pytest.param("sort=size", marks=differs("Glance's pages never end after a marker without a size")),
        "sort_key=id",
        "sort_key=updated_at&sort_dir=asc",
        "",
        "tag=x",
        "status=queued",
        "name=in:alpha,bravo,echo",
        "created_at=gt:2020-01-01T00:00:00Z",
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_hold_each_image_once(member: Caller, run: str, query: str, limit: int) -> None:
    whole = member.get(f"/v2/images?run={run}&{query}&limit=100").json()
    assert "next" not in whole
    wanted = [image["id"] for image in whole["images"]]
    assert follow(member, f"/v2/images?run={run}&{query}&limit={limit}") == wanted


def asked(link: str) -> dict[str, list[str]]:
    assert link.startswith("/v2/images")
    return parse_qs(urlsplit(link).query, keep_blank_values=True, strict_parsing=bool(urlsplit(link).query))


def test_links_keep_what_was_asked(member: Caller, run: str) -> None:
    query = {"run": [run], "limit": ["2"], "sort": ["name:asc"], "tag": ["x"], "zz": []}
    page = member.get(f"/v2/images?run={run}&limit=2&sort=name:asc&tag=x").json()
    del query["zz"]
    assert asked(page["first"]) == query
    assert asked(page["next"]) == query | {"marker": [page["images"][-1]["id"]]}
    second = member.get(page["next"]).json()
    assert asked(second["first"]) == query
    assert asked(second["next"]) == query | {"marker": [second["images"][-1]["id"]]}


@pytest.mark.parametrize(
    ("query", "repeated"),
    [
        ("tag=x&tag=y", {"tag": ["x", "y"]}),
        ("sort_key=status&sort_key=name&sort_dir=asc&sort_dir=desc",
         {"sort_key": ["status", "name"], "sort_dir": ["asc", "desc"]}),
    ],
)  # fmt: skip
@differs("Glance keeps only the last of several")
def test_links_keep_every_one_of_several(member: Caller, run: str, query: str, repeated: dict[str, list[str]]) -> None:
    page = member.get(f"/v2/images?run={run}&limit=2&{query}").json()
    for link in (page["first"], page["next"]):
        assert asked(link).items() >= repeated.items()


@differs("Glance's next page holds images that do not carry all tags")
def test_pages_of_several_tags(member: Caller) -> None:
    run = unique()
    both = [member.create(run=run, tags=tags)["id"] for tags in (["a"], ["a", "b"], ["b"], ["a", "b"], ["b"])]
    found = follow(member, f"/v2/images?run={run}&tag=a&tag=b&limit=1")
    assert sorted(found) == sorted([both[1], both[3]])


@pytest.mark.parametrize("value", ["a b", "ü&=", "50%", "a+b"])
def test_links_are_encoded(member: Caller, value: str) -> None:
    run = unique()
    for _ in range(2):
        member.create(run=run, colour=value)
    page = member.get("/v2/images", params={"run": run, "colour": value, "limit": "1"}).json()
    assert asked(page["first"])["colour"] == [value]
    assert asked(page["next"])["colour"] == [value]
    assert len(follow(member, page["first"])) == 2


def test_links_without_a_query(member: Caller) -> None:
    page = member.get("/v2/images").json()
    assert page["first"] == "/v2/images"
    assert page["schema"] == "/v2/schemas/images"
    assert len(page["images"]) <= 25


def test_page_of_25_by_default(member: Caller) -> None:
    run = unique()
    for _ in range(26):
        member.create(run=run)
    page = member.get(f"/v2/images?run={run}").json()
    assert len(page["images"]) == 25
    assert len(member.get(page["next"]).json()["images"]) == 1
    assert len(member.get(f"/v2/images?run={run}&limit=5000").json()["images"]) == 26
    assert len(member.get(f"/v2/images?run={run}&limit=99999999999999999999").json()["images"]) == 26


def test_no_next_after_a_page_that_is_not_full(member: Caller, run: str) -> None:
    assert "next" not in member.get(f"/v2/images?run={run}&limit=8").json()
    assert "next" not in member.get(f"/v2/images?run={run}&limit=0").json()
    last = member.get(f"/v2/images?run={run}&limit=7").json()
    if "next" in last:  # a full last page may lead to an empty one
        assert member.get(last["next"]).json()["images"] == []


def test_marker_whose_sort_value_is_null(member: Caller) -> None:
    run = unique()
    made = [member.create(run=run, name=name)["id"] for name in (None, "b", None, "a", None)]
    for direction in ("asc", "desc"):
        found = follow(member, f"/v2/images?run={run}&sort=name:{direction}&limit=1")
        assert sorted(found) == sorted(made)


def test_hidden_images_page_apart(member: Caller) -> None:
    run = unique()
    hidden = [member.create(run=run, os_hidden=True)["id"] for _ in range(3)]
    shown = [member.create(run=run)["id"] for _ in range(3)]
    assert sorted(follow(member, f"/v2/images?run={run}&os_hidden=true&limit=1")) == sorted(hidden)
    assert sorted(follow(member, f"/v2/images?run={run}&limit=1")) == sorted(shown)


def test_image_changed_between_pages_is_still_a_marker(member: Caller) -> None:
    run = unique()
    made = [member.create(run=run)["id"] for _ in range(3)]
    first = member.get(f"/v2/images?run={run}&limit=1&sort_key=name").json()
    assert member.change(first["images"][0]["id"], op("replace", "/min_ram", 7)).status_code == 200
    rest = follow(member, first["next"])
    assert sorted([first["images"][0]["id"], *rest]) == sorted(made)
