"""The catalogue through the hands of the `glance` command, and in the calls of a dashboard."""

import json
import re

import httpx
import pytest

from tests.api.wire import unique
from tests.compat.conftest import Clients, Service

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]


def test_every_md_command(user: Clients) -> None:
    space = unique("Md")
    glance = user.glance
    assert space in glance("md-namespace-create", space, "--description", "by hand", "--visibility", "public")
    assert "by hand" in glance("md-namespace-update", space, "--description", "by hand", "--display-name", "Shown",
                               "--visibility", "public")  # fmt: skip
    assert space in glance("md-namespace-list")
    schema = {"title": "A", "type": "string", "enum": ["x", "y"]}
    by_hand = ("--title", "Bus", "--type", "string", "--schema", json.dumps(schema))
    assert "bus" in glance("md-property-create", space, "--name", "bus", *by_hand)
    assert "Bus" in glance("md-property-update", space, "bus", "--title", "New Bus")
    assert "New Bus" in glance("md-property-list", space)
    assert "New Bus" in glance("md-property-show", space, "bus")
    assert "thing" in glance("md-object-create", space, "--name", "thing", "--schema",
                             json.dumps({"properties": {"cores": {"title": "C", "type": "integer"}}}))  # fmt: skip
    assert "thing" in glance("md-object-list", space)
    assert "cores" in glance("md-object-show", space, "thing")
    assert "cores" in glance("md-object-property-show", space, "thing", "cores")
    assert "words" in glance("md-object-update", space, "thing", "--schema", json.dumps({"description": "words"}))
    # without --append, with which this release of the client fails before it sends anything
    assert "two" in glance("md-tag-create-multiple", space, "--names", "two:three", "--delim", ":")
    assert "one" in glance("md-tag-create", space, "--name", "one")
    assert "uno" in glance("md-tag-update", space, "one", "--name", "uno")
    listed = glance("md-tag-list", space)
    assert all(tag in listed for tag in ("uno", "two", "three"))
    assert "uno" in glance("md-tag-show", space, "uno")
    glance("md-resource-type-associate", space, "--name", "OS::Glance::Image", "--prefix", "hw_")
    assert "hw_" in glance("md-namespace-resource-type-list", space)
    assert "OS::Glance::Image" in glance("md-resource-type-list")
    assert "hw_bus" in glance("md-namespace-show", space, "--resource-type", "OS::Glance::Image")
    glance("md-resource-type-deassociate", space, "OS::Glance::Image")
    for words in (
        ("md-tag-delete", space, "uno"),
        ("md-namespace-tags-delete", space),
        ("md-object-delete", space, "thing"),
        ("md-namespace-objects-delete", space),
        ("md-property-delete", space, "bus"),
        ("md-namespace-properties-delete", space),
        ("md-namespace-delete", space),
    ):
        glance(*words)
    assert "404" in user.glance_refused("md-namespace-show", space)


def test_file_by_namespace_import(user: Clients, service: Service) -> None:
    """`md-namespace-import` sends a whole namespace, contents and all, as the files of operators hold it."""
    space = unique("Md")
    document = {"namespace": space, "tags": [{"name": "t"}], "properties": {"p": {"title": "P", "type": "string"}}}
    file = user.home / "namespace.json"
    file.write_text(json.dumps(document))
    user.glance("md-namespace-import", "--file", str(file))
    assert "P" in user.glance("md-property-list", space)
    user.glance("md-namespace-delete", space)


@pytest.mark.ours
def test_what_a_dashboard_asks(service: Service, user: Clients) -> None:
    """The calls Horizon's picker of metadata makes when somebody edits an image's: pages of namespaces for a resource
    type, then each with the names an image has; and its page for administrators.
    """
    cloud = user._cloud()
    with httpx.Client(base_url=service.url, auth=(cloud["username"], cloud["password"]), timeout=60) as http:
        http.headers["User-Agent"] = "python-glanceclient"
        found: list[str] = []
        path: str | None = (
            "/v2/metadefs/namespaces?limit=5&sort_key=namespace&sort_dir=asc&resource_types=OS::Glance::Image"
        )
        while path is not None:
            page = http.get(path).json()
            for each in page["namespaces"]:
                assert {a["name"] for a in each["resource_type_associations"]} >= {"OS::Glance::Image"}
                assert each.keys() >= {"namespace", "display_name", "description", "visibility", "protected", "owner"}
            found += [each["namespace"] for each in page["namespaces"]]
            path = page.get("next")
        assert found == sorted(set(found))
        assert len(found) > 10
        names: set[str] = set()
        for name in found:
            whole = http.get(f"/v2/metadefs/namespaces/{name}", params={"resource_type": "OS::Glance::Image"}).json()
            for schema in whole.get("properties", {}).values():
                assert schema.keys() >= {"title", "type"}
                assert isinstance(schema.get("default", ""), str)  # the picker calls toLowerCase() on it
            names |= whole.get("properties", {}).keys()
            for held in whole.get("objects", []):
                assert held.keys() >= {"name", "properties", "required"}
                names |= held["properties"].keys()
        assert names >= {"hw_disk_bus", "hw_watchdog_action", "hw_cpu_policy", "os_distro", "replace_frequency"}
        assert all(re.fullmatch(r"[a-z0-9_.]+", name) for name in names)
        types = {each["name"] for each in http.get("/v2/metadefs/resource_types").json()["resource_types"]}
        assert types >= {"OS::Glance::Image", "OS::Cinder::Volume", "OS::Nova::Flavor"}
