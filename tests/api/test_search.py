"""GET /v2/images?q=…: images found by words, best first, as far as the caller may see them."""

from urllib.parse import parse_qs, quote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.wire import FORMATS, Caller, json_of, op, refused, unique

pytestmark = pytest.mark.ours


@pytest.fixture(scope="module")
def run(member: Caller) -> str:
    """Images of alpha that all carry one property value; searches are kept among them by a filter."""
    run = unique("search")
    member.create(run=run, name="other", os_distro="Debian", description="for tests")
    member.create(run=run, name="described", description="a plain Debian")
    member.create(run=run, name="tagged", tags=["debian", "lts"])
    member.create(run=run, name="Debian 12 server", os_version="12", **FORMATS)
    member.create(run=run, name="Ubuntu 22.04 (Jammy)", os_distro="ubuntu", architecture="x86_64")
    member.create(run=run, name="Größe 漢字", tags=["naïve"])
    member.create(run=run, name="hidden debian", os_hidden=True)
    return run


def names(caller: Caller, run: str, text: str, more: str = "") -> list[str]:
    answer = caller.get(f"/v2/images?run={run}&q={quote(text, safe='')}{more}")
    assert answer.status_code == 200, answer.text
    return [image["name"] for image in answer.json()["images"]]


DEBIANS = ["Debian 12 server", "tagged", "described", "other"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("debian", DEBIANS),
        ("DEBIAN", DEBIANS),
        ("deb", DEBIANS),
        ("debi*", DEBIANS),
        ('"debian"', DEBIANS),
        ('"deb"', []),
        ("debian 12", ["Debian 12 server"]),
        ("12 debian", ["Debian 12 server"]),
        ('"debian 12"', ["Debian 12 server"]),
        ('"12 debian"', []),
        ('"debian 12', ["Debian 12 server"]),
        ("22.04", ["Ubuntu 22.04 (Jammy)"]),
        ("jammy x86_64", ["Ubuntu 22.04 (Jammy)"]),
        ("x86-64", ["Ubuntu 22.04 (Jammy)"]),
        ("lts debian", ["tagged"]),
        ("grosse", ["Größe 漢字"]),
        ("GRÖSSE", ["Größe 漢字"]),
        ("字", ["Größe 漢字"]),
        ("naive", ["Größe 漢字"]),
        ("none", []),
        ("NOT debian", []),
        ("debian OR ubuntu", []),
        ("name:debian", []),
        ("debian' --", DEBIANS),
        ("debian)", DEBIANS),
        ("-debian", DEBIANS),
        ("+debian ~ < > @", DEBIANS),
        ("debian\x00", DEBIANS),
        ("debian\u2028\n\t12", ["Debian 12 server"]),
    ],
)
def test_found(member: Caller, run: str, text: str, wanted: list[str]) -> None:
    assert names(member, run, text) == wanted


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ("&os_distro=Debian", ["other"]),
        ("&tag=lts", ["tagged"]),
        ("&disk_format=raw", ["Debian 12 server"]),
        ("&status=active", []),
        ("&os_hidden=true", ["hidden debian"]),
        ("&visibility=public", []),
        ("&sort=name:asc", sorted(DEBIANS)),
        ("&sort_key=name&sort_dir=desc", sorted(DEBIANS, reverse=True)),
        ("&limit=2", DEBIANS[:2]),
        ("&limit=0", []),
        ("&q=ubuntu", ["Ubuntu 22.04 (Jammy)"]),
    ],
)
def test_with_filters_and_orders(member: Caller, run: str, more: str, wanted: list[str]) -> None:
    assert names(member, run, "debian", more) == wanted


@pytest.mark.parametrize("order", ["", "&sort=name:asc", "&sort=size:desc"])
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages(member: Caller, run: str, order: str, limit: int) -> None:
    """The links lead through all that is found, in one order, and keep what was asked."""
    whole = names(member, run, "debian", order)
    link = f"/v2/images?run={run}&q=debian{order}&limit={limit}"
    found: list[str] = []
    while link:
        page = json_of(member.get(link))
        found += [image["name"] for image in page["images"]]
        link = page.get("next", "")
        if link:
            assert parse_qs(urlsplit(link).query)["q"] == ["debian"]
        assert len(found) < 10
    assert found == whole


@pytest.mark.parametrize("text", ["", " ", "!?", '""', "*", "'", "\x00", "☃", "\u0301"])
def test_nothing_to_look_for(member: Caller, text: str) -> None:
    answer = member.get(f"/v2/images?q={quote(text, safe='')}")
    refused(answer, 400)
    assert answer.headers["x-intaglio-error"] == "invalid-search"
    assert "at least one letter or digit" in answer.text


@pytest.mark.parametrize("text", ["x" * 501, " ".join(f"w{n}" for n in range(17)), "a." * 17])
def test_too_much(member: Caller, text: str) -> None:
    answer = member.get("/v2/images", params={"q": text})
    refused(answer, 400)
    assert answer.headers["x-intaglio-error"] == "invalid-search"


def test_not_utf8(member: Caller) -> None:
    refused(member.get("/v2/images?q=%ff"), 400)


def test_a_search_shows_what_a_list_shows(member: Caller, stranger: Caller, admin: Caller) -> None:
    word = unique().replace("-", "")
    ids = {each: member.create(name=f"{word} {each}", visibility=each)["id"] for each in ("private", "community")}
    ids["public"] = member.create(name=f"{word} public")["id"]
    assert admin.change(ids["public"], op("replace", "/visibility", "public")).status_code == 200
    assert set(member.ids(q=word)) == set(ids.values())
    assert stranger.ids(q=word) == [ids["public"]]
    assert set(stranger.ids(q=word, visibility="all")) == {ids["public"], ids["community"]}
    assert set(admin.ids(q=word)) == {ids["public"], ids["private"]}


def test_what_is_changed_is_found_as_it_is(member: Caller) -> None:
    first, second = unique("one").replace("-", ""), unique("two").replace("-", "")
    image_id = member.create(name=first, tags=["old"])["id"]
    assert member.ids(q=first) == [image_id]
    assert member.change(image_id, op("replace", "/name", second), op("add", "/p", "third")).status_code == 200
    assert member.ids(q=first) == []
    assert member.ids(q=f"{second} third") == [image_id]
    assert member.put(f"/v2/images/{image_id}/tags/new").status_code == 204
    assert member.ids(q=f"{second} new") == [image_id]
    assert member.delete(f"/v2/images/{image_id}/tags/new").status_code == 204
    assert member.ids(q=f"{second} new") == []
    assert member.delete(f"/v2/images/{image_id}").status_code == 204
    assert member.ids(q=second) == []


def test_marker_that_is_not_found_any_more(member: Caller) -> None:
    word = unique().replace("-", "")
    made = [member.create(name=f"{word} {n}")["id"] for n in range(3)]
    assert member.ids(q=word) == made[::-1]
    assert member.change(made[2], op("replace", "/name", "another")).status_code == 200
    assert member.get("/v2/images", params={"q": word, "marker": made[2]}).status_code == 200


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=40))
def test_any_text_is_answered(member: Caller, text: str) -> None:
    try:
        encoded = quote(text, safe="")
    except UnicodeEncodeError:
        return
    answer = member.get(f"/v2/images?q={encoded}&limit=1")
    assert answer.status_code in {200, 400}, answer.text
    if answer.status_code == 400:
        assert answer.headers["x-intaglio-error"] == "invalid-search"


@settings(max_examples=15, deadline=None)
@given(name=st.text(st.characters(categories=["L", "N", "P", "Z"], max_codepoint=0xFFFF), min_size=1, max_size=60))
def test_any_name_is_found_by_itself(member: Caller, name: str) -> None:
    image_id = member.create(name=name)["id"]
    found = member.get("/v2/images", params={"q": name, "limit": "1000"})
    if found.status_code == 200:
        assert image_id in [image["id"] for image in found.json()["images"]]
    else:
        assert "at least one letter" in found.text or "words, not" in found.text
    assert member.delete(f"/v2/images/{image_id}").status_code == 204
