"""Requests that once made an image service fail: each is answered as what it is, a mistake of the caller, or works."""

from collections.abc import Callable

import pytest

from tests.api.wire import FORMATS, OCTETS, Caller, differs, op, refused

failed = differs("Glance answers 500")


def is_the_callers(status: int) -> None:
    assert 400 <= status < 500, status


@failed
def test_creation_with_an_array(member: Caller) -> None:
    refused(member.post("/v2/images", json=[{"name": "x"}]), 400)


@failed
def test_overlong_request_id(member: Caller) -> None:
    refused(member.get("/v2/images", headers={"X-Openstack-Request-ID": "r" * 65}), 400)


@pytest.mark.parametrize("query", ["foo_min=1", "foo_max=1", "name_min=1", "properties=x", "members=x", "locations=x"])
@failed
def test_list_by_what_is_no_filter(member: Caller, query: str) -> None:
    refused(member.get(f"/v2/images?{query}"), 400)


@pytest.mark.parametrize("name", ["extra_properties", "base"])
@failed
def test_patch_of_inner_names(member: Caller, name: str) -> None:
    """They are property names like others."""
    image = member.create()
    assert member.change(image["id"], op("add", f"/{name}", "v")).json()[name] == "v"


def test_location_metadata_with_numbers(there: Callable[[str], Caller]) -> None:
    image = there("mia").active()
    value = {"url": "http://127.0.0.1:9/x", "metadata": {"n": 5}}
    refused(there("mia").change(image["id"], op("add", "/locations/-", value)), 400)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"method": "web-download"}, id="method-text"),
        pytest.param([], id="array"),
        pytest.param({"method": {"name": "web-download", "uri": 5}}, id="uri-number"),
        pytest.param({"method": {"name": "copy-image"}, "stores": "abc"}, id="stores-text"),
    ],
)
@pytest.mark.ours  # which of these fails in Glance depends on the status of the image
def test_import(member: Caller, body: object) -> None:
    image = member.create(**FORMATS)
    is_the_callers(member.post(f"/v2/images/{image['id']}/import", json=body).status_code)
    assert member.image(image["id"])["status"] == "queued"


@failed
def test_member_that_is_an_object(member: Caller) -> None:
    image = member.create()
    refused(member.post(f"/v2/images/{image['id']}/members", json={"member": {"id": "beta"}}), 400)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v2/metadefs/namespaces?limit=abc", None),
        ("GET", "/v2/metadefs/namespaces?sort_key=colour", None),
        ("POST", "/v2/metadefs/namespaces/absent/tags", {}),
    ],
)
@pytest.mark.ours  # Glance answers 500 to the first two, and to the third where the namespace exists
def test_metadata_definitions(admin: Caller, method: str, path: str, body: object) -> None:
    is_the_callers(admin.request(method, path, json=body).status_code)


def test_cache_removal_without_a_cache(admin: Caller) -> None:
    image = admin.active()
    is_the_callers(admin.delete(f"/v2/cache/{image['id']}").status_code)


@pytest.mark.parametrize("headers", [{"Range": "bytes=0-1"}, {"Content-Range": "bytes 0-1/*"}], ids=str)
@failed
def test_range_of_no_data(member: Caller, headers: dict[str, str]) -> None:
    image = member.create()
    is_the_callers(member.get(f"/v2/images/{image['id']}/file", headers=headers).status_code)


@failed
def test_older_range_without_numbers(member: Caller) -> None:
    image = member.active()
    is_the_callers(member.get(f"/v2/images/{image['id']}/file", headers={"Content-Range": "bytes */5"}).status_code)


@failed
def test_upload_again_after_the_wrong_format(member: Caller) -> None:
    image = member.create(disk_format="iso", container_format="bare")
    path = f"/v2/images/{image['id']}/file"
    refused(member.put(path, content=b"this is no iso image " * 4000, headers=OCTETS), 415)
    refused(member.put(path, content=b"nor is this " * 4000, headers=OCTETS), 415)
    assert member.image(image["id"])["status"] == "queued"
