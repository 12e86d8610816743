"""GET /v2/images/{id}/events: what happens to an image, as server-sent events."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.test_import import DIRECT, ask, stage, staged
from tests.api.wire import FORMATS, PEOPLE, Caller, Json, Target, noise, refused
from tests.imports.source import HERE, Source, serving
from tests.starters.base import wait_until
from tests.starters.intaglio import Intaglio, intaglio

pytestmark = pytest.mark.ours

MIA = next(user for user in PEOPLE if user.name == "mia")
CONF = f"""\
[DEFAULT]
debug = true
[intaglio]
fetch_networks = {HERE}
event_streams = 8
[import_filtering_opts]
allowed_ports =
"""


@pytest.fixture
def source() -> Iterator[Source]:
    with serving() as found:
        yield found


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intaglio]:
    """One that lets eight wait for events, two of them for one user."""
    with intaglio(tmp_path_factory.mktemp("events"), users=PEOPLE, conf=CONF, workers=1) as running:
        yield running


@pytest.fixture
def mia(service: Intaglio) -> Iterator[Caller]:
    with contextlib.closing(Caller(Target(service.url), MIA)) as caller:
        yield caller


class Stream:
    """Events as they come."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.last_id = ""
        self._lines = answer.iter_lines()

    def __iter__(self) -> Iterator[tuple[str, Json]]:
        kind = data = ""
        for line in self._lines:
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                data = value
            elif name == "id":
                self.last_id = value
            elif not line and data:
                yield kind, json.loads(data)
                kind = data = ""

    def first(self, kind: str, **wanted: object) -> Json:
        """The next event of a kind with these values."""
        for name, data in self:
            if name == kind and all(data[field] == value for field, value in wanted.items()):
                return data
        raise AssertionError("the events ended")


@contextlib.contextmanager
def events(caller: Caller, image_id: str, last_id: str = "") -> Iterator[Stream]:
    headers = {"Last-Event-ID": last_id} if last_id else {}
    with caller.stream("GET", f"/v2/images/{image_id}/events", headers=headers) as answer:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream"), answer.read()
        yield Stream(answer)


def test_an_import_from_a_url_to_its_end(mia: Caller, source: Source) -> None:
    source.data = noise(3_000_000)
    image_id: str = mia.create(**FORMATS)["id"]
    with events(mia, image_id) as stream:
        assert stream.first("image")["status"] == "queued"
        source.hold.clear()
        task_id = ask(mia, image_id, {"method": {"name": "web-download", "uri": source.url}}).headers["x-intaglio-task"]
        assert stream.first("image", status="importing")["importing_to_stores"] == ["file"]
        assert stream.first("task", status="processing")["task_id"] == task_id
        while (progress := stream.first("task")["progress"]) is None:
            pass
        assert (progress["step"], progress["total_bytes"]) == ("fetch", 3_000_000)
        assert 0 < progress["bytes"] < 3_000_000
        source.hold.set()
        assert stream.first("image", status="active")["size"] == 3_000_000
        rest = list(stream)
    assert [kind for kind, _ in rest] == ["task", "end"]
    assert (rest[0][1]["task_id"], rest[0][1]["status"]) == (task_id, "success")
    assert rest[1][1] == {"image_id": image_id, "status": "active"}
    # who comes back after the end is told that there is nothing more; who missed it is told what there is
    path = f"/v2/images/{image_id}/events"
    assert mia.get(path, headers={"Last-Event-ID": stream.last_id}).status_code == 204
    with events(mia, image_id, "another") as again:
        assert [kind for kind, _ in again] == ["image", "task", "end"]
    with events(mia, image_id) as anew:
        list(anew)
    assert anew.last_id == stream.last_id


def test_why_an_attempt_failed_is_in_the_progress(mia: Caller, source: Source) -> None:
    source.data = noise(2_000_000)
    source.breaks = [1_000_000]
    image_id: str = mia.create(**FORMATS)["id"]
    assert ask(mia, image_id, {"method": {"name": "web-download", "uri": source.url}}).status_code == 202
    with events(mia, image_id) as stream:
        seen = [data["progress"] for kind, data in stream if kind == "task" and data["progress"]]
    assert any(progress["last_error"] for progress in seen), seen


def test_a_failure(mia: Caller) -> None:
    image_id = staged(mia, disk_format="qcow2")
    assert ask(mia, image_id, DIRECT).status_code == 202
    with events(mia, image_id) as stream:
        told = list(stream)
    assert told[-1] == ("end", {"image_id": image_id, "status": "queued"})
    assert "Step 'store' failed" in next(data["message"] for _, data in told if data["status"] == "failure")


def test_deleted(mia: Caller) -> None:
    image_id = staged(mia)
    with events(mia, image_id) as stream:
        assert stream.first("image")["status"] == "uploading"
        assert mia.delete(f"/v2/images/{image_id}").status_code == 204
        assert list(stream) == [("end", {"image_id": image_id, "status": "deleted"})]
    refused(mia.get(f"/v2/images/{image_id}/events"), 404)


def test_who_may_not_see_it_any_more(service: Intaglio, mia: Caller) -> None:
    image_id: str = mia.create(**FORMATS, visibility="shared")["id"]
    assert mia.post(f"/v2/images/{image_id}/members", json={"member": "beta"}).status_code == 200
    people = {user.name: user for user in PEOPLE}
    with contextlib.closing(Caller(Target(service.url), people["stan"])) as stan, events(stan, image_id) as stream:
        assert stream.first("image")["status"] == "queued"
        assert stage(mia, image_id, b"some bytes").status_code == 204
        assert stream.first("image", size=10)["status"] == "uploading"
        assert mia.delete(f"/v2/images/{image_id}/members/beta").status_code == 204
        assert ask(mia, image_id, DIRECT).status_code == 202
        assert list(stream) == [("end", {"image_id": image_id, "status": "deleted"})]


def test_tasks_of_others_are_not_told(service: Intaglio, mia: Caller) -> None:
    image_id: str = mia.create(**FORMATS, visibility="community")["id"]
    people = {user.name: user for user in PEOPLE}
    with contextlib.closing(Caller(Target(service.url), people["stan"])) as stan, events(stan, image_id) as stream:
        assert stage(mia, image_id, b"some bytes").status_code == 204
        assert ask(mia, image_id, DIRECT).status_code == 202
        told = list(stream)
    assert {kind for kind, _ in told} == {"image", "end"}
    assert told[-1][1]["status"] == "active"


def test_places_are_limited_and_given_back(mia: Caller) -> None:
    image_id: str = mia.create(**FORMATS)["id"]
    with events(mia, image_id), events(mia, image_id):
        answer = mia.get(f"/v2/images/{image_id}/events")
        refused(answer, 429)
        assert (answer.headers["retry-after"], answer.headers["x-intaglio-error"]) == ("10", "too-many-watch")

    def free() -> bool:
        with mia.stream("GET", f"/v2/images/{image_id}/events") as again:
            return again.status_code == 200

    wait_until(free, "a place, now that those who had them have left")


def test_the_end_of_the_process_ends_it(tmp_path: Path) -> None:
    """It does not keep a process from ending that finishes transfers first."""
    with intaglio(tmp_path, users=[MIA], conf=CONF, workers=1) as service:
        with contextlib.closing(Caller(Target(service.url), MIA)) as caller:
            image_id: str = caller.create(**FORMATS)["id"]
            with events(caller, image_id) as stream:
                assert stream.first("image")
                service.stop()
                assert list(stream) == []
        assert "gave up" not in service.log.read_text()
