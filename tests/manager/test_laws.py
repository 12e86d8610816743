"""Laws of the plan, after any history of files and options: nothing to do twice, one image a name, nothing lost."""

from datetime import date, timedelta
from typing import Any, get_args

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.domain.digests import Digest
from intaglio.manager import plan, retention, retire
from intaglio.manager.actions import Delete, Import, Keep, Plan
from intaglio.manager.definitions import Definition, Place, Retention, Version
from intaglio.manager.policy import Policy
from intaglio.manager.retire import RetireRefused, Wish
from intaglio.manager.retired import Mark
from intaglio.manager.state import Image
from tests.manager.model import Model

HERE = Place("test.yml", 1, 1)
DAY = date(2026, 11, 21)
BUILDS = [f"2026010{number}" for number in range(1, 8)]


def version(name: str, mark: int = 0) -> Version:
    digest = Digest("sha256", f"{int(name) * 10 + mark:064x}")
    return Version(version=name, url=f"https://upstream/{name}", place=HERE, checksum=digest, build_date="2026-01-01")


validities = st.sampled_from([None, "none", "last-1", "last-2", "last-3", "last-5", "notice", "2026-11-25", "odd"])
retentions = st.builds(
    Retention,
    visible=st.sampled_from([None, 1, 2, 4]),
    kept=st.sampled_from([None, 4, 5, "all"]),
    grace_days=st.sampled_from([0, 0, 2]),
    retire=st.sampled_from([None, "community", "private", "hidden"]),
    deactivate=st.booleans(),
)


@st.composite
def definitions(draw: st.DrawFn) -> Definition:
    listed = draw(st.lists(st.sampled_from(BUILDS), unique=True, min_size=1, max_size=5))
    meta: dict[str, str | None] = {"os_distro": "debian", "os_purpose": "generic"}
    validity = draw(validities)
    return Definition(
        name="X",
        format="raw",
        place=HERE,
        enable=draw(st.sampled_from([True, True, True, False])),
        visibility=draw(st.sampled_from(["public", "public", "private", "community"])),
        multi=draw(st.booleans()),
        keep=draw(st.sampled_from([False, False, True])),
        meta=meta | ({"uuid_validity": validity} if validity else {}),
        versions=tuple(version(name, draw(st.sampled_from([0, 0, 1]))) for name in listed),
        retention=draw(st.one_of(st.just(Retention()), retentions)),
    )


policies = st.builds(
    Policy,
    latest=st.booleans(),
    keep=st.booleans(),
    hide=st.booleans(),
    os_hidden=st.booleans(),
    deactivate=st.booleans(),
    delete=st.booleans(),
    force=st.booleans(),
    hidden_visibility=st.sampled_from([None, "private", "shared"]),
)
runs = st.lists(st.tuples(definitions(), policies, st.integers(0, 6)), min_size=1, max_size=4)


def changing(made: Plan) -> list[Any]:
    return [action for action in made.actions if not isinstance(action, Keep)]


@settings(deadline=None, max_examples=150)
@given(runs)
def test_applying_twice_changes_nothing(history: list[tuple[Definition, Policy, int]]) -> None:
    model = Model()
    for wanted, policy, days in history:
        today = DAY + timedelta(days=days)
        model.apply(plan.make([wanted], model.cloud(), policy, today))
        assert changing(plan.make([wanted], model.cloud(), policy, today)) == []
        names = [image.name for image in model.images.values()]
        assert len(names) == len(set(names)), "two images have one name"


@settings(deadline=None, max_examples=100)
@given(definitions(), policies, runs)
def test_what_is_deleted_never_comes_back(
    wanted: Definition, policy: Policy, before: list[tuple[Definition, Policy, int]]
) -> None:
    """With one file and the same options, every build is imported at most once, on whatever cloud it starts."""
    model = Model()
    for earlier, options, _ in before:
        model.apply(plan.make([msgspec.structs.replace(earlier, multi=wanted.multi)], model.cloud(), options, DAY))
    model.imported.clear()
    for days in (7, 8, 30, 31):
        model.apply(plan.make([wanted], model.cloud(), policy, DAY + timedelta(days=days)))
    assert len(model.imported) == len(set(model.imported))


@settings(deadline=None, max_examples=100)
@given(definitions(), policies, runs)
def test_the_current_one_is_the_newest_listed_and_never_goes(
    wanted: Definition, policy: Policy, before: list[tuple[Definition, Policy, int]]
) -> None:
    wanted = msgspec.structs.replace(wanted, multi=True, enable=True)
    model = Model()
    for earlier, options, _ in before:
        model.apply(plan.make([msgspec.structs.replace(earlier, multi=True)], model.cloud(), options, DAY))
    made = plan.make([wanted], model.cloud(), policy, DAY)
    model.apply(made)
    newest = max(wanted.versions, key=lambda each: each.version)
    [current] = [image for image in model.images.values() if image.name == "X"]
    assert current.properties["internal_version"] == newest.version
    assert current.visibility == wanted.visibility
    assert current.hidden is False
    assert [each for each in made.actions if isinstance(each, Delete) and each.image_id == current.id] == []


@settings(deadline=None, max_examples=60)
@given(definitions(), policies)
def test_retiring_never_shows_more(wanted: Definition, policy: Policy) -> None:
    """A private definition's images are never made visible to others, unless the options name the visibility."""
    wanted = msgspec.structs.replace(wanted, visibility="private")
    model = Model()
    for days in range(2):
        options = msgspec.structs.replace(policy, hidden_visibility=None)
        model.apply(plan.make([wanted], model.cloud(), options, DAY + timedelta(days=days)))
        assert {image.visibility for image in model.images.values()} <= {"private"}


@settings(deadline=None, max_examples=150)
@given(definitions(), runs, st.integers(0, 9), st.sampled_from(get_args(Mark)))
def test_who_is_retired_stays_so_until_that_is_undone(
    wanted: Definition, before: list[tuple[Definition, Policy, int]], which: int, way: Mark
) -> None:
    wanted = msgspec.structs.replace(wanted, enable=True)
    model = Model()
    for earlier, options, _ in before:
        model.apply(plan.make([msgspec.structs.replace(earlier, multi=wanted.multi)], model.cloud(), options, DAY))
    model.apply(plan.make([wanted], model.cloud(), Policy(), DAY))
    settled = {image.id: (image.name, image.visibility, image.hidden, image.status) for image in model.images.values()}
    chosen = sorted(model.images.values(), key=lambda image: image.id)[which % len(model.images)]
    wish = Wish(definition="X", versions=(chosen.properties["internal_version"],), way=way)
    try:
        made = retire.make([wanted], model.cloud(), wish, Policy(), DAY)
    except RetireRefused:
        assert len({image.properties["internal_version"] for image in model.images.values()}) == 1
        return
    model.apply(made)
    assert changing(plan.make([wanted], model.cloud(), Policy(), DAY)) == [], "a run has nothing to add"
    assert changing(plan.make([wanted], model.cloud(), Policy(), DAY + timedelta(days=1))) == []
    marked = [image for image in model.images.values() if image.properties.get("catalog_retired") == way]
    assert chosen.properties["internal_version"] in {image.properties["internal_version"] for image in marked}
    assert not wanted.multi or all(image.name != "X" for image in marked)
    names = [image.name for image in model.images.values()]
    assert len(names) == len(set(names))
    model.apply(retire.make([wanted], model.cloud(), msgspec.structs.replace(wish, way="undo"), Policy(), DAY))
    assert changing(plan.make([wanted], model.cloud(), Policy(), DAY)) == []
    if wanted.multi and not any(status == "deactivated" or hidden for _, _, hidden, status in settled.values()):
        now = {image.id: (image.name, image.visibility, image.hidden, image.status) for image in model.images.values()}
        assert now == settled, "all is as it was"


def test_a_failed_definition_keeps_everything_from_being_deleted() -> None:
    model = Model()
    wanted = Definition(name="X", format="raw", place=HERE, multi=True, versions=tuple(map(version, BUILDS)))
    everything = Policy(delete=True)
    kept = msgspec.structs.replace(wanted, retention=Retention(kept="all"))
    model.apply(plan.make([kept], model.cloud(), Policy(), DAY))
    assert any(isinstance(each, Delete) for each in plan.make([wanted], model.cloud(), everything, DAY).actions)
    made = plan.make([wanted], model.cloud(), everything, DAY, {"Y": "it is broken"})
    assert not any(isinstance(each, Delete) for each in made.actions)


def rule(validity: str | None, **more: Any) -> retention.Rule:
    meta: dict[str, str | None] = {"uuid_validity": validity} if validity else {}
    return retention.rule_for(Definition(name="X", format="raw", place=HERE, multi=True, meta=meta, **more), Policy())


def test_what_uuid_validity_keeps() -> None:
    def kept(which: retention.Rule) -> list[int]:
        return [position for position in range(7) if not which.frees(position, "2026-01-01", DAY)]

    everything = list(range(7))
    assert kept(rule(None)) == [0, 1, 2]
    assert kept(rule("none")) == [0]
    assert kept(rule("last-1")) == [0]
    assert kept(rule("last-5")) == [0, 1, 2, 3, 4]
    assert kept(rule("notice")) == kept(rule("forever")) == kept(rule("nonsense")) == everything
    assert kept(rule("2026-11-22")) == everything
    assert kept(rule("2026-11-21")) == [0]
    assert kept(rule("last-2", retention=Retention(visible=4))) == [0, 1, 2, 3]
    assert kept(rule("none", retention=Retention(kept="all"))) == everything


def test_a_grace_is_counted_from_the_day_on_which_it_was_superseded() -> None:
    graceful = rule("none", retention=Retention(grace_days=10))
    assert not graceful.frees(1, None, DAY)
    assert not graceful.frees(1, "2026-11-12", DAY)
    assert graceful.frees(1, "2026-11-11", DAY)


def test_a_cloud_of_the_original_program_is_adopted_without_an_import() -> None:
    properties = {"image_description": "X", "image_name": "X", "internal_version": BUILDS[1], "own": "kept"}
    older = {"image_description": "X", "internal_version": BUILDS[0], "os_purpose": "generic"}
    tags = ("by hand", "managed_by_osism")
    model = Model(
        Image(id="1", name="X", visibility="public", owner="us", tags=tags, properties=properties),
        Image(id="2", name=f"X ({BUILDS[0]})", visibility="public", owner="us", tags=tags, properties=older),
    )
    meta: dict[str, str | None] = {"os_distro": "debian", "os_purpose": "generic"}
    wanted = Definition(
        name="X",
        format="raw",
        place=HERE,
        multi=True,
        visibility="public",
        meta=meta,
        versions=tuple(map(version, BUILDS[:2])),
    )
    made = plan.make([wanted], model.cloud(), Policy(), DAY)
    assert not any(isinstance(each, Import) for each in made.actions)
    model.apply(made)
    new, old = (model.images[which] for which in "12")
    assert (new.name, old.name) == ("X", f"X ({BUILDS[0]})")
    assert (new.properties["os_purpose"], old.properties["os_purpose"]) == ("generic", "oldgeneric")
    assert new.properties["own"] == "kept"
    assert new.tags == ("by hand", "managed_by_osism", "os:debian")
    assert changing(plan.make([wanted], model.cloud(), Policy(), DAY)) == []
