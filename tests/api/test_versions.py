"""What a client asks first: which versions there are, and whether the service is well."""

from collections.abc import Callable

import httpx
import pytest

from tests.api.wire import Caller, Target, differs, json_of, raw_request

SEVERAL = ("2.15", "2.13", "2.12", "2.11", "2.10", "2.9", "2.8", "2.17", *(f"2.{n}" for n in range(7, -1, -1)))
ONE = ("2.15", "2.9", "2.17", *(f"2.{n}" for n in range(7, -1, -1)))


def document(base: str, minors: tuple[str, ...]) -> dict[str, object]:
    links = [{"rel": "self", "href": f"{base}/v2/"}]
    return {
        "versions": [
            {"id": f"v{minor}", "status": "CURRENT" if minor == "2.17" else "SUPPORTED", "links": links}
            for minor in minors
        ]
    }


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 300),
        ("POST", "/", 300),
        ("DELETE", "/", 300),
        ("GET", "/versions", 200),
        ("GET", "/versions/", 200),
        ("GET", "/versions/more/of/it", 200),
        ("POST", "/versions", 200),
        ("GET", "/v1", 300),
        ("GET", "/v1/images", 300),
        ("GET", "/v9", 300),
        ("GET", "/v2.19/images", 300),
        ("GET", "/v2.18/images", 300),
        ("GET", "/v2.14/images", 300),
        ("GET", "/v3/images", 300),
        ("GET", "/images", 300),
        ("GET", "/nothing/here", 300),
    ],
)
@pytest.mark.parametrize("who", ["nobody", "member"])
def test_document(request: pytest.FixtureRequest, who: str, method: str, path: str, status: int) -> None:
    caller: Caller = request.getfixturevalue(who)
    answer = caller.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"].partition(";")[0] == "application/json"
    assert answer.json() == document(caller.target.url, SEVERAL)


@pytest.mark.parametrize("minor", ["", *(f".{n}" for n in range(14)), ".15", ".17"])
def test_the_minor_in_the_address_changes_nothing(member: Caller, minor: str) -> None:
    answer = member.get(f"/v2{minor}/schemas/image")
    assert answer.status_code == 200
    assert answer.json() == member.get("/v2/schemas/image").json()


@pytest.mark.parametrize("version", ["v2", "v2.0", "v2.7"])
def test_version_by_accept_header(member: Caller, version: str) -> None:
    answer = member.get("/images", headers={"Accept": f"application/vnd.openstack.images-{version}"})
    assert answer.status_code == 200
    assert answer.json()["schema"] == "/v2/schemas/images"


def test_unknown_version_by_accept_header(member: Caller) -> None:
    answer = member.get("/images", headers={"Accept": "application/vnd.openstack.images-v9"})
    assert answer.status_code == 300


def test_v2_without_slash(member: Caller, nobody: Caller) -> None:
    answer = member.get("/v2")
    assert answer.status_code == 302
    assert answer.headers["location"] == f"{member.target.url}/v2/"
    assert member.get("/v2/").status_code == 404
    assert nobody.get("/v2").status_code == 401


def test_one_store_offers_fewer_minors(plain: Target) -> None:
    assert httpx.get(f"{plain.url}/versions", trust_env=False).json() == document(plain.url, ONE)
    assert httpx.get(f"{plain.url}/v2.8/images", trust_env=False).status_code == 300


def test_a_cache_and_several_stores_offer_all_minors(there: Callable[[str], Caller]) -> None:
    found = there("nobody").get("/versions").json()["versions"]
    assert [(version["id"], version["status"]) for version in found] == [
        (f"v2.{minor}", "CURRENT" if minor == 18 else "SUPPORTED") for minor in range(18, -1, -1)
    ]
    for minor in range(19):
        assert there("mia").get(f"/v2.{minor}/schemas/image").status_code == 200
    assert there("mia").get("/v2.19/schemas/image").status_code == 300


def test_links_name_the_address_that_the_operator_set(there: Callable[[str], Caller]) -> None:
    hrefs = {v["links"][0]["href"] for v in there("nobody").get("/").json()["versions"]}
    assert hrefs == {"https://images.example.org/store/v2/"}


@differs("Glance names the address that was asked")
def test_a_new_image_is_where_the_operator_says(there: Callable[[str], Caller]) -> None:
    answer = there("mia").post("/v2/images", json={})
    assert answer.headers["location"] == f"https://images.example.org/store/v2/images/{answer.json()['id']}"


@pytest.mark.parametrize(
    ("headers", "base"),
    [
        pytest.param({"Host": "images.example.org:8443"}, "http://images.example.org:8443", id="host"),
        pytest.param({"Host": "images.example.org"}, "http://images.example.org", id="host-without-port"),
    ],
)
def test_links_name_the_address_that_was_asked(nobody: Caller, headers: dict[str, str], base: str) -> None:
    answer = nobody.get("/versions", headers=headers)
    assert answer.json()["versions"][0]["links"][0]["href"] == f"{base}/v2/"


class TestHealth:
    def test_plain(self, nobody: Caller) -> None:
        answer = nobody.get("/healthcheck")
        assert (answer.status_code, answer.text) == (200, "OK")
        assert answer.headers["content-type"].startswith("text/plain")

    def test_json(self, nobody: Caller) -> None:
        answer = nobody.get("/healthcheck", headers={"Accept": "application/json"})
        assert answer.status_code == 200
        assert json_of(answer) == {"detailed": False, "reasons": ["OK"]}

    @pytest.mark.ours
    @pytest.mark.parametrize("asked", ["detailed", "detailed=true"])
    def test_in_detail(self, nobody: Caller, asked: str) -> None:
        answer = nobody.get(f"/healthcheck?{asked}")
        well = {"healthy": True, "reason": "OK"}
        assert answer.status_code == 200
        assert json_of(answer) == {
            "detailed": True,
            "reasons": ["OK"],
            "database": well,
            "stores": {"fast": well, "slow": well},
        }
        assert nobody.get("/healthcheck?detailed=false").text == "OK"

    @pytest.mark.ours  # Glance looks for the file where its paste pipeline says
    def test_taken_out_of_service_by_a_file(self, there: Callable[[str], Caller], arranged: Target) -> None:
        assert arranged.directory is not None
        file = arranged.directory / "healthcheck_disable"
        file.touch()
        try:
            answer = there("nobody").get("/healthcheck")
            assert (answer.status_code, answer.text) == (503, "DISABLED BY FILE")
            answer = there("nobody").get("/healthcheck", headers={"Accept": "application/json"})
            assert json_of(answer) == {"detailed": False, "reasons": ["DISABLED BY FILE"]}
            assert there("mia").get("/v2/images").status_code == 200
        finally:
            file.unlink()
        assert there("nobody").get("/healthcheck").status_code == 200

    def test_head_has_no_body(self, nobody: Caller) -> None:
        answer = nobody.head("/healthcheck")
        assert answer.status_code in {200, 204}


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/v2/images/%ff%fe", id="not-utf8"),
        pytest.param("/v2/images/\xff", id="raw-byte"),
        pytest.param("/v2/images/%ff/tags/x", id="not-utf8-in-the-middle"),
    ],
)
@differs("Glance drops the connection")
def test_path_that_is_not_utf8(member: Caller, path: str) -> None:
    status, _, _ = raw_request(member, "GET", path)
    assert status == 400


@differs("Glance answers 500")
def test_overlong_request_id(member: Caller) -> None:
    answer = member.get("/v2/images", headers={"X-Openstack-Request-Id": "a" * 65})
    assert answer.status_code in {400, 431}


@pytest.mark.parametrize(
    ("sent", "answered"), [("abc", "req-abc"), ("req-abc", "req-abc"), ("a" * 64, "req-" + "a" * 64)]
)
def test_request_id_is_kept(member: Caller, sent: str, answered: str) -> None:
    answer = member.get("/v2/schemas/image", headers={"X-Openstack-Request-Id": sent})
    assert answer.status_code == 200
    assert answer.headers["x-openstack-request-id"] == answered
