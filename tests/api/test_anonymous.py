"""Requests without credentials, where they are let in: they read what the policy allows, and change nothing."""

from collections.abc import Iterator

import httpx
import pytest

from tests.api.wire import refused
from tests.starters.intaglio import User, intaglio

ROOT = User("root", "ops", ("admin",))

pytestmark = pytest.mark.ours


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    conf = "[DEFAULT]\nallow_anonymous_access = true\n"
    with (
        intaglio(tmp_path_factory.mktemp("anonymous"), conf=conf, users=[ROOT], workers=1) as service,
        httpx.Client(base_url=service.url, timeout=60, trust_env=False) as client,
    ):
        yield client


def test_by_default_the_policy_shows_images_to_readers_only(http: httpx.Client) -> None:
    """The statuses are those of Glance 33 with that option and its default rules."""
    made = http.post("/v2/images", json={"visibility": "public"}, auth=(ROOT.name, ROOT.password))
    image = f"/v2/images/{made.json()['id']}"
    refused(http.get("/v2/images"), 403)
    refused(http.get(image), 404)
    refused(http.delete(image), 403)
    assert http.get(image, auth=(ROOT.name, ROOT.password)).status_code == 200


@pytest.mark.parametrize("path", ["/v2/schemas/image", "/v2/schemas/images"])
def test_what_no_rule_guards_is_open(http: httpx.Client, path: str) -> None:
    assert http.get(path).status_code == 200


def test_nothing_is_changed(http: httpx.Client) -> None:
    answer = http.post("/v2/images", json={})
    refused(answer, 403)
    assert answer.headers["X-Intaglio-Error"] == "read-only"


def test_wrong_credentials_are_refused(http: httpx.Client) -> None:
    """A client whose login is wrong must learn it: it is not taken for somebody without one."""
    refused(http.get("/v2/schemas/image", auth=(ROOT.name, "wrong")), 401)
