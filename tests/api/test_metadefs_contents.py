"""Properties, objects and tags in a namespace."""

from urllib.parse import quote

import pytest

from tests.api.metadefs import ROOT, define, get, property_of
from tests.api.wire import Caller, Json, differs, json_of, refused, unique


@pytest.fixture(scope="module")
def space(admin: Caller) -> str:
    """A public namespace; tests use names of their own in it."""
    return define(admin, visibility="public")


class TestProperties:
    def test_arc(self, admin: Caller, space: str) -> None:
        name = unique("p")
        body = property_of(name, description="What it is", enum=["a", "b"], operators=["<in>", "<or>"], readonly=True)
        answer = admin.post(f"{space}/properties", json=body)
        assert answer.status_code == 201, answer.text
        assert json_of(answer) == body
        assert get(admin, f"{space}/properties/{name}") == body
        listed = get(admin, f"{space}/properties")["properties"][name]
        assert {**listed, "name": name} == body
        assert {**get(admin, space)["properties"][name], "name": name} == body
        refused(admin.post(f"{space}/properties", json=body), 409)
        changed = property_of(name, type="integer", minimum=-5, maximum=10)
        assert admin.put(f"{space}/properties/{name}", json=changed).json() == changed
        assert get(admin, f"{space}/properties/{name}") == changed
        assert admin.delete(f"{space}/properties/{name}").status_code == 204
        for method in ("GET", "DELETE"):
            refused(admin.request(method, f"{space}/properties/{name}"), 404)
        refused(admin.put(f"{space}/properties/{name}", json=changed), 404)

    @pytest.mark.parametrize(
        ("fields", "shown"),
        [
            ({"default": "s"}, {"default": "s"}),
            ({"default": 5}, {"default": "5"}),
            ({"default": True}, {"default": "True"}),
            ({"default": 1.5}, {"default": "1.5"}),
            ({"default": None}, {"default": None}),
            ({"enum": []}, {"enum": []}),
            ({"enum": ["a", None]}, {"enum": ["a", None]}),
            ({"minimum": -1, "maximum": 2.0}, {"minimum": -1, "maximum": 2}),
            ({"minLength": 0, "maxLength": 5}, {"minLength": 0, "maxLength": 5}),
            ({"pattern": "^a$"}, {"pattern": "^a$"}),
            ({"items": {"type": "string", "enum": ["a"]}}, {"items": {"type": "string", "enum": ["a"]}}),
            (
                {"uniqueItems": True, "additionalItems": False, "minItems": 0, "maxItems": 3},
                {"uniqueItems": True, "additionalItems": False, "minItems": 0, "maxItems": 3},
            ),
            pytest.param({"default": ["a"]}, {"default": '["a"]'}, marks=differs("null: the value is lost")),
            pytest.param({"default": {"a": 1}}, {"default": '{"a":1}'}, marks=differs("null: the value is lost")),
            pytest.param({"enum": [1, 2.5]}, {"enum": ["1", "2.5"]}, marks=differs("500")),
            pytest.param({"minimum": 1.5}, {"minimum": 1.5}, marks=differs("1")),
        ],
        ids=str,
    )
    def test_fields(self, admin: Caller, space: str, fields: Json, shown: Json) -> None:
        name = unique("p")
        answer = admin.post(f"{space}/properties", json=property_of(name, **fields))
        assert answer.status_code == 201, answer.text
        assert answer.json() == property_of(name, **shown)
        assert get(admin, f"{space}/properties/{name}") == property_of(name, **shown)

    @pytest.mark.parametrize(
        ("fields", "status"),
        [
            ({"type": "bool"}, 400),
            ({"type": None}, 400),
            ({"type": ["string"]}, 400),
            ({"title": None}, 400),
            ({"description": 5}, 400),
            ({"minLength": -1}, 400),
            ({"maxItems": 1.5}, 400),
            ({"minimum": "1"}, 400),
            ({"enum": "a"}, 400),
            ({"operators": [1]}, 400),
            ({"readonly": "yes"}, 400),
            ({"items": {"type": None}}, 400),
            ({"unknown": 1}, 400),
            ({"self": "x"}, 400),
            ({"created_at": "x"}, 403),
            ({"name": "x" * 81}, 400),
            pytest.param({"required": ["a"]}, 400, marks=differs("500")),
            pytest.param({"items": {}}, 400, marks=differs("500")),
            pytest.param({"items": {"type": "string", "unknown": 1}}, 400, marks=differs("500")),
            pytest.param({"enum": [["a"]]}, 400, marks=differs("500")),
            pytest.param({"pattern": "("}, 400, marks=differs("201")),
            pytest.param({"name": ""}, 400, marks=differs("201, and never reached again")),
            pytest.param({"name": "a/b"}, 400, marks=differs("201, and never reached again")),
        ],
        ids=str,
    )
    def test_bad_body(self, admin: Caller, space: str, fields: Json, status: int) -> None:
        name = unique("p")
        refused(admin.post(f"{space}/properties", json=property_of(name) | fields), status)
        refused(admin.get(f"{space}/properties/{name}"), 404)

    @pytest.mark.parametrize("missing", ["name", "title", "type"])
    def test_missing(self, admin: Caller, space: str, missing: str) -> None:
        body = property_of(unique("p"))
        del body[missing]
        refused(admin.post(f"{space}/properties", json=body), 400)

    def test_rename(self, admin: Caller, space: str) -> None:
        one, two = unique("p"), unique("p")
        admin.post(f"{space}/properties", json=property_of(one))
        assert admin.put(f"{space}/properties/{one}", json=property_of(two)).json()["name"] == two
        refused(admin.get(f"{space}/properties/{one}"), 404)
        assert get(admin, f"{space}/properties/{two}") == property_of(two)

    @differs("500")
    def test_rename_to_one_that_is_there(self, admin: Caller, space: str) -> None:
        one, two = unique("p"), unique("p")
        for name in (one, two):
            admin.post(f"{space}/properties", json=property_of(name))
        refused(admin.put(f"{space}/properties/{one}", json=property_of(two)), 409)
        assert get(admin, f"{space}/properties/{one}") == property_of(one)

    def test_by_its_prefixed_name(self, admin: Caller) -> None:
        path = define(admin, resource_type_associations=[{"name": "OS::Glance::Image", "prefix": "hw_"}])
        admin.post(f"{path}/properties", json=property_of("bus"))
        assert get(admin, f"{path}/properties/hw_bus?resource_type=OS::Glance::Image")["name"] == "bus"
        for wrong in ("bus?resource_type=OS::Glance::Image", "hw_bus?resource_type=OS::Nova::Server", "hw_bus"):
            refused(admin.get(f"{path}/properties/{wrong}"), 404)
        assert get(admin, f"{path}/properties/bus?resource_type=")["name"] == "bus"

    @differs("404 for every property")
    def test_without_a_prefix(self, admin: Caller) -> None:
        path = define(admin, resource_type_associations=[{"name": "OS::Glance::Image"}])
        admin.post(f"{path}/properties", json=property_of("bus"))
        assert get(admin, f"{path}/properties/bus?resource_type=OS::Glance::Image")["name"] == "bus"

    def test_delete_all(self, admin: Caller) -> None:
        path = define(admin, properties={"a": property_of("a"), "b": property_of("b")}, tags=[{"name": "kept"}])
        for _ in range(2):
            assert admin.delete(f"{path}/properties").status_code == 204
        assert get(admin, f"{path}/properties") == {"properties": {}}
        assert get(admin, path)["tags"] == [{"name": "kept"}]


class TestObjects:
    def test_arc(self, admin: Caller, space: str) -> None:
        name = unique("o")
        body: Json = {
            "name": name, "description": "Together", "required": ["x"],
            "properties": {"x": {"title": "X", "type": "integer", "default": 3}, "y": property_of("y")},
        }  # fmt: skip
        answer = admin.post(f"{space}/objects", json=body)
        assert answer.status_code == 201, answer.text
        made = json_of(answer)
        kept = body | {"properties": {**body["properties"], "x": {"title": "X", "type": "integer", "default": "3"}}}
        assert made.items() >= kept.items()
        assert (made["self"], made["schema"]) == (f"{space}/objects/{name}", "/v2/schemas/metadefs/object")
        assert get(admin, f"{space}/objects/{name}") == made
        assert made in get(admin, f"{space}/objects")["objects"]
        refused(admin.post(f"{space}/objects", json={"name": name}), 409)
        changed = admin.put(f"{space}/objects/{name}", json={"name": name}).json()
        assert changed.get("properties", {}) == {}
        assert get(admin, f"{space}/objects/{name}").items() >= {"name": name, "required": [], "properties": {}}.items()
        assert admin.delete(f"{space}/objects/{name}").status_code == 204
        for method in ("GET", "DELETE"):
            refused(admin.request(method, f"{space}/objects/{name}"), 404)
        refused(admin.put(f"{space}/objects/{name}", json={"name": name}), 404)

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            pytest.param({"name": None}, 400, id="null"),
            pytest.param({"name": "x" * 81}, 400, id="long"),
            pytest.param({"required": ["a", "a"]}, 400, id="twice"),
            pytest.param({"required": "a"}, 400, id="required"),
            pytest.param({"properties": {"x": {"title": "X"}}}, 400, id="no type"),
            pytest.param({"properties": []}, 400, id="properties"),
            pytest.param({"description": None}, 400, id="description"),
            pytest.param({"unknown": 1}, 400, id="unknown"),
            pytest.param({"self": "x"}, 403, id="self"),
            pytest.param({"updated_at": "x"}, 403, id="updated_at"),
            pytest.param({"required": ["a,b"]}, 400, id="comma", marks=differs("201, and then two names")),
            pytest.param({"name": ""}, 400, id="empty", marks=differs("201, and never reached again")),
        ],
    )
    def test_bad_body(self, admin: Caller, space: str, body: Json, status: int) -> None:
        name = unique("o")
        refused(admin.post(f"{space}/objects", json={"name": name} | body), status)
        refused(admin.get(f"{space}/objects/{name}"), 404)

    @differs("500")
    def test_rename_to_one_that_is_there(self, admin: Caller, space: str) -> None:
        one, two = unique("o"), unique("o")
        for name in (one, two):
            admin.post(f"{space}/objects", json={"name": name})
        refused(admin.put(f"{space}/objects/{one}", json={"name": two}), 409)

    @pytest.mark.ours  # Glance's have no order
    def test_list_in_order_of_creation(self, admin: Caller) -> None:
        path = define(admin, objects=[{"name": name} for name in "bca"])
        page = get(admin, f"{path}/objects")
        assert [each["name"] for each in page["objects"]] == ["b", "c", "a"]
        assert page["schema"].lstrip("/") == "v2/schemas/metadefs/objects"

    @differs("all of them, whatever is asked, and a schema link without its slash")
    def test_pages(self, admin: Caller) -> None:
        path = define(admin, objects=[{"name": name} for name in "bcad"])
        for query, wanted in (("", "bcad"), ("&sort_key=name&sort_dir=asc", "abcd"), ("&sort_key=name", "dcba")):
            link: str | None = f"{path}/objects?limit=2{query}"
            found = ""
            while link is not None:
                page = get(admin, link)
                assert page["schema"] == "/v2/schemas/metadefs/objects"
                found += "".join(each["name"] for each in page["objects"])
                link = page.get("next")
            assert found == wanted

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ("limit=0", 400),
            ("limit=-1", 400),
            ("limit=x", 400),
            ("sort_dir=up", 400),
            pytest.param("sort_key=unknown", 400, marks=differs("200")),
            pytest.param("marker=unknown", 404, marks=differs("200")),
        ],
    )
    def test_bad_query(self, admin: Caller, space: str, query: str, status: int) -> None:
        refused(admin.get(f"{space}/objects?{query}"), status)

    def test_delete_all(self, admin: Caller) -> None:
        path = define(admin, objects=[{"name": name} for name in "ab"], properties={"kept": property_of("kept")})
        for _ in range(2):
            assert admin.delete(f"{path}/objects").status_code == 204
        assert get(admin, f"{path}/objects")["objects"] == []
        assert list(get(admin, f"{path}/properties")["properties"]) == ["kept"]


class TestTags:
    def names(self, admin: Caller, path: str, query: str = "") -> list[str]:
        return [each["name"] for each in get(admin, f"{path}/tags{query}")["tags"]]

    def test_arc(self, admin: Caller, space: str) -> None:
        name = unique("t")
        answer = admin.post(f"{space}/tags/{name}")
        assert answer.status_code == 201, answer.text
        made = json_of(answer)
        assert made.keys() == {"name", "created_at", "updated_at"}
        assert get(admin, f"{space}/tags/{name}") == made
        assert {"name": name} in get(admin, f"{space}/tags")["tags"]
        refused(admin.post(f"{space}/tags/{name}"), 409)
        new = unique("t")
        assert admin.put(f"{space}/tags/{name}", json={"name": new}).json()["name"] == new
        refused(admin.get(f"{space}/tags/{name}"), 404)
        assert admin.delete(f"{space}/tags/{new}").status_code == 204
        refused(admin.delete(f"{space}/tags/{new}"), 404)
        refused(admin.put(f"{space}/tags/{new}", json={"name": new}), 404)

    def test_many_replace_or_append(self, admin: Caller) -> None:
        path = define(admin, tags=[{"name": "old"}])
        answer = admin.post(f"{path}/tags", json={"tags": [{"name": "a"}, {"name": "b"}]})
        assert (answer.status_code, answer.json()) == (201, {"tags": [{"name": "a"}, {"name": "b"}]})
        assert sorted(self.names(admin, path)) == ["a", "b"]
        append = {"X-Openstack-Append": "True"}
        assert admin.post(f"{path}/tags", json={"tags": [{"name": "c"}]}, headers=append).status_code == 201
        assert sorted(self.names(admin, path)) == ["a", "b", "c"]
        refused(admin.post(f"{path}/tags", json={"tags": [{"name": "d"}, {"name": "c"}]}, headers=append), 409)
        refused(admin.post(f"{path}/tags", json={"tags": [{"name": "d"}, {"name": "d"}]}), 409)
        assert sorted(self.names(admin, path)) == ["a", "b", "c"]
        assert admin.post(f"{path}/tags", json={"tags": []}).status_code == 201
        assert sorted(self.names(admin, path)) == ["a", "b", "c"]
        assert admin.post(
            f"{path}/tags", json={"tags": [{"name": "z"}]}, headers={"X-Openstack-Append": "no"}
        ).is_success
        assert self.names(admin, path) == ["z"]

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            pytest.param({"tags": ["x"]}, 400, id="strings"),
            pytest.param({"tags": [{"name": "x", "created_at": "y"}]}, 400, id="time"),
            pytest.param({"tags": [{}]}, 400, id="no name"),
            pytest.param({"tags": {}}, 400, id="object"),
            pytest.param({"unknown": []}, 400, id="unknown"),
            pytest.param({"tags": [], "created_at": ""}, 403, id="read-only"),
            pytest.param({}, 400, id="nothing", marks=differs("500")),
            pytest.param({"tags": [{"name": "x" * 81}]}, 400, id="long", marks=differs("201")),
            pytest.param({"tags": [{"name": ""}]}, 400, id="empty", marks=differs("201, and never reached again")),
        ],
    )
    def test_bad_body(self, admin: Caller, body: Json, status: int) -> None:
        path = define(admin, tags=[{"name": "kept"}])
        refused(admin.post(f"{path}/tags", json=body), status)
        assert self.names(admin, path) == ["kept"]

    @pytest.mark.parametrize(
        ("query", "wanted"),
        [
            ("", "dacb"),
            ("?limit=2", "da"),
            ("?limit=2&marker=a", "cb"),
            ("?sort_key=name&sort_dir=asc", "abcd"),
            ("?sort_key=name&sort_dir=asc&limit=2&marker=b", "cd"),
            ("?limit=0", ""),
            ("?limit=", "dacb"),
            ("?sort_key=id&sort_dir=asc", "bcad"),
        ],
    )
    def test_list(self, admin: Caller, query: str, wanted: str) -> None:
        path = define(admin, tags=[{"name": name} for name in "bcad"])
        assert "".join(self.names(admin, path, query)) == wanted

    @differs("no links")
    def test_links(self, admin: Caller) -> None:
        path = define(admin, tags=[{"name": name} for name in "abc"])
        page = get(admin, f"{path}/tags?limit=2")
        assert page["first"] == f"{path}/tags?limit=2"
        assert page["schema"] == "/v2/schemas/metadefs/tags"
        last = get(admin, page["next"])
        assert [each["name"] for each in last["tags"]] == ["a"]
        assert "next" not in last

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ("limit=x", 400),
            ("limit=-1", 400),
            ("sort_dir=up", 400),
            ("marker=unknown", 404),
            pytest.param("sort_key=unknown", 400, marks=differs("500")),
        ],
    )
    def test_bad_query(self, admin: Caller, space: str, query: str, status: int) -> None:
        refused(admin.get(f"{space}/tags?{query}"), status)

    def test_one_takes_no_body(self, admin: Caller, space: str) -> None:
        refused(admin.post(f"{space}/tags/{unique()}", json={"name": "x"}), 400)
        refused(admin.post(f"{space}/tags/{'x' * 81}"), 400)

    def test_rename_to_one_that_is_there(self, admin: Caller) -> None:
        path = define(admin, tags=[{"name": "a"}, {"name": "b"}])
        refused(admin.put(f"{path}/tags/a", json={"name": "b"}), 409)
        refused(admin.put(f"{path}/tags/a", json={}), 400)
        refused(admin.put(f"{path}/tags/a", json={"name": "x", "created_at": ""}), 403)
        assert sorted(self.names(admin, path)) == ["a", "b"]

    def test_delete_all(self, admin: Caller) -> None:
        path = define(admin, tags=[{"name": "a"}], objects=[{"name": "kept"}])
        for _ in range(2):
            assert admin.delete(f"{path}/tags").status_code == 204
        assert self.names(admin, path) == []
        assert get(admin, path)["objects"][0]["name"] == "kept"


@pytest.mark.parametrize("kind", ["properties", "objects", "tags"])
def test_any_name_is_reached(admin: Caller, space: str, kind: str) -> None:
    for name in (unique("a b.c:d,e;f?&=#"), unique("100% <b>")):
        body = property_of(name) if kind == "properties" else {"name": name}
        reached = f"{space}/{kind}/{quote(name, safe='')}"
        made = admin.post(reached) if kind == "tags" else admin.post(f"{space}/{kind}", json=body)
        assert made.status_code == 201, made.text
        assert get(admin, reached)["name"] == name
        assert admin.delete(reached).status_code == 204


@pytest.mark.parametrize("kind", ["properties", "objects", "tags"])
def test_no_namespace(admin: Caller, kind: str) -> None:
    path = f"{ROOT}/{unique()}/{kind}"
    refused(admin.get(path), 404)
    refused(admin.delete(path), 404)
    refused(admin.get(f"{path}/x"), 404)
    refused(admin.delete(f"{path}/x"), 404)
    body: Json = {"tags": []} if kind == "tags" else property_of("x") if kind == "properties" else {"name": "x"}
    refused(admin.post(path, json=body), 404)
