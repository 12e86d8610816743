"""Protected properties: who may do what with them, here and at the real Glance with the same file."""

import contextlib
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest

from tests.api.wire import PATCH_V20, PATCH_V21, PEOPLE, Caller, Json, Target, differs, op, refused, unique
from tests.starters.base import wait_until
from tests.starters.glance import glance
from tests.starters.intaglio import Intaglio, intaglio

Service = Literal["intaglio", "glance"]
By = Callable[[str], Caller]

CANNOT_ANSWER = "a caller who sets what it may not read is answered with a 500"

ROLES = """
[DEFAULT]
delete = admin

[^x_owner_]
create = Admin, MEMBER
read = admin,
       member
update = admin,member

[^x_seen$]
create = admin
read = @
update = admin
delete = !

[secret]
create = admin,member
read = admin
update = admin

[drop_box]
create = admin, member
read = admin
update = admin, member

[^x_empty$]
create = admin
read = admin
update =
delete =

[^x_owner_never]
create = @
read = @
update = @
delete = @

; everything else that begins so
[^x_(?!none)]
create = @
read = @
update = @
delete = @

[os_glance]
create = !
read = !
update = !
delete = !
"""

POLICIES = """
[^x_seen$]
create = context_is_admin
read = default
update = context_is_admin
delete = !

[secret]
create = @
read = context_is_admin
update = context_is_admin
delete = context_is_admin

[^x_service$]
create = service_api
read = service_api
update = service_api
delete = service_api

[^x_alphas$]
create = alphas
read = alphas
update = alphas
delete = alphas

[^x_of_project$]
create = @
read = modify_image
update = @
delete = @

[.*]
create = @
read = @
update = @
delete = @
"""


RULES = '"alphas": "project_id:alpha and role:member"\n'


def _configuration(directory: Path, text: str, rule_format: str) -> str:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "rules.yaml").write_text(RULES)
    file = directory / "property-protections.conf"
    file.write_text(text)
    lines = ("[DEFAULT]", f"property_protection_file = {file}", f"property_protection_rule_format = {rule_format}")
    return "\n".join((*lines, "[oslo_policy]", f"policy_file = {directory / 'rules.yaml'}", ""))


@pytest.fixture(
    scope="module", params=["intaglio", pytest.param("glance", marks=[pytest.mark.real, pytest.mark.timeout(600)])]
)
def kind(request: pytest.FixtureRequest) -> Service:
    service: Service = request.param
    return service


def _started(kind: Service, directory: Path, text: str, rule_format: str) -> Iterator[Target]:
    configuration = _configuration(directory, text, rule_format)
    if kind == "glance":
        with glance(directory, auth="headers", processes=1, conf=configuration) as server:
            yield Target(server.url, peer=True)
    else:
        with intaglio(directory, users=PEOPLE, workers=1, conf=configuration) as service:
            yield Target(service.url)


@pytest.fixture(scope="module")
def by_roles(kind: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    yield from _started(kind, tmp_path_factory.mktemp("by_roles"), ROLES, "roles")


@pytest.fixture(scope="module")
def by_policies(kind: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    yield from _started(kind, tmp_path_factory.mktemp("by_policies"), POLICIES, "policies")


@pytest.fixture(autouse=True)
def differs_from_glance(request: pytest.FixtureRequest) -> None:
    """A test that is marked so must fail with the real Glance."""
    kind = request.node.callspec.params.get("kind") if hasattr(request.node, "callspec") else None
    if kind != "glance" and request.config.getoption("against_glance"):
        pytest.skip("not about the real Glance")
    if kind == "glance" and (mark := request.node.get_closest_marker("differs")) is not None:
        request.node.add_marker(pytest.mark.xfail(reason=mark.args[0], strict=True))


@contextlib.contextmanager
def _callers(target: Target) -> Iterator[By]:
    with contextlib.ExitStack() as open_ones:
        yield {user.name: open_ones.enter_context(Caller(target, user)) for user in PEOPLE}.__getitem__


@pytest.fixture(scope="module")
def by(by_roles: Target) -> Iterator[By]:
    """Callers of the service whose file names roles."""
    with _callers(by_roles) as callers:
        yield callers


@pytest.fixture(scope="module")
def by_rule(by_policies: Target) -> Iterator[By]:
    """Callers of the service whose file names policy rules."""
    with _callers(by_policies) as callers:
        yield callers


def image_with(by: By, **properties: str) -> Json:
    """An image of alpha's, made by the administrator."""
    return by("root").create(owner="alpha", visibility="public", **properties)


class TestCreate:
    @pytest.mark.parametrize(
        ("name", "who", "status"),
        [
            ("x_owner_a", "root", 201),
            ("x_owner_a", "mia", 201),
            ("x_seen", "root", 201),
            ("x_seen", "mia", 403),
            ("my_secret_too", "mia", 201),
            ("x_owner_secret", "mia", 201),
            ("x_empty", "root", 201),
            ("x_empty", "mia", 403),
            ("x_anything", "mia", 201),
            ("x_none", "root", 403),
            ("no_section", "root", 403),
            ("no_section", "mia", 403),
            ("", "root", 403),
        ],
    )
    def test_create(self, by: By, name: str, who: str, status: int) -> None:
        answer = by(who).post("/v2/images", json={"name": "n", name: "value"})
        if status == 201:
            assert answer.status_code == 201, answer.text
        else:
            refused(answer, status)
            assert "value" not in answer.text

    @differs(CANNOT_ANSWER)
    def test_what_was_created_may_be_unreadable(self, by: By) -> None:
        image = by("mia").create(a_secret="value", x_owner_a="seen")
        assert "a_secret" not in image
        assert image["x_owner_a"] == "seen"
        assert by("root").image(image["id"])["a_secret"] == "value"

    def test_refused_as_a_whole(self, by: By) -> None:
        name = unique()
        refused(by("mia").post("/v2/images", json={"name": name, "x_owner_a": "v", "x_seen": "v"}), 403)
        assert by("root").ids(name=name) == []


class TestRead:
    @pytest.mark.parametrize(
        ("name", "readers"),
        [
            ("x_owner_a", {"root", "mia", "stan"}),
            ("x_seen", {"root", "mia", "stan", "rea"}),
            ("a_secret", {"root"}),
            ("x_empty", {"root"}),
            ("x_anything", {"root", "mia", "stan", "rea"}),
        ],
    )
    def test_shown_and_listed(self, by: By, name: str, readers: set[str]) -> None:
        image = image_with(by, **{name: "value"})
        for who in ("root", "mia", "stan", "rea"):
            shown = by(who).image(image["id"])
            [listed] = by(who).get("/v2/images", params={"id": image["id"]}).json()["images"]
            assert (name in shown, name in listed) == (who in readers,) * 2
            assert shown["name"] == image["name"]

    def test_after_a_change_too(self, by: By) -> None:
        image = image_with(by, a_secret="value", x_owner_a="1")
        changed = by("mia").change(image["id"], op("replace", "/x_owner_a", "2"))
        assert changed.status_code == 200
        assert "a_secret" not in changed.json()
        assert "a_secret" not in by("mia").change(image["id"]).json()

    @differs("one that holds 'os_glance' anywhere is open to everybody")
    def test_only_the_services_own_names_are_exempt(self, by: By) -> None:
        refused(by("mia").post("/v2/images", json={"no_os_glance_section": "v"}), 403)

    def test_the_schema_is_the_same_for_all(self, by: By) -> None:
        schemas = [by(who).get("/v2/schemas/image").json() for who in ("root", "mia", "rea")]
        assert schemas[0] == schemas[1] == schemas[2]
        assert "secret" not in json.dumps(schemas[0])


def v20(verb: str, name: str) -> Json:
    """An operation of the older form."""
    return {verb: f"/{name}"} | ({} if verb == "remove" else {"value": "new"})


def v21(verb: str, name: str) -> Json:
    return op(verb, f"/{name}", *(() if verb == "remove" else ("new",)))


class TestChange:
    """Each row: the property, whether it is there, who changes it, and the statuses of add, replace and remove."""

    @pytest.mark.parametrize("media_type", [PATCH_V20, PATCH_V21], ids=["v20", "v21"])
    @pytest.mark.parametrize(
        ("name", "there", "who", "add", "replace", "remove"),
        [
            ("x_owner_a", False, "mia", 200, 409, 409),
            ("x_owner_a", True, "mia", 200, 200, 403),
            ("x_owner_a", True, "root", 200, 200, 200),
            ("x_seen", False, "mia", 403, 409, 409),
            ("x_seen", True, "mia", 403, 403, 403),
            ("x_seen", True, "root", 200, 200, 403),
            pytest.param("a_secret", False, "mia", 200, 409, 409, marks=differs(CANNOT_ANSWER)),
            pytest.param(
                *("a_secret", True, "mia", 403, 409, 409),
                marks=differs("whoever may create, but not read, writes over what is there"),
            ),
            ("a_secret", True, "root", 200, 200, 200),
            pytest.param("drop_box", True, "mia", 200, 409, 409, marks=differs(CANNOT_ANSWER)),
            ("x_empty", False, "mia", 403, 409, 409),
            ("x_empty", True, "mia", 403, 409, 409),
            ("x_empty", True, "root", 403, 403, 403),
            ("x_anything", True, "mia", 200, 200, 200),
            ("x_none", False, "root", 403, 409, 409),
            ("no_section", False, "root", 403, 409, 409),
        ],
    )
    def test_change(
        self, by: By, name: str, there: bool, who: str, add: int, replace: int, remove: int, media_type: str
    ) -> None:
        written = v20 if media_type == PATCH_V20 else v21
        for verb, status in (("add", add), ("replace", replace), ("remove", remove)):
            image = image_with(by, **({name: "old"} if there else {}))
            readable = name in by(who).image(image["id"])
            expected = 409 if verb == "add" and readable and media_type == PATCH_V20 else status
            answer = by(who).change(image["id"], written(verb, name), media_type=media_type)
            assert answer.status_code == expected, (verb, answer.text)
            value = by("root").image(image["id"]).get(name)
            assert value == ((None if verb == "remove" else "new") if expected == 200 else ("old" if there else None))
            assert "old" not in answer.text or readable

    def test_refused_as_a_whole(self, by: By) -> None:
        image = image_with(by, x_owner_a="1", x_seen="1")
        answer = by("mia").change(image["id"], op("replace", "/x_owner_a", "2"), op("replace", "/x_seen", "2"))
        refused(answer, 403)
        assert by("root").image(image["id"])["x_owner_a"] == "1"

    def test_bad_value_first(self, by: By) -> None:
        image = image_with(by, x_seen="1")
        refused(by("mia").change(image["id"], op("replace", "/x_seen", 1)), 400)

    def test_unreadable_looks_as_if_it_was_not_there(self, by: By) -> None:
        there, absent = image_with(by, x_empty="1"), image_with(by)
        for operation in (op("add", "/x_empty", "v"), op("replace", "/x_empty", "v"), op("remove", "/x_empty")):
            one, other = (by("mia").change(image["id"], operation) for image in (there, absent))
            assert (one.status_code, one.text) == (other.status_code, other.text)


class TestWhatIsNotRead:
    """A change by somebody who may not read a property leaves it as it is."""

    @differs("what the caller could not read is deleted")
    def test_is_kept_by_a_patch(self, by: By) -> None:
        image = image_with(by, a_secret="value", x_owner_a="1")
        for operation in (op("replace", "/x_owner_a", "2"), op("add", "/x_b", "3"), op("replace", "/name", "n")):
            assert by("mia").change(image["id"], operation).status_code == 200
        after = by("root").image(image["id"])
        assert (after["a_secret"], after["x_owner_a"], after["x_b"]) == ("value", "2", "3")

    @differs("what the caller could not read is deleted")
    def test_is_kept_by_every_other_change(self, by: By) -> None:
        image = image_with(by, a_secret="value", disk_format="raw", container_format="bare")
        path = f"/v2/images/{image['id']}"
        mia = by("mia")
        assert mia.put(f"{path}/tags/t").status_code == 204
        assert mia.delete(f"{path}/tags/t").status_code == 204
        assert mia.upload(image["id"], b"data").status_code == 204
        assert mia.post(f"{path}/actions/deactivate").status_code == 204
        assert mia.post(f"{path}/actions/reactivate").status_code == 204
        assert by("root").image(image["id"])["a_secret"] == "value"

    @differs("a filter finds images by what the caller may not read")
    @pytest.mark.parametrize("who", ["mia", "stan", "rea"])
    def test_is_not_found_by_a_filter(self, by: By, who: str) -> None:
        value = unique()
        image = image_with(by, a_secret=value)
        assert by("root").ids(a_secret=value) == [image["id"]]
        guess = by(who).get("/v2/images", params={"a_secret": value})
        wrong = by(who).get("/v2/images", params={"a_secret": unique()})
        assert guess.json()["images"] == wrong.json()["images"] == []
        assert "next" not in guess.json()

    def test_is_in_no_answer_of_our_own(self, kind: Service, by: By) -> None:
        """Search, counts, the report on an image's properties, and why a rule refused."""
        if kind == "glance":
            pytest.skip("Glance has nothing of the kind")
        value, seen = unique(), unique()
        image = image_with(by, a_secret=value, x_owner_a=seen)
        assert by("root").ids(q=value) == by("mia").ids(q=seen) == by("stan").ids(q=seen) == [image["id"]]
        assert by("mia").ids(q=value) == by("rea").ids(q=seen) == []
        counts = {"facet": "a_secret", "x_owner_a": seen}
        told = by("mia").get("/v2/images/facets", params=counts)
        assert told.json()["facets"]["a_secret"]["values"] == []
        assert value in by("root").get("/v2/images/facets", params=counts).text
        for who, text in (
            ("mia", told.text),
            ("mia", by("mia").get(f"/v2/images/{image['id']}/validate").text),
            ("mia", by("mia").get("/v2/images/facets", params={"q": value, "facet": "a_secret"}).text),
            ("rea", by("rea").get("/v2/images/facets", params={"a_secret": value}).text),
        ):
            assert value not in text, who
        assert "a_secret" not in by("mia").get(f"/v2/images/{image['id']}/validate").text
        assert "a_secret" in by("root").get(f"/v2/images/{image['id']}/validate").text

    def test_what_may_be_read_is_found(self, by: By) -> None:
        value = unique()
        image = image_with(by, x_seen=value, x_owner_a=value)
        assert by("rea").ids(x_seen=value) == [image["id"]]
        assert by("stan").ids(x_seen=value, x_owner_a=value) == [image["id"]]

    def test_images_can_be_deleted(self, by: By) -> None:
        image = image_with(by, a_secret="value", x_seen="value")
        assert by("mia").delete(f"/v2/images/{image['id']}").status_code == 204


class TestPolicies:
    @pytest.mark.parametrize(
        ("name", "creators", "readers"),
        [
            ("x_seen", {"root"}, {"root", "mia", "rea"}),
            ("a_secret", {"root", "mia"}, {"root"}),
            ("x_service", {"root"}, {"root"}),
            ("x_of_project", {"root", "mia"}, {"root"}),  # a rule about an image sees none here
            ("x_alphas", {"mia"}, {"mia"}),  # the administrator is of another project
            ("anything", {"root", "mia"}, {"root", "mia", "rea"}),
        ],
    )
    def test_create_and_read(self, by_rule: By, name: str, creators: set[str], readers: set[str]) -> None:
        for who in ("root", "mia"):
            answer = by_rule(who).post("/v2/images", json={name: "value"})
            assert (answer.status_code == 201) == (who in creators), answer.text
            assert answer.status_code in {201, 403}
        made = {name: "value"}
        image = image_with(by_rule, **made) if "root" in creators else by_rule("mia").create(**made)
        for who in ("root", "mia", "rea"):
            assert (name in by_rule(who).image(image["id"])) == (who in readers)

    @pytest.mark.parametrize(
        ("name", "who", "replace", "remove"),
        [
            ("x_seen", "mia", 403, 403),
            ("x_seen", "root", 200, 403),
            ("a_secret", "mia", 409, 409),
            ("a_secret", "root", 200, 200),
            ("anything", "mia", 200, 200),
        ],
    )
    def test_replace_and_remove(self, by_rule: By, name: str, who: str, replace: int, remove: int) -> None:
        image = image_with(by_rule, **{name: "value"})
        assert by_rule(who).change(image["id"], op("replace", f"/{name}", "new")).status_code == replace
        assert by_rule(who).change(image["id"], op("remove", f"/{name}")).status_code == remove


class TestFile:
    """The file while the service runs."""

    OPEN = "[.*]\n" + "".join(f"{action} = @\n" for action in ("create", "read", "update", "delete"))
    CLOSED = OPEN.replace("read = @", "read = admin")

    @pytest.fixture
    def service(self, tmp_path: Path) -> Iterator[Intaglio]:
        configuration = _configuration(tmp_path, self.OPEN, "roles")
        with intaglio(tmp_path / "service", users=PEOPLE, workers=1, conf=configuration) as running:
            yield running

    def test_a_change_is_followed_and_a_broken_file_is_not(self, service: Intaglio, tmp_path: Path) -> None:
        with _callers(Target(service.url)) as by:
            self._change(service, tmp_path / "property-protections.conf", by)

    def _change(self, service: Intaglio, file: Path, by: By) -> None:
        image = by("mia").create(colour="red")
        assert image["colour"] == "red"

        replace(file, self.CLOSED)
        wait_until(lambda: "colour" not in by("mia").image(image["id"]), "the new rules", 30)
        assert by("root").image(image["id"])["colour"] == "red"
        assert f"{file} has changed and is in force" in service.log.read_text()

        replace(file, self.OPEN + "[^x]\ncreate = @\n")

        def reported() -> bool:
            by("mia").image(image["id"])
            return "stay in force" in service.log.read_text()

        wait_until(reported, "a report", 30)
        assert f"{file}: section [^x]: 'read' is missing" in service.log.read_text()
        assert "colour" not in by("mia").image(image["id"])


def replace(file: Path, text: str) -> None:
    """A new file in the place of the old one, as careful editors do it."""
    fresh = file.with_name(f"{file.name}.{uuid.uuid4().hex}")
    fresh.write_text(text)
    fresh.rename(file)
