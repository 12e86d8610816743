"""GET /metrics: what the processes have done together, and how the service is; for whom it is."""

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request

from intaglio.api.metrics import watches
from tests.api.conftest import several_stores
from tests.faults.client import content, create, get, put
from tests.starters.base import wait_until
from tests.starters.intaglio import Intaglio, User, intaglio

pytestmark = pytest.mark.ours
ROOT = User("root", "ops", ("admin",))
MIA = User("mia", "alpha", ("member",))
Numbers = dict[tuple[str, ...], float]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intaglio]:
    """Two API processes and a worker, of which any may answer."""
    directory = tmp_path_factory.mktemp("metrics")
    with intaglio(directory, auth="none", workers=2, conf=several_stores(directory)) as running:
        yield running


def scrape(url: str, **headers: str) -> Numbers:
    """Every sample by its name and the values of its labels."""
    answer = httpx.get(f"{url}/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def grown(url: str, before: Numbers, *series: str) -> float:
    return scrape(url)[series] - before[series]


def test_what_the_processes_do_adds_up(service: Intaglio) -> None:
    """Each request may meet another process, each scrape too."""
    url, before = service.url, scrape(service.url)
    data = content(100_000)
    images = [create(url) for _ in range(6)]
    for image_id in images:
        assert put(url, image_id, data).status_code == 204
        assert get(url, image_id).content == data
    part = httpx.get(f"{url}/v2/images/{images[0]}/file", headers={"Range": "bytes=0-99"})
    assert part.status_code == 206
    assert httpx.get(f"{url}/v2/images/{uuid.uuid4()}").status_code == 404
    for image_id in images:
        assert httpx.delete(f"{url}/v2/images/{image_id}").status_code == 204
    for _ in range(4):  # whichever process answers
        assert grown(url, before, "intaglio_requests_total", "upload", "204") == 6
        assert grown(url, before, "intaglio_requests_total", "write", "201") == 6
        assert grown(url, before, "intaglio_requests_total", "other", "206") == 1
        assert grown(url, before, "intaglio_requests_total", "other", "404") == 1
        assert grown(url, before, "intaglio_store_bytes_total", "fast", "in") == 6 * len(data)
        assert grown(url, before, "intaglio_store_bytes_total", "fast", "out") == 6 * len(data) + 100
        assert grown(url, before, "intaglio_store_operations_total", "fast", "put") == 6
        assert grown(url, before, "intaglio_store_operations_total", "fast", "read") == 7
        assert grown(url, before, "intaglio_store_bytes_total", "slow", "in") == 0
        assert grown(url, before, "intaglio_request_seconds_total", "upload") > 0


def test_a_replaced_process_loses_no_count(service: Intaglio) -> None:
    before = scrape(service.url)
    create(service.url)
    for pid in service.pids()[1:3]:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: _answers(service.url), "the processes that take their places")
    create(service.url)
    assert grown(service.url, before, "intaglio_requests_total", "write", "201") == 2


def test_health_and_space(service: Intaglio, tmp_path: Path) -> None:
    found = scrape(service.url)
    assert found["intaglio_database_healthy",] == 1
    assert [found["intaglio_store_healthy", name] for name in ("fast", "slow")] == [1, 1]
    assert 0 < found["intaglio_store_free_bytes", "fast"] < found["intaglio_store_size_bytes", "fast"]
    slow = service.data.parent / "stores" / "slow"
    slow.rename(tmp_path / "away")
    try:
        without = scrape(service.url)
        assert [without["intaglio_store_healthy", name] for name in ("fast", "slow")] == [1, 0]
        assert ("intaglio_store_free_bytes", "slow") not in without, "what cannot be known is not said"
        image_id = create(service.url)
        answer = httpx.put(
            f"{service.url}/v2/images/{image_id}/file",
            content=b"bytes",
            headers={"Content-Type": "application/octet-stream", "X-Image-Meta-Store": "slow"},
        )
        assert answer.status_code == 503
        failed = [("intaglio_store_errors_total", "slow", kind) for kind in ("unmounted", "broken")]
        assert sum(scrape(service.url)[each] - without[each] for each in failed) > 0
    finally:
        (tmp_path / "away").rename(slow)


def test_imports_by_state(service: Intaglio) -> None:
    image_id = create(service.url)
    stage = f"{service.url}/v2/images/{image_id}/stage"
    headers = {"Content-Type": "application/octet-stream"}
    assert httpx.put(stage, content=b"bytes", headers=headers).status_code == 204
    asked = {"method": {"name": "glance-direct"}}
    assert httpx.post(f"{service.url}/v2/images/{image_id}/import", json=asked).status_code == 202
    done = ("intaglio_tasks", "api_image_import", "success")
    wait_until(lambda: scrape(service.url).get(done) == 1, "the import")
    assert scrape(service.url)["intaglio_store_bytes_total", "fast", "in"] >= 5, "the worker counts, too"


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., httpx.Response]]:
    """Asks a service whose operator lets nobody watch from 127.0.0.1."""
    conf = "[intaglio]\nmetrics_from = 192.0.2.0/24\n"
    with intaglio(tmp_path_factory.mktemp("strict"), conf=conf, users=[ROOT, MIA], workers=1) as running:

        def ask(user: User | None = None, **headers: str) -> httpx.Response:
            login = None if user is None else (user.name, user.password)
            return httpx.get(f"{running.url}/metrics", auth=login, headers=headers)

        yield ask


def test_from_elsewhere_only_administrators(strict: Callable[..., httpx.Response]) -> None:
    assert [strict(user).status_code for user in (None, MIA, ROOT)] == [401, 403, 200]
    forged = {"X-Forwarded-For": "192.0.2.1", "Forwarded": "for=192.0.2.1"}
    assert strict(**forged).status_code == 401


@pytest.mark.parametrize("name", ["x-forwarded-for", "forwarded", "x-real-ip", "via"])
def test_what_a_proxy_passes_on_comes_from_elsewhere(name: str) -> None:
    """The walk through all routes asks a service so; here are all names."""
    networks = (ip_network("127.0.0.0/8"), ip_network("::1/128"))

    def asked(host: str, *headers: tuple[bytes, bytes]) -> bool:
        scope = {"type": "http", "method": "GET", "path": "/metrics", "headers": headers, "client": (host, 5)}
        return watches(Request(scope), networks)

    assert (asked("127.0.0.1"), asked("::1"), asked("::ffff:127.0.0.1"), asked("192.0.2.1")) == (True,) * 3 + (False,)
    assert not asked("127.0.0.1", (name.encode(), b"127.0.0.1"))


def test_no_label_says_what_a_caller_sent(service: Intaglio) -> None:
    marker = uuid.uuid4().hex
    httpx.get(f"{service.url}/v2/images/{marker}?{marker}={marker}", headers={"X-Request-Id": marker})
    httpx.put(f"{service.url}/{marker}", content=marker)
    assert marker not in httpx.get(f"{service.url}/metrics").text


def _answers(url: str) -> bool:
    try:
        return all(httpx.get(f"{url}/versions").status_code in {200, 300} for _ in range(8))
    except httpx.HTTPError:
        return False
