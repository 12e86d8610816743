"""Walks the routes table: every route by every kind of caller, and by which rules each request was decided."""

import dataclasses
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from intaglio.api.route import Route
from intaglio.api.routes import ROUTES
from tests.api.conftest import several_stores
from tests.api.policy_walk import WALK
from tests.api.policy_walk.base import CALLERS, Ask
from tests.api.policy_walk.metadefs import CONTENTS
from tests.api.wire import PEOPLE, Caller, Target
from tests.starters.intaglio import Intaglio, User, intaglio

pytestmark = pytest.mark.ours

GIL = User("gil", "gamma", ("member", "reader"))
NAMES = dict(zip(CALLERS, (None, "rea", "mia", "stan", "gil", "root"), strict=True))
DECISION = re.compile(
    r" debug intaglio\.authz\.engine\[\d+\] (req-\S+): rule (\S+): (?:passed|refused|depends)$", re.MULTILINE
)


def name(route: Route) -> str:
    return f"{route.method} {route.path}"


@dataclasses.dataclass
class Walk:
    """A service that logs every decision, and everybody who calls it."""

    service: Intaglio
    callers: dict[str, Caller]
    number: Iterator[int] = dataclasses.field(default_factory=itertools.count)
    kept: dict[str, str] = dataclasses.field(default_factory=dict)

    def image(self, ask: Ask, *, fresh: bool) -> str:
        """An image of alpha for this request: of its own when the request may change it."""
        key = "" if fresh or ask.image or not ask.data else "an active one"
        if key not in self.kept or not key:
            owner = self.callers["member"]
            fields = {"disk_format": "raw", "container_format": "bare", "visibility": "shared", **ask.image}
            found = owner.create(**fields)["id"]
            if ask.data:
                assert owner.upload(found, b"some bytes").status_code == 204
            self.share(found)
            self.kept[key] = found
        return self.kept[key]

    def share(self, image_id: str) -> None:
        owner, sharer = self.callers["member"], self.callers["sharer"]
        path = f"/v2/images/{image_id}/members"
        assert owner.post(path, json={"member": "gamma"}).status_code == 200
        assert sharer.put(f"{path}/gamma", json={"status": "accepted"}).status_code == 200

    def namespace(self, *, fresh: bool) -> str:
        """A namespace of alpha's, with one of each kind of thing in it."""
        if fresh or "a namespace" not in self.kept:
            name = f"walk-{next(self.number)}"
            body = {"namespace": name, "owner": "alpha", "visibility": "private", **CONTENTS}
            answer = self.callers["admin"].post("/v2/metadefs/namespaces", json=body)
            assert answer.status_code == 201, answer.text
            if fresh:
                return name
            self.kept["a namespace"] = name
        return self.kept["a namespace"]

    def send(self, route: Route, ask: Ask, who: str) -> tuple[httpx.Response, set[str]]:
        """The answer, and the names of the rules that were asked for it."""
        changes = route.method not in {"GET", "HEAD"}
        image_id = self.image(ask, fresh=changes) if "image" in f"{route.path}{ask.request}" else ""
        given = {"image_id": image_id, **ask.variables}
        if "{namespace}" in route.path:
            given["namespace"] = self.namespace(fresh=changes)
        path = route.path.format(**given)
        request = dict(ask.request)
        if "params" in request:
            request["params"] = {key: value.format(image_id=image_id) for key, value in request["params"].items()}
        marker = f"req-walk-{next(self.number)}-"
        headers = request.pop("headers", {}) | {"X-Openstack-Request-Id": marker}
        answer = self.callers[who].request(route.method, path, headers=headers, **request)
        log = self.service.log.read_text()
        return answer, {rule for request_id, rule in DECISION.findall(log) if request_id == marker}


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    directory: Path = tmp_path_factory.mktemp("walk")
    people = {user.name: user for user in (*PEOPLE, GIL)}
    conf = several_stores(directory).replace("[DEFAULT]\n", "[DEFAULT]\ndebug = true\n")
    with intaglio(directory, users=[*people.values()], conf=conf, workers=1) as service:
        target = Target(service.url)
        callers = {who: Caller(target, people[user] if user else None) for who, user in NAMES.items()}
        yield Walk(service, callers)
        for caller in callers.values():
            caller.close()


@pytest.mark.parametrize("route", ROUTES, ids=name)
def test_route(walk: Walk, route: Route) -> None:
    if route.public:
        answer, asked = walk.send(route, Ask({}, {}, True, {}, {}), "nobody")
        assert (answer.status_code in route.success, asked, route.rules) == (True, set(), ())
        return
    if name(route) not in WALK:
        pytest.fail(
            f"{name(route)} has no expectation. Add a row to a file in tests/api/policy_walk/ (and a new file to its "
            f"__init__.py): '{name(route)}': (ask(<the statuses of {', '.join(CALLERS)}>, json=…),), with one ask for "
            f"every way to call it in which another of its rules is asked ({', '.join(route.rules) or 'none'}).",
            pytrace=False,
        )
    seen: set[str] = set()
    for ask in WALK[name(route)]:
        for who, status in ask.statuses.items():
            answer, asked = walk.send(route, ask, who)
            what = f"{who}, {dict(ask.request)}"
            assert answer.status_code == status, f"{what}: {answer.status_code}, not {status}: {answer.text}"
            assert asked <= set(route.rules), f"{what}: the row in the table does not name {asked - set(route.rules)}"
            seen |= asked
    assert seen == set(route.rules), f"no request of the walk asks {set(route.rules) - seen}: is it named in vain?"


def test_the_walk_knows_only_routes_that_there_are() -> None:
    assert set(WALK) - {name(route) for route in ROUTES} == set()
