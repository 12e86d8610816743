"""PUT and DELETE /v2/images/{id}/tags/{tag}."""

from urllib.parse import quote

import pytest

from tests.api.wire import Caller, differs, refused

UNKNOWN = "00000000-0000-4000-8000-000000000000"


beyond_ascii = differs("Glance under uWSGI reads the path as Latin-1")


@pytest.mark.parametrize(
    "tag",
    ["x", "X", "with space", "a.b:c,d;e", "100%", "?&=#", "t" * 255, "<b>", "a\\b",
     *(pytest.param(tag, marks=beyond_ascii) for tag in ("ü", "漢字", "ü" * 255, "é\u0301"))],
)  # fmt: skip
def test_arc(member: Caller, tag: str) -> None:
    image = member.create(tags=["first"])
    path = f"/v2/images/{image['id']}/tags/{quote(tag, safe='')}"
    answer = member.put(path)
    assert (answer.status_code, answer.content) == (204, b"")
    changed = member.image(image["id"])
    assert sorted(changed["tags"]) == sorted(["first", tag])
    assert changed == image | {"tags": changed["tags"], "updated_at": changed["updated_at"]}
    assert member.put(path).status_code == 204
    assert sorted(member.image(image["id"])["tags"]) == sorted(["first", tag])
    answer = member.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert member.image(image["id"])["tags"] == ["first"]
    refused(member.delete(path), 404)


@pytest.mark.parametrize(
    ("tag", "status"),
    [
        ("t" * 256, 400),
        pytest.param(quote("\N{SLICE OF PIZZA}"), 400, marks=differs("Glance takes it where the database does")),
    ],
    ids=["long", "wide"],
)
def test_refused(member: Caller, tag: str, status: int) -> None:
    image = member.create()
    refused(member.put(f"/v2/images/{image['id']}/tags/{tag}"), status)
    assert member.image(image["id"]) == image


def test_tags_are_counted(member: Caller) -> None:
    image = member.create(tags=[str(n) for n in range(127)])
    assert member.put(f"/v2/images/{image['id']}/tags/127").status_code == 204
    refused(member.put(f"/v2/images/{image['id']}/tags/128"), 413)
    assert len(member.image(image["id"])["tags"]) == 128
    assert member.delete(f"/v2/images/{image['id']}/tags/5").status_code == 204
    assert member.put(f"/v2/images/{image['id']}/tags/128").status_code == 204


def test_present_tag_is_no_more_than_the_limit(member: Caller) -> None:
    image = member.create(tags=[str(n) for n in range(128)])
    assert member.put(f"/v2/images/{image['id']}/tags/5").status_code == 204


def test_case_matters(member: Caller) -> None:
    image = member.create(tags=["x"])
    assert member.put(f"/v2/images/{image['id']}/tags/X").status_code == 204
    assert sorted(member.image(image["id"])["tags"]) == ["X", "x"]
    assert member.delete(f"/v2/images/{image['id']}/tags/x").status_code == 204
    assert member.image(image["id"])["tags"] == ["X"]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_unknown_image(member: Caller, method: str) -> None:
    refused(member.request(method, f"/v2/images/{UNKNOWN}/tags/x"), 404)
    refused(member.request(method, "/v2/images/no-uuid/tags/x"), 404)


def test_removed_tag_may_come_back(member: Caller) -> None:
    image = member.create(tags=["x"])
    for _ in range(3):
        assert member.delete(f"/v2/images/{image['id']}/tags/x").status_code == 204
        assert member.put(f"/v2/images/{image['id']}/tags/x").status_code == 204
    assert member.image(image["id"])["tags"] == ["x"]
