"""GET /v2/images/facets: how many images a list holds, by what they have in common."""

import pytest

from tests.api.wire import FORMATS, Caller, Json, json_of, refused, unique

pytestmark = pytest.mark.ours

DEFAULT = ["os_distro", "architecture", "visibility", "disk_format", "container_format", "status"]


@pytest.fixture(scope="module")
def run(member: Caller) -> str:
    run = unique("facets")
    member.create(run=run, os_distro="debian", architecture="x86_64", tags=["a", "b"], **FORMATS)
    member.create(run=run, os_distro="debian", architecture="aarch64", tags=["a"], visibility="private", **FORMATS)
    member.create(run=run, os_distro="Debian", protected=True)
    member.create(run=run, os_distro="", visibility="community", disk_format="qcow2", container_format="bare")
    member.create(run=run, name="found", os_hidden=True)
    member.active(run=run, name="words to find")
    return run


def counted(caller: Caller, query: str) -> Json:
    answer = caller.get(f"/v2/images/facets?{query}")
    assert answer.status_code == 200, answer.text
    return json_of(answer)


def values(document: Json, facet: str) -> dict[object, int]:
    return {each["value"]: each["count"] for each in document["facets"][facet]["values"]}


def test_by_default(member: Caller, run: str) -> None:
    found = counted(member, f"run={run}")
    assert found["total"] == 5
    assert list(found["facets"]) == DEFAULT
    assert found["facets"]["os_distro"] == {
        "values": [{"value": "debian", "count": 2}, {"value": "", "count": 1}, {"value": "Debian", "count": 1}],
        "distinct": 3,
        "missing": 1,
    }
    assert found["facets"]["architecture"] == {
        "values": [{"value": "aarch64", "count": 1}, {"value": "x86_64", "count": 1}],
        "distinct": 2,
        "missing": 3,
    }
    assert values(found, "visibility") == {"shared": 3, "private": 1, "community": 1}
    assert values(found, "disk_format") == {"raw": 3, "qcow2": 1}
    assert found["facets"]["disk_format"]["missing"] == 1
    assert values(found, "status") == {"queued": 4, "active": 1}


def test_chosen_ones_in_the_order_asked_for(member: Caller, run: str) -> None:
    found = counted(member, f"run={run}&facet=tag&facet=protected&facet=owner&facet=none&facet=run&facet=tag")
    assert list(found["facets"]) == ["tag", "protected", "owner", "none", "run"]
    assert found["facets"]["tag"] == {
        "values": [{"value": "a", "count": 2}, {"value": "b", "count": 1}],
        "distinct": 2,
        "missing": 3,
    }
    assert values(found, "protected") == {False: 4, True: 1}
    assert values(found, "owner") == {"alpha": 5}
    assert found["facets"]["none"] == {"values": [], "distinct": 0, "missing": 5}
    assert values(found, "run") == {run: 5}


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ("os_distro=debian", 2),
        ("tag=a&tag=b", 1),
        ("status=active", 1),
        ("q=words", 1),
        ("q=debian", 3),
        ("q=debian&os_distro=debian&visibility=private", 1),
        ("os_hidden=true", 1),
        ("visibility=community", 1),
        ("created_at=lt:2020-01-01T00:00:00Z", 0),
        ("no_such_property=x", 0),
    ],
)
def test_filters_are_those_of_the_list(member: Caller, run: str, query: str, total: int) -> None:
    found = counted(member, f"run={run}&{query}")
    assert found["total"] == total == len(json_of(member.get(f"/v2/images?run={run}&{query}"))["images"])
    for facet in found["facets"].values():
        assert sum(each["count"] for each in facet["values"]) + facet["missing"] == total


def test_the_most_frequent_values(member: Caller, run: str) -> None:
    found = counted(member, f"run={run}&facet=os_distro&limit=1")["facets"]["os_distro"]
    assert found == {"values": [{"value": "debian", "count": 2}], "distinct": 3, "missing": 1}


def test_only_what_the_caller_sees(stranger: Caller, admin: Caller, run: str) -> None:
    assert counted(stranger, f"run={run}")["total"] == 0
    assert counted(stranger, f"run={run}&visibility=all")["total"] == 1
    assert values(counted(admin, f"run={run}&visibility=all"), "visibility") == {
        "shared": 3,
        "private": 1,
        "community": 1,
    }


def test_without_any_filter(member: Caller, run: str) -> None:
    found = counted(member, "")
    assert found["total"] >= 5
    assert sum(values(found, "visibility").values()) == found["total"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("facet=size", "invalid-facet"),
        ("facet=id", "invalid-facet"),
        ("facet=", "invalid-facet"),
        ("facet=%00", "invalid-facet"),
        ("facet=os_glance_importing_to_stores", "invalid-facet"),
        ("&".join(f"facet=p{n}" for n in range(21)), "invalid-facet"),
        ("limit=0", "invalid-query"),
        ("limit=x", "invalid-query"),
        ("marker=x", "invalid-query"),
        ("sort=name", "invalid-query"),
        ("sort_key=name", "invalid-query"),
        ("status=bad:queued", "invalid-query"),
        ("q=", "invalid-search"),
        ("facet=%ff", "invalid-query"),
    ],
)
def test_refused(member: Caller, query: str, code: str) -> None:
    answer = member.get(f"/v2/images/facets?{query}")
    refused(answer, 400)
    assert answer.headers["x-intaglio-error"] == code


def test_credentials_are_needed(nobody: Caller) -> None:
    refused(nobody.get("/v2/images/facets"), 401)


def test_no_other_method(member: Caller) -> None:
    answer = member.delete("/v2/images/facets")
    refused(answer, 405)
    assert answer.headers["allow"] == "GET"
