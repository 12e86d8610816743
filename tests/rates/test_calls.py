"""Limits of calls over HTTP: one count for all processes, by class, user, project and address; 429 and its headers."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.api.wire import unique
from tests.starters.intaglio import Intaglio, User, intaglio
from tests.starters.redis import Redis, redis

PEOPLE = tuple(
    User(name, project, ("member", "reader")) for name, project in (("ann", "a"), ("amy", "a"), ("bob", "b"))
)
RULES = """[intaglio]
rate_limit_list = user:30/day
rate_limit_write = user:20/day,project:30/day
rate_limit_other = address:12/day
rate_limit_upload = user:2/day
"""


@pytest.fixture(scope="module", params=["memory", "redis"])
def counted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Intaglio, Redis | None]]:
    """Two processes, so a count of one process alone would let through twice as many."""
    home = tmp_path_factory.mktemp("rates")
    if request.param == "memory":
        with intaglio(home, users=PEOPLE, workers=2, conf=RULES) as service:
            yield service, None
        return
    with (
        redis() as server,
        intaglio(home, users=PEOPLE, workers=2, conf=f"{RULES}rate_limit_storage = {server.url}\n") as service,
    ):
        yield service, server


@pytest.fixture
def service(counted: tuple[Intaglio, Redis | None]) -> Intaglio:
    return counted[0]


def call(service: Intaglio, who: str, method: str, path: str, **more: object) -> httpx.Response:
    user = service.users.get(who)
    password = user.password if user else "wrong"
    return httpx.request(method, f"{service.url}{path}", auth=(who, password), timeout=60, **more)  # type: ignore[arg-type]


def statuses(answers: list[httpx.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def test_exactly_so_many_in_all_processes(service: Intaglio) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: call(service, "ann", "GET", "/v2/images"), range(45)))
    assert statuses(answers) == {200: 30, 429: 15}
    assert call(service, "amy", "GET", "/v2/images").status_code == 200
    left = sorted(int(re.search(r"r=(\d+)", answer.headers["RateLimit"])[1]) for answer in answers if answer.is_success)  # type: ignore[index]
    assert left[0] == 0
    assert 20 <= left[-1] <= 29  # read after counting: those who came at the same time may be counted as well


def test_user_before_project(service: Intaglio) -> None:
    answers = [call(service, "ann", "POST", "/v2/images", json={}) for _ in range(21)]
    answers += [call(service, "amy", "POST", "/v2/images", json={}) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [201] * 20 + [429] + [201] * 10 + [429]
    assert "from this user" in answers[20].text
    assert "from this project" in answers[-1].text
    assert call(service, "bob", "POST", "/v2/images", json={}).status_code == 201


def test_what_a_refusal_says(service: Intaglio) -> None:
    image = call(service, "bob", "POST", "/v2/images", json={"disk_format": "raw", "container_format": "bare"}).json()
    octets = {"Content-Type": "application/octet-stream"}
    answers = [
        call(service, "bob", "PUT", f"/v2/images/{image['id']}/file", content=b"x", headers=octets) for _ in range(3)
    ]
    assert [answer.status_code for answer in answers] == [204, 409, 429]
    policy = '"upload-user";q=2;w=86400'
    assert [answer.headers["RateLimit-Policy"] for answer in answers] == [policy] * 3
    assert [answer.headers["RateLimit"].partition(";t=")[0] for answer in answers] == [
        f'"upload-user";r={left}' for left in (1, 0, 0)
    ]
    refusal = answers[-1]
    seconds = int(refusal.headers["Retry-After"])
    assert 1 <= seconds <= 86400
    assert refusal.headers["RateLimit"].endswith(f";t={seconds}")
    assert refusal.headers["X-Intaglio-Error"] == "rate-limited"
    assert refusal.headers["X-Openstack-Request-Id"]
    assert f"Try again in {seconds} s" in refusal.text


def test_an_address_is_counted_before_anybody_is_asked_who_they_are(service: Intaglio) -> None:
    """Guessing passwords ends, and so do calls with the right one from there; what watches the service goes on."""
    answers = [call(service, unique("guess"), "GET", "/v2/schemas/image") for _ in range(16)]
    found = statuses(answers)
    assert set(found) == {401, 429}
    assert found[401] == 12
    assert call(service, "ann", "GET", "/v2/schemas/image").status_code == 429
    assert call(service, "ann", "GET", "/v2/nothing").status_code == 429
    answer = httpx.get(f"{service.url}/healthcheck")
    assert answer.status_code == 200
    assert "RateLimit" not in answer.headers


def test_without_its_counts_the_service_goes_on(counted: tuple[Intaglio, Redis | None]) -> None:
    service, server = counted
    if server is None:
        pytest.skip("only Redis can be away")
    with server.silent():
        began = time.monotonic()
        answer = call(service, "bob", "GET", "/v2/images")
        assert answer.status_code == 200
        assert "RateLimit" not in answer.headers
        assert time.monotonic() - began < 20
    assert "calls are not counted" in service.log.read_text()
    assert "RateLimit" in call(service, "bob", "GET", "/v2/images").headers


def test_nothing_is_limited_or_loaded_by_default(tmp_path: Path) -> None:
    with intaglio(tmp_path, auth="none", workers=1) as service:
        answer = httpx.get(f"{service.url}/v2/images")
        assert "RateLimit" not in answer.headers
        loaded = "".join(Path(f"/proc/{pid}/maps").read_text() for pid in service.pids())
        assert "/rates" not in loaded
        assert not (service.data / "rates").exists()
