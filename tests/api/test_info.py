"""GET /v2/info/…: what a client asks of a service before it does anything."""

from collections.abc import Callable, Iterator

import pytest

from tests.api.wire import FORMATS, PEOPLE, Caller, Target, differs, noise, refused

STORES = [{"id": "fast", "default": "true"}, {"id": "slow"}]


@pytest.fixture(scope="module")
def lone(plain: Target) -> Iterator[Caller]:
    """An administrator of a service with one store."""
    with Caller(plain, PEOPLE[0]) as caller:
        yield caller


@pytest.mark.parametrize("who", ["admin", "member", "reader", "stranger"])
class TestForEverybody:
    def test_import(self, request: pytest.FixtureRequest, who: str) -> None:
        caller: Caller = request.getfixturevalue(who)
        answer = caller.get("/v2/info/import")
        assert answer.status_code == 200
        assert answer.json().keys() - {"import-method-extras"} == {"import-methods"}
        methods = answer.json()["import-methods"]
        assert methods.keys() == {"description", "type", "value"}
        assert (methods["description"], methods["type"]) == ("Import methods available.", "array")
        assert set(methods["value"]) <= {"glance-direct", "web-download", "copy-image"}

    def test_stores(self, request: pytest.FixtureRequest, who: str) -> None:
        caller: Caller = request.getfixturevalue(who)
        answer = caller.get("/v2/info/stores")
        assert answer.status_code == 200
        assert answer.json() == {"stores": STORES}

    def test_usage(self, request: pytest.FixtureRequest, who: str) -> None:
        caller: Caller = request.getfixturevalue(who)
        answer = caller.get("/v2/info/usage")
        assert answer.status_code == 200
        assert answer.json().keys() == {"usage"}
        for used in answer.json()["usage"].values():
            assert used.keys() == {"usage", "limit"}


@pytest.mark.ours
def test_import_methods_say_what_more_they_take(member: Caller) -> None:
    answer = member.get("/v2/info/import").json()
    offered = set(answer["import-methods"]["value"])
    extras = answer["import-method-extras"]["value"]
    assert extras.keys() <= offered
    if "web-download" in offered:
        assert {"checksum", "checksum_url", "checksum_name"} <= set(extras["web-download"])


def test_creation_names_the_methods_and_stores(member: Caller) -> None:
    offered = member.get("/v2/info/import").json()["import-methods"]["value"]
    answer = member.post("/v2/images", json={})
    assert answer.headers["openstack-image-store-ids"].split(",")[:2] == ["fast", "slow"]
    named = answer.headers.get("openstack-image-import-methods")
    assert named == (",".join(offered) or None)


def test_one_store_has_no_name(lone: Caller) -> None:
    refused(lone.get("/v2/info/stores"), 404)
    refused(lone.get("/v2/info/stores/detail"), 404)
    answer = lone.post("/v2/images", json={})
    assert "openstack-image-store-ids" not in answer.headers
    assert "stores" not in answer.json()


def test_stores_in_detail(admin: Caller, target: Target) -> None:
    answer = admin.get("/v2/info/stores/detail")
    assert answer.status_code == 200
    found = answer.json()["stores"]
    assert [store["id"] for store in found] == ["fast", "slow"]
    for store, weight, place in zip(found, (200, 100), ("fast", "slow"), strict=True):
        where = str(target.stores / place) if target.stores else store["properties"]["data_dir"]
        assert store == {
            "id": place,
            **({"default": "true"} if place == "fast" else {}),
            "type": "file",
            "weight": weight,
            "properties": {"data_dir": where, "chunk_size": 65536, "thin_provisioning": False},
        }


@pytest.mark.parametrize("who", ["member", "reader", "stranger"])
def test_detail_is_for_administrators(request: pytest.FixtureRequest, who: str) -> None:
    refused(request.getfixturevalue(who).get("/v2/info/stores/detail"), 403)


def test_description(there: Callable[[str], Caller]) -> None:
    described = {"id": "fast", "description": "quick, and dear", "default": "true"}
    assert there("mia").get("/v2/info/stores").json()["stores"][0] == described


@differs("Glance tells nothing of usage without limits in Keystone")
def test_usage_follows_what_is_there(stranger: Caller) -> None:
    def used() -> dict[str, int]:
        usage = stranger.get("/v2/info/usage").json()["usage"]
        assert {name: of["limit"] for name, of in usage.items()} == dict.fromkeys(usage, -1)
        return {name: of["usage"] for name, of in usage.items()}

    before = used()
    assert before.keys() == {"image_size_total", "image_stage_total", "image_count_total", "image_count_uploading"}
    image = stranger.active(noise(3 << 20), **FORMATS)
    waiting = stranger.create()
    assert used() == before | {
        "image_size_total": before["image_size_total"] + 3,
        "image_count_total": before["image_count_total"] + 2,
    }
    for created in (image, waiting):
        assert stranger.delete(f"/v2/images/{created['id']}").status_code == 204
    assert used() == before
