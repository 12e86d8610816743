"""Identity headers over HTTP: believed from the addresses named, worth nothing from others or in other modes."""

from collections.abc import Iterator

import httpx
import pytest

from tests.api.wire import Caller, json_of, refused
from tests.starters.intaglio import intaglio

pytestmark = pytest.mark.ours

MIA = {"X-Identity-Status": "Confirmed", "X-User-Id": "mia", "X-Project-Id": "alpha", "X-Roles": "member,reader"}
ROOT = {"X-Identity-Status": "Confirmed", "X-User-Id": "root", "X-Project-Id": "ops", "X-Roles": "admin"}


@pytest.fixture(scope="module")
def believing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The test is the proxy."""
    conf = "[intaglio]\ntrusted_proxies = 127.0.0.1, ::1\n"
    directory = tmp_path_factory.mktemp("believing")
    with (
        intaglio(directory, conf=conf, auth="trusted_proxy", workers=1) as service,
        httpx.Client(base_url=service.url, timeout=60, trust_env=False) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def doubting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The proxy is elsewhere, and the test pretends."""
    conf = "[intaglio]\ntrusted_proxies = 192.0.2.0/24\n[oslo_middleware]\nenable_proxy_headers_parsing = true\n"
    directory = tmp_path_factory.mktemp("doubting")
    with (
        intaglio(directory, conf=conf, auth="trusted_proxy", workers=1) as service,
        httpx.Client(base_url=service.url, timeout=60, trust_env=False) as client,
    ):
        yield client


def test_who_the_proxy_names(believing: httpx.Client) -> None:
    made = believing.post("/v2/images", json={}, headers=MIA)
    assert made.status_code == 201
    assert json_of(made)["owner"] == "alpha"
    refused(believing.post("/v2/images", json={"visibility": "public"}, headers=MIA), 403)
    assert believing.post("/v2/images", json={"visibility": "public"}, headers=ROOT).status_code == 201


@pytest.mark.parametrize("headers", [{}, {"X-Roles": "admin"}, MIA | {"X-Identity-Status": "Invalid"}])
def test_nobody_is_named(believing: httpx.Client, headers: dict[str, str]) -> None:
    answer = believing.get("/v2/images", headers=headers)
    refused(answer, 401)
    assert answer.headers["WWW-Authenticate"]


def test_a_header_twice(believing: httpx.Client) -> None:
    refused(believing.get("/v2/images", headers=[*MIA.items(), ("X-Roles", "admin")]), 401)


@pytest.mark.parametrize(
    "more", [{}, {"X-Forwarded-For": "192.0.2.1"}, {"Forwarded": "for=192.0.2.1"}], ids=["plain", "x-forwarded", "rfc"]
)
def test_from_another_address(doubting: httpx.Client, more: dict[str, str]) -> None:
    refused(doubting.get("/v2/images", headers=ROOT | more), 401)


def test_in_another_mode_they_are_nothing(nobody: Caller, reader: Caller) -> None:
    """Local users: the headers neither let anybody in nor give anybody a role."""
    refused(nobody.get("/v2/images", headers=ROOT), 401)
    refused(reader.post("/v2/images", json={}, headers=ROOT), 403)
