"""Absolute links behind a proxy: what clients asked for, where the operator says that the headers may be believed."""

from collections.abc import Iterator

import httpx
import pytest

from tests.api.wire import Caller
from tests.starters.intaglio import intaglio

pytestmark = pytest.mark.ours

EXTERNAL = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "images.example.org"}


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    conf = "[oslo_middleware]\nenable_proxy_headers_parsing = true\n"
    with (
        intaglio(tmp_path_factory.mktemp("behind"), conf=conf, auth="none", workers=1) as service,
        httpx.Client(base_url=service.url, timeout=60, trust_env=False) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    conf = "[DEFAULT]\npublic_endpoint = https://cloud.example.org/image/\n"
    with (
        intaglio(tmp_path_factory.mktemp("public"), conf=conf, auth="none", workers=1) as service,
        httpx.Client(base_url=service.url, timeout=60, trust_env=False) as client,
    ):
        yield client


def base(client: httpx.Client, headers: dict[str, str]) -> str:
    """What the version document's links begin with."""
    links = {version["links"][0]["href"] for version in client.get("/", headers=headers).json()["versions"]}
    assert len(links) == 1
    return str(links.pop()).removesuffix("/v2/")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (EXTERNAL, "https://images.example.org"),
        (EXTERNAL | {"X-Forwarded-Prefix": "/image"}, "https://images.example.org/image"),
        (EXTERNAL | {"X-Forwarded-Prefix": "/a/image/"}, "https://images.example.org/a/image"),
        ({"X-Forwarded-Proto": "https", "Host": "[fd00::1]:9292"}, "https://[fd00::1]:9292"),
        ({"X-Forwarded-Proto": "https, http", "Host": "a.example.org"}, "https://a.example.org"),
        ({"Forwarded": "for=1.2.3.4;proto=https;host=b.example.org:8443"}, "https://b.example.org:8443"),
        ({"Forwarded": 'Proto=https; Host="c.example.org", for=10.0.0.1;proto=http'}, "https://c.example.org"),
        (EXTERNAL | {"Forwarded": "proto=http;host=d.example.org"}, "http://d.example.org"),
        ({"X-Forwarded-Proto": "gopher", "Host": "e.example.org"}, "http://e.example.org"),
        ({"X-Forwarded-Host": "f.example.org/../x", "Host": "e.example.org"}, "http://e.example.org"),
        ({"X-Forwarded-Prefix": "//evil.example.org", "Host": "e.example.org"}, "http://e.example.org"),
        ({"X-Forwarded-For": "1.2.3.4", "Host": "e.example.org"}, "http://e.example.org"),
    ],
)
def test_links_are_as_the_client_sees_them(behind: httpx.Client, headers: dict[str, str], expected: str) -> None:
    assert base(behind, headers) == expected


def test_where_an_image_was_made(behind: httpx.Client) -> None:
    answer = behind.post("/v2/images", json={}, headers=EXTERNAL | {"X-Forwarded-Prefix": "/image"})
    assert answer.status_code == 201
    image = answer.json()
    assert answer.headers["Location"] == f"https://images.example.org/image/v2/images/{image['id']}"
    assert image["self"] == f"/v2/images/{image['id']}"  # links in bodies are relative to the version


@pytest.mark.parametrize("prefix", ["/image", "/v2"])
def test_every_path_works_below_a_prefix(behind: httpx.Client, prefix: str) -> None:
    """The proxy takes the prefix off; one that looks like a path of ours changes nothing."""
    headers = EXTERNAL | {"X-Forwarded-Prefix": prefix}
    assert behind.get("/v2/images", headers=headers).status_code == 200
    assert behind.get("/v2/schemas/image", headers=headers).status_code == 200
    assert behind.get("/healthcheck", headers=headers).status_code == 200
    moved = behind.get("/v2", headers=headers)
    assert (moved.status_code, moved.headers["Location"]) == (302, f"https://images.example.org{prefix}/v2/")


def test_public_endpoint(public: httpx.Client) -> None:
    assert base(public, EXTERNAL) == "https://cloud.example.org/image"
    answer = public.post("/v2/images", json={}, headers=EXTERNAL)
    assert answer.headers["Location"].startswith("https://cloud.example.org/image/v2/images/")


def test_believed_only_where_it_was_said(nobody: Caller) -> None:
    assert base(nobody, EXTERNAL | {"Host": "e.example.org"}) == "http://e.example.org"
