"""/v2/metadefs/namespaces and /v2/metadefs/resource_types."""

import json
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest

from tests.api.metadefs import ROOT, define, get, property_of
from tests.api.wire import Caller, Json, differs, json_of, refused, unique

FULL: Json = {
    "display_name": "All there is",
    "description": "Every kind of content",
    "visibility": "public",
    "protected": False,
    "resource_type_associations": [
        {"name": "OS::Glance::Image", "prefix": "hw_"},
        {"name": "OS::Cinder::Volume", "prefix": "vol:", "properties_target": "image"},
    ],
    "properties": {"bus": {"title": "Bus", "type": "string", "enum": ["ide", "virtio"], "default": "ide"}},
    "objects": [
        {
            "name": "an object",
            "description": "Things that belong together",
            "required": ["cores"],
            "properties": {"cores": {"title": "Cores", "type": "integer", "minimum": 1, "maximum": 64}},
        }
    ],
    "tags": [{"name": "a tag"}],
}


def test_arc(admin: Caller) -> None:
    name = unique("ns")
    answer = admin.post(ROOT, json={"namespace": name})
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{admin.target.url}{ROOT}/{name}"
    made = json_of(answer)
    assert made == {
        "namespace": name, "visibility": "private", "protected": False, "owner": "ops",
        "created_at": made["created_at"], "updated_at": made["updated_at"],
        "self": f"{ROOT}/{name}", "schema": "/v2/schemas/metadefs/namespace",
    }  # fmt: skip
    assert made["created_at"].endswith("Z")
    assert get(admin, f"{ROOT}/{name}") == made
    answer = admin.delete(f"{ROOT}/{name}")
    assert (answer.status_code, answer.content) == (204, b"")
    refused(admin.get(f"{ROOT}/{name}"), 404)
    refused(admin.delete(f"{ROOT}/{name}"), 404)


def test_contents_in_one_call(admin: Caller, member: Caller) -> None:
    path = define(admin, **FULL)
    for caller in (admin, member):
        shown = get(caller, path)
        assert shown.items() >= {key: FULL[key] for key in ("display_name", "description", "visibility")}.items()
        assert shown["properties"] == FULL["properties"]
        assert shown["tags"] == FULL["tags"]
        assert [each.items() >= sent.items() for each, sent in zip(shown["objects"], FULL["objects"], strict=True)]
        assert shown["objects"][0]["self"] == f"{path}/objects/an object"
        found = {each["name"]: each for each in shown["resource_type_associations"]}
        for sent in FULL["resource_type_associations"]:
            assert found[sent["name"]].items() >= sent.items()
            assert found[sent["name"]]["created_at"]


def test_prefix(admin: Caller) -> None:
    path = define(admin, **FULL)
    shown = get(admin, f"{path}?resource_type=OS::Glance::Image")
    assert list(shown["properties"]) == ["hw_bus"]
    assert shown["objects"][0]["required"] == ["hw_cores"]
    assert list(shown["objects"][0]["properties"]) == ["hw_cores"]
    assert list(get(admin, f"{path}?resource_type=OS::Nova::Server")["properties"]) == ["bus"]


def test_what_was_there_stays_when_contents_clash(admin: Caller) -> None:
    """All or nothing: a clash in the contents leaves no namespace."""
    name = unique("ns")
    twice: Json = {"namespace": name, "tags": [{"name": "x"}, {"name": "x"}]}
    refused(admin.post(ROOT, json=twice), 409)
    refused(admin.get(f"{ROOT}/{name}"), 404)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({}, 400, id="no name"),
        pytest.param({"namespace": None}, 400, id="null"),
        pytest.param({"namespace": 5}, 400, id="number"),
        pytest.param({"namespace": "x" * 81}, 400, id="long"),
        pytest.param({"namespace": "n", "display_name": "x" * 81}, 400, id="long display name"),
        pytest.param({"namespace": "n", "description": "x" * 501}, 400, id="long description"),
        pytest.param({"namespace": "n", "owner": "x" * 256}, 400, id="long owner"),
        pytest.param({"namespace": "n", "visibility": "shared"}, 400, id="visibility"),
        pytest.param({"namespace": "n", "protected": "yes"}, 400, id="protected"),
        pytest.param({"namespace": "n", "unknown": 1}, 400, id="unknown"),
        pytest.param({"namespace": "n", "properties": []}, 400, id="properties"),
        pytest.param({"namespace": "n", "properties": {"p": {"title": "T"}}}, 400, id="no type"),
        pytest.param({"namespace": "n", "objects": {}}, 400, id="objects"),
        pytest.param({"namespace": "n", "tags": ["x"]}, 400, id="tags"),
        pytest.param({"namespace": "n", "self": "x"}, 403, id="self"),
        pytest.param({"namespace": "n", "schema": "x"}, 403, id="schema"),
        pytest.param({"namespace": "n", "created_at": "x"}, 403, id="created_at"),
        pytest.param({"namespace": "n", "updated_at": "x"}, 403, id="updated_at"),
        pytest.param({"namespace": ""}, 400, id="empty", marks=differs("201, and never reached again")),
        pytest.param({"namespace": "a/b"}, 400, id="slash", marks=differs("201, and never reached again")),
        pytest.param([1], 400, id="array", marks=differs("500")),
        pytest.param({"namespace": "n", "tags": [{}]}, 400, id="tag without name", marks=differs("500")),
        pytest.param({"namespace": "n\0"}, 400, id="NUL", marks=differs("201")),
    ],
)
def test_bad_body(admin: Caller, body: object, status: int) -> None:
    refused(admin.post(ROOT, json=body), status)
    existing = define(admin)
    refused(admin.put(existing, json=body), status)
    refused(admin.get(f"{ROOT}/n"), 404)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff"], ids=["missing", "cut off", "binary"])
def test_no_json(admin: Caller, content: bytes) -> None:
    refused(admin.post(ROOT, content=content), 400)


def test_taken(admin: Caller) -> None:
    one, two = define(admin), define(admin)
    name = one.rpartition("/")[2]
    refused(admin.post(ROOT, json={"namespace": name}), 409)
    refused(admin.put(two, json={"namespace": name}), 409)
    assert get(admin, two)["namespace"] == two.rpartition("/")[2]


def test_update_replaces_the_own_fields_alone(admin: Caller) -> None:
    path = define(admin, **FULL | {"owner": "alpha", "protected": True})
    before = get(admin, path)
    answer = admin.put(path, json={"namespace": path.rpartition("/")[2], "properties": {}})
    assert answer.status_code == 200, answer.text
    changed = json_of(answer)
    assert (changed["visibility"], changed["protected"], changed["owner"]) == ("private", False, "ops")
    assert changed.keys() & {"display_name", "description", "properties", "objects", "tags"} == set()
    after = get(admin, path)
    for kept in ("properties", "objects", "tags", "resource_type_associations", "created_at"):
        assert after[kept] == before[kept]
    refused(admin.put(f"{ROOT}/{unique()}", json={"namespace": "x"}), 404)


def test_rename(admin: Caller) -> None:
    path = define(admin, tags=[{"name": "kept"}])
    name = unique("renamed")
    answer = admin.put(path, json={"namespace": name})
    assert answer.json()["self"] == f"{ROOT}/{name}"
    refused(admin.get(path), 404)
    assert get(admin, f"{ROOT}/{name}")["tags"] == [{"name": "kept"}]


@pytest.mark.parametrize("name", ["OS::A::b c", "a.b:c,d;e", "100%", "?&=#", "x" * 60, "<b>"])
def test_any_name_is_reached(admin: Caller, name: str) -> None:
    name = unique("n") + name
    path = define(admin, namespace=name)
    assert path == f"{ROOT}/{name}"
    reached = f"{ROOT}/{quote(name, safe='')}"
    assert get(admin, reached)["namespace"] == name
    assert admin.delete(reached).status_code == 204


def test_protected_holds_everything(admin: Caller) -> None:
    path = define(admin, **FULL)
    assert admin.put(path, json={"namespace": path.rpartition("/")[2], "protected": True}).status_code == 200
    for what in (
        "", "/properties/bus", "/properties", "/objects/an object", "/objects", "/tags/a tag", "/tags",
        "/resource_types/OS::Glance::Image",
    ):  # fmt: skip
        refused(admin.delete(path + what), 403)
    shown = get(admin, path)
    assert shown.keys() >= {"properties", "objects", "tags", "resource_type_associations"}
    assert admin.put(path, json={"namespace": path.rpartition("/")[2]}).status_code == 200
    assert admin.delete(path).status_code == 204
    assert admin.post(ROOT, json={"namespace": path.rpartition("/")[2]}).status_code == 201
    assert get(admin, path).keys() & {"properties", "objects", "tags", "resource_type_associations"} == set()


@pytest.fixture(scope="module")
def three(admin: Caller) -> list[str]:
    """Three namespaces of a resource type of their own, in order of creation."""
    kind = unique("OS::Kind")
    names = []
    for number, display in enumerate(("b", "c", "a")):
        associations = [{"name": kind, "prefix": "p_"}]
        scope = "public" if number else "private"
        path = define(admin, display_name=display, visibility=scope, resource_type_associations=associations)
        names.append(path.rpartition("/")[2])
    return [kind, *names]


def parameters(path: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(path).query)


class TestList:
    def names(self, caller: Caller, kind: str, query: str = "") -> list[str]:
        page = get(caller, f"{ROOT}?resource_types={kind}{query}")
        assert page["schema"] == "/v2/schemas/metadefs/namespaces"
        return [each["namespace"] for each in page["namespaces"]]

    def test_newest_first_with_their_resource_types(self, admin: Caller, three: list[str]) -> None:
        kind, *names = three
        assert self.names(admin, kind) == names[::-1]
        page = get(admin, f"{ROOT}?resource_types={kind},OS::Nothing")
        assert [each["namespace"] for each in page["namespaces"]] == names[::-1]
        for each in page["namespaces"]:
            assert each["resource_type_associations"][0].items() >= {"name": kind, "prefix": "p_"}.items()
            assert each.keys() & {"properties", "objects", "tags"} == set()

    def test_none_of_an_unknown_type(self, admin: Caller) -> None:
        assert self.names(admin, unique("OS::Nothing")) == []

    @pytest.mark.parametrize(
        ("query", "order"),
        [
            ("&sort_dir=asc", (0, 1, 2)),
            ("&sort_key=namespace", None),
            ("&sort_key=display_name&sort_dir=asc", (2, 0, 1)),
            ("&sort_key=display_name&sort_dir=desc", (1, 0, 2)),
            ("&sort_key=id&sort_dir=asc", (0, 1, 2)),
            ("&sort_key=visibility&sort_dir=asc", (0, 1, 2)),
            ("&visibility=public", (2, 1)),
            ("&visibility=private", (0,)),
        ],
    )
    def test_order(self, admin: Caller, three: list[str], query: str, order: tuple[int, ...] | None) -> None:
        kind, *names = three
        wanted = sorted(names, reverse=True) if order is None else [names[place] for place in order]
        assert self.names(admin, kind, query) == wanted

    @pytest.mark.parametrize("query", ["", "&sort_key=display_name", "&sort_key=owner&sort_dir=asc"])
    def test_pages_hold_each_namespace_once(self, admin: Caller, three: list[str], query: str) -> None:
        kind, *_ = three
        wanted = self.names(admin, kind, query)
        path: str | None = f"{ROOT}?resource_types={kind}&limit=1{query}"
        found = []
        while path is not None:
            page = get(admin, path)
            assert page["first"] == f"{ROOT}?{urlencode([each for each in parameters(path) if each[0] != 'marker'])}"
            found += [each["namespace"] for each in page["namespaces"]]
            path = page.get("next")
        assert found == wanted

    def test_who_sees_what(self, admin: Caller, member: Caller, three: list[str]) -> None:
        kind, *names = three
        assert self.names(member, kind) == [names[2], names[1]]
        assert self.names(member, kind, "&visibility=private") == []
        mine = define(admin, owner="alpha", resource_type_associations=[{"name": kind}])
        try:
            assert self.names(member, kind)[0] == mine.rpartition("/")[2]
            assert get(member, mine)["owner"] == "alpha"
        finally:
            admin.delete(mine)

    def test_limit_zero(self, admin: Caller) -> None:
        page = get(admin, f"{ROOT}?limit=0")
        assert (page["namespaces"], page["first"]) == ([], f"{ROOT}?limit=0")

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ("limit=-1", 400),
            ("sort_dir=up", 400),
            ("visibility=shared", 400),
            ("marker=no-such-namespace", 404),
            pytest.param("limit=x", 400, marks=differs("500")),
            pytest.param("limit=1.5", 400, marks=differs("500")),
            pytest.param("sort_key=unknown", 400, marks=differs("500")),
            pytest.param("sort_key=metadata", 400, marks=differs("500")),
        ],
    )
    def test_bad_query(self, admin: Caller, query: str, status: int) -> None:
        refused(admin.get(f"{ROOT}?{query}"), status)

    def test_marker_that_the_caller_may_not_see(self, member: Caller, three: list[str]) -> None:
        hidden = member.get(f"{ROOT}?marker={three[1]}")
        refused(hidden, 404) if not member.target.peer else refused(hidden, 403)


class TestResourceTypes:
    def test_arc(self, admin: Caller) -> None:
        path = define(admin)
        kind = unique("OS::Kind")
        answer = admin.post(f"{path}/resource_types", json={"name": kind, "prefix": "p:", "properties_target": "image"})
        assert answer.status_code == 201, answer.text
        made = json_of(answer)
        assert made.items() >= {"name": kind, "prefix": "p:", "properties_target": "image"}.items()
        assert made.keys() >= {"created_at", "updated_at"}
        assert get(admin, f"{path}/resource_types") == {"resource_type_associations": [made]}
        known = {each["name"]: each for each in get(admin, "/v2/metadefs/resource_types")["resource_types"]}
        assert known[kind].keys() == {"name", "created_at", "updated_at"}
        refused(admin.post(f"{path}/resource_types", json={"name": kind}), 409)
        assert admin.delete(f"{path}/resource_types/{kind}").status_code == 204
        refused(admin.delete(f"{path}/resource_types/{kind}"), 404)
        assert get(admin, f"{path}/resource_types") == {"resource_type_associations": []}
        assert kind in {each["name"] for each in get(admin, "/v2/metadefs/resource_types")["resource_types"]}

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            pytest.param({}, 400, id="no name"),
            pytest.param({"name": "x" * 81}, 400, id="long"),
            pytest.param({"name": "n", "prefix": "x" * 81}, 400, id="long prefix"),
            pytest.param({"name": "n", "prefix": None}, 400, id="null"),
            pytest.param({"name": "n", "protected": True}, 400, id="unknown"),
            pytest.param({"name": "n", "created_at": "x"}, 403, id="read-only"),
        ],
    )
    def test_bad_body(self, admin: Caller, body: Json, status: int) -> None:
        path = define(admin)
        refused(admin.post(f"{path}/resource_types", json=body), status)
        assert get(admin, f"{path}/resource_types") == {"resource_type_associations": []}

    def test_no_namespace(self, admin: Caller) -> None:
        for method in ("GET", "POST"):
            path = f"{ROOT}/{unique()}/resource_types"
            refused(admin.request(method, path, json={"name": "n"} if method == "POST" else None), 404)


def test_a_large_definition(admin: Caller) -> None:
    properties = {f"p{number}": property_of(f"p{number}", description="x" * 200) for number in range(500)}
    path = define(admin, properties=properties)
    assert len(json.dumps(get(admin, path)["properties"])) > 100_000
    assert admin.delete(path).status_code == 204
