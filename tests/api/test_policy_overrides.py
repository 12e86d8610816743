"""An operator's policy.yaml over HTTP: what it closes, opens and hides. The same files stand beside the real Glance."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.wire import PEOPLE, Caller, Json, Target, differs, op, refused
from tests.starters.base import Missing, wait_until
from tests.starters.glance import glance
from tests.starters.intaglio import Intaglio, intaglio

RULES = {
    # hides what is embargoed from everybody but those who review
    "get_image": "rule:context_is_admin or (role:reader and rule:seen and not rule:embargoed)",
    "seen": "project_id:%(project_id)s or project_id:%(member_id)s or not 'private':%(visibility)s",
    "embargoed": "'yes':%(embargo)s and not role:reviewer",
    # opened, closed to a role, by a property, by the format
    "publicize_image": "role:member",
    "download_image": "rule:context_is_admin or (role:member and rule:restricted)",
    "restricted": "not ('gold':%(class)s or 'ova':%(container_format)s)",
    "delete_image": "role:admin and not role:member or role:owner",
    "deactivate": "!",
    "reactivate": [["role:nobody"], ["role:reader", "project_id:%(owner)s"]],
    "communitize_image": "@",
}
SHOWN = ("alpha private", "alpha public", "alpha embargoed", "alpha gold", "alpha ova")


@contextmanager
def service(directory: Path, rules: object, *, peer: bool) -> Iterator[tuple[Target, Intaglio | None]]:
    """Intaglio, or Glance, with these rules in the policy.yaml beside its configuration."""
    text = json.dumps(rules, indent=1)
    if peer:
        with glance(directory, auth="headers", started=False) as server:
            (directory / "etc" / "policy.yaml").write_text(text)
            server.start()
            yield Target(server.url, peer=True), None
    else:
        (directory / "policy.yaml").write_text(text)
        conf = "[DEFAULT]\nshow_multiple_locations = false\n"
        with intaglio(directory, users=PEOPLE, conf=conf, workers=1) as running:
            yield Target(running.url), running


class World:
    """Callers of a service, and the images that the tests are about."""

    def __init__(self, target: Target, running: Intaglio | None) -> None:
        self.running = running
        self.people = {user.name: Caller(target, user) for user in PEOPLE}
        self.admin, self.member = self.people["root"], self.people["mia"]
        self.reader, self.other = self.people["rea"], self.people["stan"]
        self.images: dict[str, str] = {}
        made: dict[str, dict[str, Any]] = {
            "alpha private": {"visibility": "private"},
            "alpha public": {"visibility": "public"},
            "alpha embargoed": {"visibility": "public", "embargo": "yes"},
            "alpha gold": {"visibility": "public", "class": "gold"},
            "alpha ova": {"visibility": "private", "container_format": "ova"},
        }
        for name, fields in made.items():
            self.images[name] = self.admin.active(name=name, owner="alpha", **fields)["id"]

    def close(self) -> None:
        for caller in self.people.values():
            caller.close()


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("rules")
    with service(directory, RULES, peer=bool(request.config.getoption("against_glance"))) as (target, running):
        made = World(target, running)
        yield made
        made.close()


CALLS: dict[str, Callable[[Caller, str], httpx.Response]] = {
    "show": lambda caller, image: caller.get(f"/v2/images/{image}"),
    "download": lambda caller, image: caller.get(f"/v2/images/{image}/file"),
    "publish": lambda caller, image: caller.change(image, op("replace", "/visibility", "public")),
    "rename": lambda caller, image: caller.change(image, op("add", "/p", "v")),
    "deactivate": lambda caller, image: caller.post(f"/v2/images/{image}/actions/deactivate"),
    "reactivate": lambda caller, image: caller.post(f"/v2/images/{image}/actions/reactivate"),
    "delete": lambda caller, image: caller.delete(f"/v2/images/{image}"),
}
# the answers to an admin, the owner's member, the owner's reader, and a member of another project
ANSWERS: dict[tuple[str, str], tuple[int, int, int, int]] = {
    ("show", "alpha private"): (200, 200, 200, 404),
    ("show", "alpha embargoed"): (200, 404, 404, 404),
    ("download", "alpha embargoed"): (200, 404, 404, 404),
    ("rename", "alpha embargoed"): (200, 404, 404, 404),
    ("download", "alpha public"): (200, 200, 403, 200),
    ("download", "alpha gold"): (200, 403, 403, 403),
    ("download", "alpha ova"): (200, 403, 403, 404),
    ("deactivate", "alpha public"): (403, 403, 403, 403),
    ("reactivate", "alpha public"): (403, 204, 204, 403),
    ("delete", "alpha public"): (403, 403, 403, 403),
    ("publish", "alpha private"): (200, 200, 403, 404),
}
STRICTER = {("download", "alpha embargoed"), ("rename", "alpha embargoed")}
hidden_from_all_calls = differs("what get_image hides can still be downloaded and changed by who knows its id")


@pytest.mark.parametrize(
    ("call", "image"),
    [
        pytest.param(
            call,
            image,
            id=f"{call} {image}",
            marks=[hidden_from_all_calls] if (call, image) in STRICTER else [],
        )
        for call, image in ANSWERS
    ],
)
def test_call(world: World, call: str, image: str) -> None:
    callers = {"root": world.admin, "mia": world.member, "rea": world.reader, "stan": world.other}
    for (who, caller), status in zip(callers.items(), ANSWERS[call, image], strict=True):
        wanted = world.images[image]
        if call == "publish":
            wanted = world.member.create(visibility="private")["id"]
        answer = CALLS[call](caller, wanted)
        assert answer.status_code == status, f"{who}: {answer.status_code}, not {status}: {answer.text}"


def test_a_list_shows_what_may_be_seen(world: World) -> None:
    def names(caller: Caller, **query: str) -> set[str]:
        answer = caller.get("/v2/images", params={"limit": "100", **query})
        assert answer.status_code == 200, answer.text
        return {image["name"] for image in answer.json()["images"]} & set(SHOWN)

    assert names(world.admin) == set(SHOWN)
    assert names(world.member) == set(SHOWN) - {"alpha embargoed"}
    assert names(world.other) == {"alpha public", "alpha gold"}
    assert names(world.other, name="alpha embargoed") == set()


@pytest.mark.ours
def test_a_page_is_full_although_the_policy_hides_some(world: World) -> None:
    """Every second image is hidden: pages are full all the same, and following them finds each image once."""
    tag = "every-second"
    made = [
        world.admin.create(owner="alpha", tags=[tag], **({"embargo": "yes"} if number % 2 else {}))["id"]
        for number in range(14)
    ]
    pages, path = [], f"/v2/images?tag={tag}&limit=3&sort=created_at:asc"
    while path:
        page = world.member.get(path).json()
        pages.append([image["id"] for image in page["images"]])
        path = page.get("next", "")
    assert [identifier for page in pages for identifier in page] == [image for image in made if image in made[::2]]
    assert [len(page) for page in pages] == [3, 3, 1]
    refused(world.member.get(f"/v2/images?tag={tag}&marker={made[1]}"), 400)


def test_visibility_is_decided_by_the_rule(world: World) -> None:
    for visibility in ("public", "community"):
        made = world.member.create(visibility=visibility)
        assert made["visibility"] == visibility
    refused(world.reader.post("/v2/images", json={"visibility": "community"}), 403)


@pytest.mark.ours
def test_a_rule_that_nobody_passes_is_explained_to_who_may_know(world: World) -> None:
    image = world.images["alpha public"]
    told = world.admin.post(f"/v2/images/{image}/actions/deactivate")
    refused(told, 403)
    assert "The policy 'deactivate' does not allow this. Its check is !; ! did not pass." in told.text
    untold = world.member.post(f"/v2/images/{image}/actions/deactivate")
    refused(untold, 403)
    assert "check" not in untold.text


@pytest.mark.ours
def test_the_log_says_which_rule_refused_whom_what(world: World) -> None:
    assert world.running is not None
    image = world.images["alpha gold"]
    answer = world.member.get(f"/v2/images/{image}/file", headers={"X-Openstack-Request-Id": "req-log-me"})
    refused(answer, 403)
    lines = [line for line in world.running.log.read_text().splitlines() if " req-log-me: " in line]
    (line,) = [line for line in lines if "rule 'download_image' refused" in line]
    assert f"user mia of project alpha (roles: member, reader) on {image} " in line
    assert "not ('gold':%(class)s or 'ova':%(container_format)s)" in line
    assert "class=(not shown)" in line, "the value of a custom property is nobody's business in a log"
    hidden = world.other.get(
        f"/v2/images/{world.images['alpha private']}", headers={"X-Openstack-Request-Id": "req-hide-me"}
    )
    refused(hidden, 404)
    (line,) = [line for line in world.running.log.read_text().splitlines() if " req-hide-me: " in line]
    assert "(private, of alpha) is hidden from user stan of project beta" in line


@pytest.mark.ours
class TestExplain:
    def ask(self, world: World, **question: str) -> Json:
        answer = world.admin.get("/v2/policy/explain", params=question)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert isinstance(found, dict)
        return found

    def test_hidden_by_a_rule(self, world: World) -> None:
        path = f"/v2/images/{world.images['alpha embargoed']}"
        found = self.ask(world, method="DELETE", path=path, roles="member", project="alpha")
        assert found["verdict"] == "hidden"
        assert found["because"].startswith("The rule 'get_image' refuses: ")
        assert found["caller"]["roles"] == ["member", "reader"]
        (rule,) = [each for each in found["rules"] if each["explanation"]["rule"] == "get_image"]
        assert rule["explanation"]["source"].endswith("policy.yaml:2")
        assert rule["explanation"]["target"]["visibility"] == "public"
        assert rule["explanation"]["target"]["embargo"] == "(not shown)"

    def test_hidden_by_the_catalogue(self, world: World) -> None:
        path = f"/v2/images/{world.images['alpha private']}/file"
        found = self.ask(world, method="GET", path=path, roles="member", project="beta")
        assert found["verdict"] == "hidden"
        assert found["because"] == "The image is private and of project alpha: others do not know of it."

    def test_allowed_refused_and_sometimes(self, world: World) -> None:
        path = f"/v2/images/{world.images['alpha private']}"
        own = {"roles": "member", "project": "alpha"}
        assert self.ask(world, method="GET", path=path, **own)["verdict"] == "allowed"
        refusal = self.ask(world, method="PATCH", path=path, roles="member", project="alpha", exactly="true")
        assert (refusal["verdict"], refusal["caller"]["roles"]) == ("hidden", ["member"])
        found = self.ask(world, method="PATCH", path=path, roles="reader", project="alpha")
        assert found["verdict"] == "refused"
        listing = self.ask(world, method="GET", path="/v2/images", roles="reader")
        assert listing["verdict"] == "refused", "there is no project whose images could be listed"

    def test_no_image(self, world: World) -> None:
        found = self.ask(world, method="GET", path="/v2/images/11111111-2222-4333-8444-555555555555", roles="member")
        assert (found["verdict"], found["because"]) == ("hidden", "No image has this id.")

    @pytest.mark.parametrize(
        ("question", "says"),
        [
            ({}, "'method' is missing"),
            ({"method": "GET"}, "'path' is missing"),
            ({"method": "GET", "path": "/v2/none"}, "There is nothing at /v2/none"),
            ({"method": "BREW", "path": "/v2/images"}, "BREW is not allowed on /v2/images; these are: GET, POST."),
            ({"method": "GET", "path": "/v2/images", "target": "x"}, "not of the form name=value"),
            ({"method": "GET", "path": "/v2/images", "image": "x"}, "is about no single image"),
            ({"method": "GET", "path": "http://[/v2"}, "There is nothing at"),
        ],
        ids=["nothing", "no path", "no such path", "no such method", "target", "image", "no URL"],
    )
    def test_bad_questions(self, world: World, question: dict[str, str], says: str) -> None:
        answer = world.admin.get("/v2/policy/explain", params=question)
        refused(answer, 400)
        assert says in answer.text

    def test_others_learn_nothing(self, world: World) -> None:
        hidden = f"/v2/images/{world.images['alpha private']}"
        absent = "/v2/images/11111111-2222-4333-8444-555555555555"
        for path in (hidden, absent):
            refused(world.other.get("/v2/policy/explain", params={"method": "GET", "path": path}), 404)
        refused(world.member.get("/v2/policy/explain", params={"method": "GET", "path": hidden}), 403)


@pytest.mark.ours
def test_a_changed_file_is_read_and_a_broken_one_is_not(tmp_path: Path) -> None:
    with service(tmp_path, {"get_images": "!"}, peer=False) as (target, running):
        assert running is not None
        policy = tmp_path / "policy.yaml"
        caller = Caller(target, PEOPLE[0])

        def status(wanted: int) -> Callable[[], bool]:
            return lambda: caller.get("/v2/images").status_code == wanted

        assert status(403)()
        policy.write_text('"get_images": ""\n')
        wait_until(status(200), "the changed rule")
        policy.write_text('"get_images": "role:x and"\n"x": "rule:y"\n')
        wait_until(lambda: status(200)() and "stay in force" in running.log.read_text(), "a word about the mistakes")
        log = running.log.read_text()
        assert f"{policy}:1: rule 'get_images': 'role:x and' does not fit together" in log
        assert f"{policy}:2: rule 'x': it refers to rule:y, which is not defined." in log
        (tmp_path / "policy.d").mkdir()
        (tmp_path / "policy.d" / "more.yaml").write_text("get_images: '!'\n")
        policy.unlink()
        wait_until(status(403), "the directory")
        (tmp_path / "policy.d" / "more.yaml").unlink()
        wait_until(status(200), "the default")
        policy.write_text("context_is_admin: role:none\n")
        wait_until(lambda: caller.get("/v2/policy/explain?method=GET&path=/v2/images").status_code == 403, "no admin")
        caller.close()


@pytest.mark.ours
def test_a_start_refuses_rules_that_cannot_be(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match="rule 'a': it refers to itself: a → b → a"),
        service(tmp_path, {"a": "rule:b", "b": "rule:a"}, peer=False),
    ):
        pass


@pytest.mark.real
@pytest.mark.timeout(600)  # the first time Glance is installed
def test_the_real_glance_answers_alike(world: World, tmp_path: Path) -> None:
    if world.running is None:
        pytest.skip("this run is against Glance already")
    try:
        with service(tmp_path, RULES, peer=True) as (target, _):
            peer = World(target, None)
            differing = {}
            for call, image in ANSWERS:
                if call == "publish" or (call, image) in STRICTER:
                    continue  # the first is about an image of its own
                for who, caller in world.people.items():
                    ours = CALLS[call](caller, world.images[image]).status_code
                    theirs = CALLS[call](peer.people[who], peer.images[image]).status_code
                    if ours != theirs:
                        differing[call, image, who] = (ours, theirs)
            peer.close()
            assert differing == {}
    except Missing as missing:
        pytest.skip(f"real part missing: {missing}")
