"""Lists with anything as the query: 200 or 400, and a page that was answered has links that are answered."""

from urllib.parse import quote_from_bytes

from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.inputs import EXAMPLES, FIELDS, numbers, text
from tests.fuzz.service import Fuzzed

PARAMETERS = (
    "limit", "marker", "sort", "sort_key", "sort_dir", "visibility", "member_status", "tag", "deleted", "is_public",
    "changes-since", "size_min", "size_max", "foo_min", "min_ram_max", "created_at_min", "q", *FIELDS,
)  # fmt: skip
SORTS = ("name", "name:asc", "name:asc,size:desc", "id:up", ",", ":", "name,name", "created_at", "-name", "properties")

names = st.one_of(st.sampled_from(PARAMETERS), text)
anything = st.one_of(
    text,
    numbers.map(str),
    st.sampled_from(["asc", "desc", "true", "all", "public", "00000000-0000-4000-8000-000000000000"]),
    st.sampled_from(SORTS),
    st.sampled_from(["gt", "gte", "lt", "lte", "eq", "neq", "in", "", "x"]).flatmap(
        lambda operator: text.map(lambda value: f"{operator}:{value}")
    ),
)


def encoded(value: str) -> str:
    """Percent-encoded; a lone surrogate becomes bytes that are not UTF-8."""
    return quote_from_bytes(value.encode("utf-8", "surrogatepass"))[:8000]


queries = st.lists(st.tuples(names, anything), max_size=5).map(
    lambda pairs: "&".join(f"{encoded(name)}={encoded(value)}" for name, value in pairs)
)
garbage = st.text(st.sampled_from("%&=+;,:?/aF0\"\\'[]{}é".replace("é", "")), max_size=40)


def ask(fuzz: Fuzzed, query: str) -> None:
    answer = fuzz.mia.get(f"/v2/images?{query}")
    assert answer.status_code in {200, 400}, (query, answer.text)
    if answer.status_code == 200:
        page = answer.json()
        assert fuzz.kept["record"]["id"] not in {image["id"] for image in page["images"]}  # private, of others
        for link in ("first", "next"):
            if link in page:
                assert fuzz.mia.get(page[link]).status_code == 200, (query, page[link])
    fuzz.require_alive()


@EXAMPLES
@given(queries)
def test_parameters(fuzz: Fuzzed, query: str) -> None:
    ask(fuzz, query)


@EXAMPLES
@given(st.sampled_from(PARAMETERS), anything)
def test_one_parameter(fuzz: Fuzzed, name: str, value: str) -> None:
    ask(fuzz, f"limit=2&{name}={encoded(value)}")


@EXAMPLES
@given(garbage)
def test_what_is_no_query(fuzz: Fuzzed, query: str) -> None:
    ask(fuzz, query)


@EXAMPLES
@given(
    st.lists(st.sampled_from(SORTS), max_size=4),
    st.lists(st.sampled_from(["asc", "desc", "up", ""]), max_size=4),
    anything,
)
def test_order(fuzz: Fuzzed, keys: list[str], directions: list[str], marker: str) -> None:
    pairs = [("sort_key", key) for key in keys] + [("sort_dir", each) for each in directions]
    ask(fuzz, "&".join(f"{name}={encoded(value)}" for name, value in [*pairs, ("marker", marker)][: len(marker) % 6]))


def test_very_many_parameters(fuzz: Fuzzed) -> None:
    """Also more than a database takes in one statement."""
    for one in ("tag=t{}", "p{}=v", "sort_key=name&sort_dir=asc&x={}", "name=in:{}"):
        for count in (50, 51, 1000):
            ask(fuzz, "&".join(one.format(number) for number in range(count)))
    for count in (1000, 1001, 7000):
        ask(fuzz, "name=in:" + ",".join(str(number) for number in range(count)))
