"""Paths that exist for other methods, paths that do not exist, callers who are not known."""

import pytest

from tests.api.wire import Caller, differs, refused

ID = "0b0c0d0e-1111-4222-8333-444455556666"

ALLOWED = {
    "/v2/images": {"GET", "POST"},
    f"/v2/images/{ID}": {"GET", "PATCH", "DELETE"},
    f"/v2/images/{ID}/file": {"GET", "PUT"},
    f"/v2/images/{ID}/stage": {"PUT"},
    f"/v2/images/{ID}/import": {"POST"},
    f"/v2/images/{ID}/tasks": {"GET"},
    "/v2/tasks": {"GET", "POST"},
    f"/v2/images/{ID}/actions/deactivate": {"POST"},
    f"/v2/images/{ID}/actions/reactivate": {"POST"},
    f"/v2/images/{ID}/tags/{{tag}}": {"PUT", "DELETE"},
    f"/v2/images/{ID}/members": {"GET", "POST"},
    f"/v2/images/{ID}/members/beta": {"GET", "PUT", "DELETE"},
    f"/v2/stores/fast/{ID}": {"DELETE"},
    "/v2/schemas/image": {"GET"},
    "/v2/schemas/images": {"GET"},
    "/v2/schemas/member": {"GET"},
    "/v2/schemas/tasks": {"GET"},
    "/v2/info/import": {"GET"},
    "/v2/info/stores": {"GET"},
    "/v2/info/stores/detail": {"GET"},
}
OURS = {  # additions: Glance has no HEAD anywhere, and no way to call an import off
    f"/v2/images/{ID}/file": {"HEAD"},
    f"/v2/images/{ID}/import": {"DELETE"},
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param(method, path, id=f"{method} {path.replace(ID, 'ID')}")
        for path, allowed in ALLOWED.items()
        for method in METHODS
        if method not in allowed | OURS.get(path, set())
    ],
)
def test_method_not_allowed(member: Caller, method: str, path: str) -> None:
    answer = member.request(method, path)
    assert answer.status_code == 405
    said = {word.strip() for word in answer.headers["allow"].split(",")}
    assert said - OURS.get(path, set()) == ALLOWED[path]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/schemas/image"),
        ("GET", "/v2/info/import"),
        ("GET", "/v2/info/stores"),
        ("GET", "/v2/images/{id}/members"),
        ("DELETE", "/v2/images/{id}/members/x"),
        ("DELETE", "/v2/stores/fast/{id}"),
        ("GET", "/v2/images/{id}"),
        ("DELETE", "/v2/images/{id}"),
        ("PUT", "/v2/images/{id}/tags/x"),
        ("DELETE", "/v2/images/{id}/tags/x"),
        ("POST", "/v2/images/{id}/actions/deactivate"),
        ("POST", "/v2/images/{id}/actions/reactivate"),
    ],
)
@pytest.mark.parametrize("body", [b"{}", b"x"])
def test_body_that_is_not_expected(member: Caller, method: str, path: str, body: bytes) -> None:
    image = member.active(tags=["x"])
    refused(member.request(method, path.format(id=image["id"]), content=body), 400)
    assert member.image(image["id"]) == image


@pytest.mark.parametrize(
    "path",
    [
        "/v2/",
        "/v2/nothing",
        "/v2/images/",
        f"/v2/images/{ID}/",
        f"/v2/images/{ID}/nothing",
        f"/v2/images/{ID}/file/x",
        f"/v2/images/{ID}/actions",
        f"/v2/images/{ID}/actions/explode",
        f"/v2/images/{ID}/tags",
        f"/v2/images/{ID}/tags/",
        f"/v2/images/{ID}/tags/a/b",
        "/v2/schemas",
        "/v2/schemas/nothing",
        "/v2/Images",
        f"/v2/images/{ID}/members/",
        f"/v2/images/{ID}/members/a/b",
        "/v2/info",
        "/v2/stores",
        "/v2/stores/fast",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_unknown_path(member: Caller, method: str, path: str) -> None:
    refused(member.request(method, path), 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/images"),
        ("POST", "/v2/images"),
        ("GET", f"/v2/images/{ID}"),
        ("PATCH", f"/v2/images/{ID}"),
        ("DELETE", f"/v2/images/{ID}"),
        ("GET", f"/v2/images/{ID}/file"),
        ("PUT", f"/v2/images/{ID}/file"),
        ("PUT", f"/v2/images/{ID}/tags/x"),
        ("DELETE", f"/v2/images/{ID}/tags/x"),
        ("POST", f"/v2/images/{ID}/actions/deactivate"),
        ("GET", "/v2/schemas/image"),
        ("GET", f"/v2/images/{ID}/members"),
        ("PUT", f"/v2/images/{ID}/members/x"),
        ("GET", "/v2/info/import"),
        ("GET", "/v2/info/stores"),
        ("GET", "/v2/info/usage"),
        ("DELETE", f"/v2/stores/fast/{ID}"),
        ("GET", "/v2/nothing"),
    ],
)
def test_nobody_is_asked_who_they_are(nobody: Caller, method: str, path: str) -> None:
    refused(nobody.request(method, path), 401)


@pytest.mark.ours
class TestBasic:
    """Names and passwords of local users."""

    def test_challenge(self, nobody: Caller) -> None:
        assert nobody.get("/v2/images").headers["www-authenticate"].startswith("Basic ")

    @pytest.mark.parametrize(
        ("name", "password"), [("mia", "mistaken"), ("nobody-of-that-name", "x"), ("mia", ""), ("", ""), ("MIA", "x")]
    )
    def test_wrong(self, nobody: Caller, name: str, password: str) -> None:
        answer = nobody.get("/v2/images", auth=(name, password))
        refused(answer, 401)
        assert password == "" or password not in answer.text

    @pytest.mark.parametrize("value", ["Basic", "Basic !", "Basic " + "A" * 9000, "Bearer x", "Basic bWlh", ""])
    def test_malformed(self, nobody: Caller, value: str) -> None:
        assert nobody.get("/v2/images", headers={"Authorization": value}).status_code == 401


@differs("Glance answers 500")
def test_usage_takes_no_body(member: Caller) -> None:
    refused(member.request("GET", "/v2/info/usage", content=b"{}"), 400)


@differs("Glance knows no other method there")
def test_usage_names_its_method(member: Caller) -> None:
    answer = member.post("/v2/info/usage")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


@differs("Glance has none")
def test_openapi_is_served(member: Caller) -> None:
    found = [path for path in ("/openapi.json", "/v2/openapi.json") if member.get(path).status_code == 200]
    assert found
    document = member.get(found[0]).json()
    assert document["openapi"].startswith("3.1")
    assert {"get", "post"} <= document["paths"]["/v2/images"].keys()
