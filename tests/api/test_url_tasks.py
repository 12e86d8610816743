"""Tasks of the type `import`: one call makes an image of what a URL leads to; and who may have URLs fetched."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.api.conftest import everybody
from tests.api.test_import import ask, stage
from tests.api.wire import FORMATS, PEOPLE, Caller, Json, Target, digests, noise, refused
from tests.imports.source import HERE, Source, serving
from tests.starters.base import wait_until
from tests.starters.intaglio import intaglio

pytestmark = pytest.mark.ours

CONF = f"[intaglio]\nfetch_networks = {HERE}\n[import_filtering_opts]\nallowed_ports =\n"


@pytest.fixture
def source() -> Iterator[Source]:
    with serving() as found:
        yield found


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Caller]]:
    """Callers of a service where a role is needed to have a URL fetched."""
    directory = tmp_path_factory.mktemp("limited")
    (directory / "policy.yaml").write_text('"intaglio:import_from_url": "role:admin"\n')
    with intaglio(directory, users=PEOPLE, conf=CONF, workers=1) as service, everybody(Target(service.url)) as callers:
        yield callers


def task_for(source: Source, **properties: object) -> Json:
    properties = {"name": "made by a task", "disk_format": "raw", "container_format": "bare", **properties}
    given = {"import_from": source.url, "import_from_format": "raw", "image_properties": properties}
    return {"type": "import", "input": given}


def begun(caller: Caller, body: Json) -> Json:
    answer = caller.post("/v2/tasks", json=body)
    assert answer.status_code == 201, answer.text
    task: Json = answer.json()
    assert answer.headers["location"] == f"{caller.target.url}/v2/tasks/{task['id']}"
    return task


def ended(caller: Caller, task: Json) -> Json:
    found: dict[str, Any] = {}

    def over() -> bool:
        found.update(caller.get(f"/v2/tasks/{task['id']}").json())
        return found["status"] in {"success", "failure"}

    wait_until(over, f"the end of task {task['id']}", seconds=60)
    return found


def test_arc(limited: Callable[[str], Caller], source: Source) -> None:
    admin = limited("root")
    source.data = noise(700_000)
    body = task_for(source, os_distro="debian")
    body["input"]["import_from"] = source.url.replace("http://", "http://bob:geheim@")
    task = begun(admin, body)
    shown = {**body["input"], "import_from": source.url.replace("http://", "http://***@")}
    assert {name: task[name] for name in ("type", "status", "owner", "input", "result")} == {
        "type": "import",
        "status": "pending",
        "owner": "ops",
        "input": shown,
        "result": None,
    }
    done = ended(admin, task)
    assert (done["status"], done["input"]) == ("success", shown), done["message"]
    image = admin.image(done["result"]["image_id"])
    facts = {"name": "made by a task", "status": "active", "os_distro": "debian", **digests(source.data)}
    assert {name: image[name] for name in facts} == facts
    assert "os_glance_import_task" not in image
    (listed,) = admin.get("/v2/tasks", params={"type": "import", "status": "success"}).json()["tasks"]
    assert listed["id"] == task["id"]
    assert "geheim" not in json.dumps([task, done, listed])


def test_one_that_fails_leaves_no_image(limited: Callable[[str], Caller], source: Source) -> None:
    admin = limited("root")
    done = ended(admin, begun(admin, task_for(source, disk_format="qcow2", name="never there")))
    assert (done["status"], done["result"]) == ("failure", None)
    assert "Step 'store' failed" in done["message"]
    assert admin.ids(name="never there") == []


@pytest.mark.parametrize(
    ("missing", "changed"),
    [("import_from", {}), ("import_from_format", {}), ("image_properties", {}), ("", {"disk_format": "paper"})],
    ids=["no-url", "no-format", "no-properties", "unknown-format"],
)
def test_what_is_wrong_fails_the_task(
    limited: Callable[[str], Caller], source: Source, missing: str, changed: Json
) -> None:
    admin = limited("root")
    body = task_for(source, **changed)
    body["input"].pop(missing, None)
    task = begun(admin, body)
    assert task["status"] == "failure"
    assert (missing or "paper") in task["message"]
    assert admin.get(f"/v2/tasks/{task['id']}").json() == task
    assert source.asked == []


@pytest.mark.parametrize("url", ["http://10.0.0.1/disk.img", "file:///etc/passwd", "http://2130706433/"], ids=str)
def test_a_url_that_is_refused_is_refused_at_once(limited: Callable[[str], Caller], source: Source, url: str) -> None:
    body = task_for(source)
    body["input"]["import_from"] = url
    refused(limited("root").post("/v2/tasks", json=body), 400)


def test_other_types_are_begun_by_other_calls(limited: Callable[[str], Caller]) -> None:
    for kind in ("api_image_import", "location_import"):
        answer = limited("root").post("/v2/tasks", json={"type": kind, "input": {}})
        refused(answer, 400)
        assert "/import" in answer.text


def test_urls_are_fetched_for_a_role_only(limited: Callable[[str], Caller], source: Source) -> None:
    mia, admin = limited("mia"), limited("root")
    body = {"method": {"name": "web-download", "uri": source.url}}
    image_id: str = mia.create(**FORMATS)["id"]
    answer = ask(mia, image_id, body)
    refused(answer, 403)
    assert "intaglio:import_from_url" in answer.text
    assert stage(mia, image_id, b"some bytes").status_code == 204
    assert ask(mia, image_id, {"method": {"name": "glance-direct"}}).status_code == 202
    assert ask(admin, admin.create(**FORMATS)["id"], body).status_code == 202
