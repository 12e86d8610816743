"""Walks the routes table: every route is really served, refuses strangers, names its methods, and is described."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from intaglio.api.errors import STATUS_OF_KIND
from intaglio.api.route import Route
from intaglio.api.routes import ROUTES
from intaglio.api.settings import RateClass
from intaglio.authz.engine import RULES
from tests.starters.intaglio import Intaglio, User, intaglio

ABSENT = "11111111-2222-4333-8444-555555555555"
ANN = User("ann", "alpha", ("admin",))


def ids(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intaglio]:
    directory: Path = tmp_path_factory.mktemp("routes")
    with intaglio(directory, users=[ANN], workers=1) as running:
        yield running


def url(service: Intaglio, route: Route) -> str:
    variables = {"image_id": ABSENT, "tag": "a-tag", "member_id": "beta", "store_id": "file"}
    return service.url + re.sub(r"{(\w+)}", lambda found: variables.get(found[1], "absent"), route.path)


@pytest.mark.parametrize("route", ROUTES, ids=ids)
def test_a_stranger_is_refused(service: Intaglio, route: Route) -> None:
    headers = {"Via": "1.1 proxy"} if route.watched else {}  # straight from here even strangers may
    for auth in (None, ("ann", "wrong"), ("nobody", "an honest test password")):
        answer = httpx.request(route.method, url(service, route), auth=auth, headers=headers)
        if route.public:
            assert answer.status_code in route.success
        else:
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"].startswith("Basic")
            assert ABSENT not in answer.text


@pytest.mark.parametrize("route", ROUTES, ids=ids)
def test_it_is_served_and_answers_as_described(service: Intaglio, route: Route) -> None:
    """With nothing of what it needs: whatever comes back stands in the table."""
    answer = httpx.request(route.method, url(service, route), auth=("ann", ANN.password))
    assert answer.status_code in {**route.success, **route.errors}
    assert answer.headers["X-Openstack-Request-Id"].startswith("req-")


@pytest.mark.parametrize("path", sorted({route.path for route in ROUTES}))
def test_other_methods_are_answered_with_those_allowed(service: Intaglio, path: str) -> None:
    routes = [route for route in ROUTES if route.path == path]
    methods = {route.method for route in routes}
    for method in {"GET", "PUT", "POST", "PATCH", "DELETE", "HEAD"} - methods:
        answer = httpx.request(method, url(service, routes[0]), auth=("ann", ANN.password))
        assert answer.status_code == 405
        assert set(re.split(r",\s*", answer.headers["Allow"])) == methods


def test_rules_are_known_and_every_call_on_images_names_one() -> None:
    names = {rule.name for rule in RULES}
    for route in ROUTES:
        assert set(route.rules) <= names, ids(route)
        assert route.rules or route.public or route.path.startswith(("/v2/schemas/", "/v2/info/")), ids(route)


def test_the_openapi_document_describes_every_route(service: Intaglio) -> None:
    document = httpx.get(f"{service.url}/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert described == {(route.method, route.path) for route in ROUTES}
    identifiers = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(identifiers) == len(set(identifiers))
    for route in ROUTES:
        operation = document["paths"][route.path][route.method.lower()]
        assert {int(status) for status in operation["responses"]} == {
            *route.success,
            *route.errors,
            *(() if route.rate is RateClass.FREE else (429,)),
        }
        variables = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
        assert variables == set(re.findall(r"{(\w+)}", route.path))


def test_statuses_of_the_table_are_those_errors_have() -> None:
    possible = {status.value for status in STATUS_OF_KIND.values()}
    for route in ROUTES:
        assert set(route.errors) <= possible, ids(route)
