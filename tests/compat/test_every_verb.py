"""What the other tests do not ask of the clients: together they use every verb. All by tokens of the real Keystone."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.api.conftest import several_stores
from tests.api.wire import unique
from tests.compat.behind_keystone import service_behind
from tests.compat.conftest import Clients, Service
from tests.compat.test_imports import await_active
from tests.starters.base import wait_until
from tests.starters.clients import clients
from tests.starters.keystone import Keystone
from tests.starters.nginx import nginx

pytestmark = [pytest.mark.real, pytest.mark.ours, pytest.mark.timeout(600)]
NOT_THERE = ("get_image_cache", "queue_image", "cache_delete_image",
             "clear_cache", "clean_cache", "prune_cache", "cached_image_nodes")  # fmt: skip
FORMATS = ("--disk-format", "raw", "--container-format", "bare")


CONTENT = b"lies on the web\n" * 1000


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where data lie."""
    directory = tmp_path_factory.mktemp("web")
    (directory / "disk.img").write_bytes(CONTENT)
    with nginx(directory, tmp_path_factory.mktemp("nginx"), workers=1) as found:
        yield f"{found.url}/disk.img"


@pytest.fixture(scope="module")
def service(identity: Keystone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Behind Keystone, with two stores and the web, and locations shown."""
    directory = tmp_path_factory.mktemp("verbs")
    conf = several_stores(directory).replace("[DEFAULT]", "[DEFAULT]\nshow_multiple_locations = true", 1)
    conf = conf.replace("slow:file", "slow:file,web:http", 1)
    conf += "[import_filtering_opts]\nallowed_hosts = 127.0.0.1\nallowed_ports =\n"
    with service_behind(identity, directory, conf) as found:
        yield found


@pytest.fixture(scope="module")
def root(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Clients:
    """An administrator at a terminal."""
    return Clients(clients(), service, tmp_path_factory.mktemp("home"), cloud="admin")


@pytest.fixture(scope="module")
def mia(root: Clients) -> Clients:
    """A member of a project."""
    return dataclasses.replace(root, cloud="password")


@pytest.fixture(scope="module")
def data(root: Clients) -> Path:
    path = root.home / "data"
    path.write_text("data of an image\n" * 1000)
    return path


def test_openstack_imports_and_tasks(root: Clients, identity: Keystone, data: Path) -> None:
    made = root.python("sdk_reserve.py", "raw")  # the command would take what it reads on its standard input
    assert root.document("show", made)["owner"] == identity.ids["project/ops"]
    root.openstack("stage", "--file", data, made)
    root.openstack("import", "--method", "glance-direct", made, "--store", "fast")
    await_active(root, made)
    assert "glance-direct" in root.document("import", "info")["import-methods"]
    assert [(store["ID"], store["Default"]) for store in root.document("stores", "list", "--detail")] == [
        ("fast", True),
        ("slow", None),
        ("web", None),
    ]
    tasks = root.document("task", "list", "--status", "success")
    shown = root.document("task", "show", tasks[0]["ID"])
    assert (shown["type"], shown["status"]) == ("api_image_import", "success")
    assert shown["input"]["image_id"] == made
    root.openstack("set", "--shared", made)
    beta = identity.ids["project/beta"]
    root.openstack("add", "project", made, beta)
    assert root.document("member", "get", made, beta)["status"] == "pending"
    root.openstack("remove", "project", made, beta)
    root.openstack("delete", made)


def test_openstack_metadefs(root: Clients, identity: Keystone) -> None:
    space = unique("Verbs")
    made = root.document("metadef", "namespace", "create", space, "--public", "--description", "by hand")
    assert (made["visibility"], made["owner"]) == ("public", identity.ids["project/ops"])
    root.openstack("metadef", "namespace", "set", space, "--display-name", "Shown", "--tag", "one", "--tag", "two")
    shown = root.document("metadef", "namespace", "show", space)
    assert (shown["display_name"], shown["tags"]) == ("Shown", [{"name": "one"}, {"name": "two"}])
    root.openstack("metadef", "namespace", "unset", space, "--tag", "one")
    assert root.document("metadef", "namespace", "show", space)["tags"] == [{"name": "two"}]
    assert space in [row["namespace"] for row in root.document("metadef", "namespace", "list")]

    schema = json.dumps({"enum": ["x", "y"], "description": "of buses"})
    facts = ("--name", "bus", "--title", "Bus", "--type", "string", "--schema", schema)
    assert root.document("metadef", "property", "create", *facts, space)["enum"] == ["x", "y"]
    root.openstack("metadef", "property", "set", space, "bus", "--title", "New")
    assert root.document("metadef", "property", "show", space, "bus")["title"] == "New"
    assert [row["name"] for row in root.document("metadef", "property", "list", space)] == ["bus"]

    assert root.document("metadef", "object", "create", "--namespace", space, "thing")["name"] == "thing"
    root.openstack("metadef", "object", "update", space, "thing", "--name", "item")
    assert root.document("metadef", "object", "show", space, "item")["name"] == "item"
    assert [row["name"] for row in root.document("metadef", "object", "list", space)] == ["item"]

    assert "OS::Glance::Image" in [row["Name"] for row in root.document("metadef", "resource", "type", "list")]
    association = ("metadef", "resource", "type", "association")
    root.openstack(*association, "create", space, "OS::Glance::Image")
    assert [row["Name"] for row in root.document(*association, "list", space)] == ["OS::Glance::Image"]
    root.openstack(*association, "delete", space, "OS::Glance::Image")
    root.openstack("metadef", "object", "delete", space, "item")
    root.openstack("metadef", "property", "delete", space, "bus")
    root.openstack("metadef", "namespace", "delete", space)
    assert space in root.refused("metadef", "namespace", "show", space)


def test_openstack_shows_a_property_of_an_object(root: Clients) -> None:
    """The command makes no objects with properties, so another client does."""
    space = unique("Verbs")
    root.openstack("metadef", "namespace", "create", space)
    schema = json.dumps({"properties": {"cores": {"title": "Cores", "type": "integer", "minimum": 1}}})
    root.glance("md-object-create", space, "--name", "cpu", "--schema", schema)
    shown = root.document("metadef", "object", "property", "show", space, "cpu", "cores")
    assert (shown["title"], shown["minimum"]) == ("Cores", 1)
    root.openstack("metadef", "namespace", "delete", space)


def test_glance_imports_and_tasks(mia: Clients, root: Clients, identity: Keystone, data: Path) -> None:
    words = ("image-create-via-import", *FORMATS, "--name", "via import")
    status, text, errors = mia.run("glance", *mia.glance_arguments(), *words, given=data)
    assert status == 0, errors
    made = _id(text)
    await_active(mia, made)
    assert mia.document("show", made)["owner"] == identity.ids["project/alpha"]
    assert "success" in mia.glance("image-tasks", made)
    assert made in mia.glance("image-list")
    mia.glance("image-download", "--file", str(mia.home / "back"), made)
    assert (mia.home / "back").read_text() == data.read_text()
    found = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", root.glance("task-list"))
    assert found is not None
    assert "api_image_import" in root.glance("task-show", found[0])
    begun = root.glance("task-create", "--type", "import", "--input", '{"import_from": "http://127.0.0.1/"}')
    assert "failure" in begun  # it lacks something
    assert "disk_format" in mia.glance("explain", "image")
    mia.openstack("set", "--shared", made)
    mia.glance("member-create", made, "beta")
    assert "pending" in mia.glance("member-get", made, "beta")
    mia.glance("image-delete", made)


def test_glance_locations(root: Clients, data: Path) -> None:
    made = _id(root.glance("image-create", *FORMATS, "--name", "twice", "--file", str(data)))
    root.glance("image-import", "--import-method", "copy-image", "--stores", "slow", made)
    shown = partial(root.glance, "image-show", "--max-column-width", "2000", made)
    wait_until(lambda: shown().count("file://") == 2, "the copy", seconds=60)
    urls = re.findall(r"file://[^'\" ]+", shown())
    assert len(urls) == 2
    root.glance("location-update", "--url", urls[1], "--metadata", '{"rack": "7"}', made)
    assert "rack" in shown()
    root.glance("location-delete", "--url", urls[1], made)
    assert shown().count("file://") == 1
    root.glance("image-delete", made)


def test_glance_adds_locations(root: Clients, mia: Clients, url: str) -> None:
    digest = json.dumps({"os_hash_algo": "sha256", "os_hash_value": hashlib.sha256(CONTENT).hexdigest()})
    made = _id(mia.glance("image-create", *FORMATS, "--name", "elsewhere", terminal=True))
    mia.glance("add-location", "--url", url, "--validation-data", digest, made)
    await_active(mia, made)
    assert mia.document("show", made)["size"] == len(CONTENT)
    mia.glance("image-download", "--file", str(mia.home / "back"), made)
    assert (mia.home / "back").read_bytes() == CONTENT
    mia.glance("location-add", "--url", f"{url}#again", made)
    assert root.glance("image-show", "--max-column-width", "2000", made).count(url) >= 2
    assert "HTTP 409" in mia.glance_refused("add-location", "--url", url, made)
    mia.glance("image-delete", made)


def test_what_is_refused_by_glance(root: Clients) -> None:
    """What does not work yet is said: `expected.toml` has the reasons."""
    made = _id(root.glance("image-create", *FORMATS, "--name", "queued", "--property", "p=v"))
    for words in (
        ("clean",),
        ("clear",),
        ("delete", made),
        ("list",),
        ("nodes-list", made),
        ("prune",),
        ("queue", made),
    ):
        at = ("--os-image-url", root.service.url)
        command = (*root.glance_arguments(), *at, f"cache-{words[0]}", *words[1:])
        _, text, errors = root.run("glance", *command)
        assert "HTTP" in text + errors, f"{words}: {text}{errors}"
    root.glance("image-delete", made)


def test_what_is_refused_by_openstack(root: Clients) -> None:
    made = root.document("create", "queued, too")["id"]
    for words in (("clear",), ("list",), ("queue", made), ("delete", made)):
        status, _, errors = root.run("openstack", "cached", "image", *words)
        assert (status != 0, errors != "") == (words[0] != "delete",) * 2, f"{words}: {errors}"
    root.openstack("delete", made)


def test_openstacksdk(root: Clients, data: Path, url: str) -> None:
    schemas = (
        "namespace",
        "namespaces",
        "resource_type_association",
        "resource_type_associations",
        "object",
        "objects",
    )
    assert root.python("sdk_every_verb.py", data, unique("Sdk"), url) == {
        "steps": {
            "staged": "uploading",
            "imported": "active",
            "task": [True, "success"],
            "begun": ["import", "failure", True],
            "stores": ["fast", "slow", "web"],
            "properties": ["debian", 2],
            "member": "pending",
        },
        "upload": "active",
        "location": ["active", len(CONTENT), [[url, {"store": "web"}]]],
        "metadefs": {
            "namespace": "Shown",
            "namespaces": True,
            "property": "New",
            "properties": ["bus"],
            "object": "item",
            "objects": ["item"],
            "types": True,
            "associations": ["OS::Glance::Image"],
            "schemas": [*schemas, "property", "properties", "tag", "tags"],
        },
        "refused": dict.fromkeys(NOT_THERE, 404),
    }


def _id(table: str) -> str:
    return next(line.split("|")[2].strip() for line in table.splitlines() if line.startswith("| id "))
