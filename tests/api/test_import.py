"""PUT stage, POST import and what becomes of it; each arc as a client goes through it."""

import uuid

import httpx
import pytest

from tests.api.wire import FORMATS, OCTETS, PATCH_V21, Caller, Json, differs, digests, noise, refused
from tests.starters.base import wait_until

DIRECT: Json = {"method": {"name": "glance-direct"}}
COPY: Json = {"method": {"name": "copy-image"}}


def stage(caller: Caller, image_id: str, data: bytes, **headers: str) -> httpx.Response:
    return caller.put(f"/v2/images/{image_id}/stage", content=data, headers=OCTETS | headers)


def ask(caller: Caller, image_id: str, body: object, **headers: str) -> httpx.Response:
    return caller.post(f"/v2/images/{image_id}/import", json=body, headers=headers)


def staged(caller: Caller, data: bytes = b"some bytes", **fields: object) -> str:
    image_id: str = caller.create(**(FORMATS | fields))["id"]
    answer = stage(caller, image_id, data)
    assert answer.status_code == 204, answer.text
    return image_id


def imported(caller: Caller, image_id: str) -> Json:
    """The image when nobody is at work on it any more."""

    def free() -> bool:
        image = caller.image(image_id)
        return "os_glance_import_task" not in image and image["status"] != "importing"

    wait_until(free, f"the end of the import of {image_id}", seconds=60)
    return caller.image(image_id)


class TestStage:
    def test_arc(self, member: Caller) -> None:
        image_id: str = member.create()["id"]  # formats can come later
        assert stage(member, image_id, b"some bytes").status_code == 204
        image = member.image(image_id)
        assert (image["status"], image["size"], image["checksum"]) == ("uploading", 10, None)
        assert "os_glance_stage_host" not in image
        assert member.get(f"/v2/images/{image_id}/file").status_code == 204

    def test_announced_size(self, member: Caller) -> None:
        image_id: str = member.create()["id"]
        refused(stage(member, image_id, b"some bytes", **{"x-openstack-image-size": "11"}), 400)
        assert member.image(image_id)["status"] == "queued"
        assert stage(member, image_id, b"some bytes", **{"x-openstack-image-size": "10"}).status_code == 204

    @pytest.mark.parametrize("status", [409])
    @differs("a second one puts the image back to queued, over data that are staged")
    def test_twice(self, member: Caller, status: int) -> None:
        image_id = staged(member)
        refused(stage(member, image_id, b"others"), status)
        assert member.image(image_id)["status"] == "uploading"

    def test_active(self, member: Caller) -> None:
        refused(stage(member, member.active()["id"], b"x"), 409)

    def test_wrong_type(self, member: Caller) -> None:
        image_id: str = member.create()["id"]
        refused(member.put(f"/v2/images/{image_id}/stage", content=b"{}", headers={"Content-Type": "text/plain"}), 415)

    def test_of_others(self, member: Caller, stranger: Caller, reader: Caller) -> None:
        image_id: str = member.create()["id"]
        refused(stage(stranger, image_id, b"x"), 404)
        refused(stage(reader, image_id, b"x"), 403)

    def test_deleted_with_its_data(self, member: Caller) -> None:
        image_id = staged(member)
        assert member.delete(f"/v2/images/{image_id}").status_code == 204


class TestGlanceDirect:
    def test_arc(self, member: Caller) -> None:
        data = noise(3_000_000)
        image_id = staged(member, data)
        answer = ask(member, image_id, DIRECT)
        assert (answer.status_code, answer.content) == (202, b"")
        image = imported(member, image_id)
        assert {name: image[name] for name in ("status", "stores", *digests(data))} == {
            "status": "active",
            "stores": "fast",
            **digests(data),
        }
        assert (image["os_glance_importing_to_stores"], image["os_glance_failed_import"]) == ("", "")
        assert member.get(f"/v2/images/{image_id}/file").content == data
        (task,) = member.get(f"/v2/images/{image_id}/tasks").json()["tasks"]
        assert (task["type"], task["status"], task["owner"]) == ("api_image_import", "success", "alpha")
        assert (task["image_id"], task["result"]) == (image_id, {"image_id": image_id})
        assert task["input"]["import_req"] == DIRECT
        assert task["input"]["image_id"] == image_id

    def test_all_stores(self, member: Caller) -> None:
        image_id = staged(member)
        assert ask(member, image_id, {**DIRECT, "all_stores": True}).status_code == 202
        image = imported(member, image_id)
        assert (image["status"], set(image["stores"].split(","))) == ("active", {"fast", "slow"})

    def test_store_in_the_header(self, member: Caller) -> None:
        image_id = staged(member)
        assert ask(member, image_id, DIRECT, **{"X-Image-Meta-Store": "slow"}).status_code == 202
        assert imported(member, image_id)["stores"] == "slow"

    @differs("the image stays importing for ever")
    def test_wrong_content_is_said(self, member: Caller) -> None:
        image_id = staged(member, b"no disk at all", disk_format="qcow2")
        assert ask(member, image_id, DIRECT).status_code == 202
        image = imported(member, image_id)
        assert (image["status"], image["size"], image["os_glance_failed_import"]) == ("queued", None, "fast")
        assert "stores" not in image
        (task,) = member.get(f"/v2/images/{image_id}/tasks").json()["tasks"]
        assert task["status"] == "failure"
        assert "raw, not qcow2" in task["message"]
        refused(ask(member, image_id, DIRECT), 409)
        changes = [{"op": "replace", "path": "/disk_format", "value": "raw"}]
        changed = member.patch(f"/v2/images/{image_id}", json=changes, headers={"Content-Type": PATCH_V21})
        assert changed.status_code == 200, changed.text
        stage(member, image_id, b"no disk at all")
        assert ask(member, image_id, DIRECT).status_code == 202
        assert imported(member, image_id)["status"] == "active"

    @pytest.mark.parametrize("stores", [["slow"]])
    @differs("409")
    def test_the_same_once_more(self, member: Caller, stores: list[str]) -> None:
        image_id = staged(member, noise(8_000_000))
        body = {**DIRECT, "stores": stores}
        first, second = ask(member, image_id, body), ask(member, image_id, body)
        assert first.status_code == 202
        # the second may come when the first has ended already
        assert second.status_code == 409 or second.headers["x-intaglio-task"] == first.headers["x-intaglio-task"]
        assert imported(member, image_id)["stores"] == "slow"
        assert len(member.get(f"/v2/images/{image_id}/tasks").json()["tasks"]) == 1

    def test_not_staged(self, member: Caller) -> None:
        refused(ask(member, member.create(**FORMATS)["id"], DIRECT), 409)
        refused(ask(member, member.active()["id"], DIRECT), 409)

    def test_formats_are_needed(self, member: Caller) -> None:
        image_id: str = member.create()["id"]
        assert stage(member, image_id, b"x").status_code == 204
        refused(ask(member, image_id, DIRECT), 409)

    def test_of_others(self, member: Caller, stranger: Caller, reader: Caller) -> None:
        image_id = staged(member)
        refused(ask(stranger, image_id, DIRECT), 404)
        refused(ask(reader, image_id, DIRECT), 403)


class TestCopyImage:
    def test_arc(self, member: Caller, admin: Caller) -> None:
        data = noise(2_000_000)
        image_id: str = member.active(data)["id"]
        refused(ask(member, image_id, {**COPY, "stores": ["slow"]}), 403)
        assert ask(admin, image_id, {**COPY, "stores": ["slow"]}).status_code == 202
        image = imported(member, image_id)
        assert (image["status"], image["stores"]) == ("active", "fast,slow")
        assert member.get(f"/v2/images/{image_id}/file", params={"prefer": "slow"}).content == data
        assert member.get(f"/v2/images/{image_id}/tasks").json()["tasks"] == []  # it is the administrator's
        assert len(admin.get(f"/v2/images/{image_id}/tasks").json()["tasks"]) == 1
        refused(ask(admin, image_id, {**COPY, "stores": ["slow"]}), 400)
        assert ask(admin, image_id, {**COPY, "all_stores": True}).status_code == 202
        assert imported(admin, image_id)["stores"] == "fast,slow"

    def test_not_active(self, admin: Caller) -> None:
        refused(ask(admin, admin.create(**FORMATS)["id"], {**COPY, "stores": ["slow"]}), 409)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({}, 400, id="empty"),
        pytest.param({"method": {}}, 400, id="no-name"),
        pytest.param({"method": {"name": "fax"}}, 400, id="unknown-method"),
        pytest.param({"method": {"name": "web-download"}}, 400, id="no-uri"),
        pytest.param({"method": {"name": "glance-download"}}, 400, id="no-region"),
        pytest.param({**DIRECT, "stores": ["fast"], "all_stores": True}, 400, id="stores-and-all"),
        pytest.param({**DIRECT, "all_stores_must_succeed": "perhaps"}, 400, id="must-succeed-text"),
        pytest.param({**DIRECT, "stores": ["tape"]}, 409, id="unknown-store"),
        pytest.param({**DIRECT, "stores": "fast"}, 400, id="stores-text", marks=differs("409, each letter a store")),
        pytest.param({**DIRECT, "stores": []}, 400, id="no-stores", marks=differs("202, the staged data are lost")),
        pytest.param({"method": "glance-direct"}, 400, id="method-text", marks=differs("500")),
        pytest.param([], 400, id="array", marks=differs("500")),
    ],
)
def test_refused(member: Caller, body: object, status: int) -> None:
    image_id = staged(member)
    refused(ask(member, image_id, body), status)
    assert member.image(image_id)["status"] == "uploading"


@differs("400")
def test_the_same_store_in_header_and_body(member: Caller) -> None:
    """So openstacksdk says it when it is given `store=`, and it does not look at the answer."""
    image_id = staged(member)
    assert ask(member, image_id, {**DIRECT, "stores": ["slow"]}, **{"X-Image-Meta-Store": "slow"}).status_code == 202
    assert imported(member, image_id)["stores"] == "slow"


def test_store_in_header_and_body(member: Caller) -> None:
    answer = ask(member, staged(member), {**DIRECT, "stores": ["fast"]}, **{"X-Image-Meta-Store": "slow"})
    refused(answer, 400)


@pytest.mark.ours
def test_methods_that_are_offered(member: Caller) -> None:
    offered = member.get("/v2/info/import").json()["import-methods"]["value"]
    assert offered == ["glance-direct", "web-download", "copy-image"]
    method = {"name": "glance-download", "glance_region": "RegionTwo", "glance_image_id": str(uuid.uuid4())}
    answer = ask(member, member.create(**FORMATS)["id"], {"method": method})
    refused(answer, 400)
    assert answer.headers["x-intaglio-error"] == "import-method-not-offered"


class TestTasks:
    def test_list_and_show(self, member: Caller, admin: Caller) -> None:
        image_id = staged(admin)
        assert ask(admin, image_id, DIRECT).status_code == 202
        imported(admin, image_id)
        (of_image,) = admin.get(f"/v2/images/{image_id}/tasks").json()["tasks"]
        page = admin.get("/v2/tasks", params={"limit": "1", "sort_key": "created_at", "sort_dir": "desc"}).json()
        assert page.keys() == {"tasks", "first", "next", "schema"}
        assert (len(page["tasks"]), page["schema"]) == (1, "/v2/schemas/tasks")
        second = admin.get(page["next"])
        assert second.status_code == 200
        task = admin.get(f"/v2/tasks/{of_image['id']}").json()
        assert {name: task[name] for name in ("id", "type", "status", "self", "schema", "result")} == {
            "id": of_image["id"],
            "type": "api_image_import",
            "status": "success",
            "self": f"/v2/tasks/{of_image['id']}",
            "schema": "/v2/schemas/task",
            "result": {"image_id": image_id},
        }
        assert task["expires_at"]
        refused(member.get(f"/v2/tasks/{of_image['id']}"), 403)

    @pytest.mark.parametrize(
        "query",
        [
            {"limit": "x"},
            {"limit": "-1"},
            {"marker": str(uuid.UUID(int=7))},
            {"sort_key": "colour"},
            {"sort_dir": "up"},
            {"status": "asleep"},
            {"type": "fax"},
        ],
        ids=lambda query: next(iter(query)) + "=" + next(iter(query.values())),
    )
    def test_refused_parameters(self, admin: Caller, query: dict[str, str]) -> None:
        refused(admin.get("/v2/tasks", params=query), 400)

    def test_unknown(self, admin: Caller) -> None:
        refused(admin.get(f"/v2/tasks/{uuid.uuid4()}"), 404)
        refused(admin.delete(f"/v2/tasks/{uuid.uuid4()}"), 405)

    @pytest.mark.parametrize("body", [{}, {"type": "import"}, {"type": "fax", "input": {}}], ids=str)
    def test_wrong_bodies(self, admin: Caller, body: Json) -> None:
        refused(admin.post("/v2/tasks", json=body), 400)

    def test_not_for_others(self, member: Caller) -> None:
        refused(member.get("/v2/tasks"), 403)
        refused(member.post("/v2/tasks", json={"type": "import", "input": {}}), 403)


@pytest.mark.ours
def test_calling_off_what_does_not_run(member: Caller, stranger: Caller) -> None:
    image_id: str = member.active()["id"]
    refused(member.delete(f"/v2/images/{image_id}/import"), 409)
    refused(stranger.delete(f"/v2/images/{image_id}/import"), 404)
