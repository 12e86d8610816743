"""What callers may do under a set of rules, and how the rules follow their file."""

import logging
from datetime import datetime
from pathlib import Path

import pytest

from intaglio.authz.engine import Caller, PolicyEngine
from intaglio.authz.property_access import (
    CHECK_SECONDS,
    EVERYTHING,
    PropertyAccess,
    PropertyProtected,
    PropertyProtection,
    ProtectedAccess,
)
from intaglio.authz.property_rules import Action, PropertyRulesInvalid, RuleFormat
from intaglio.authz.settings import PolicySettings
from intaglio.domain.image import Image, Visibility
from intaglio.domain.principal import Principal, Service
from intaglio.domain.status import Status
from tests.authz.test_property_rules import section

NOW = datetime(2026, 1, 1)  # noqa: DTZ001 - the columns hold naive UTC
RULES = (
    section("^open")
    + section("^admins", read="admin")
    + section("^nobodys", read="!")
    + section("service", read="nova")
)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def image(**properties: str) -> Image:
    return Image(
        id="11111111-2222-4333-8444-555555555555",
        status=Status.QUEUED,
        visibility=Visibility.PRIVATE,
        created_at=NOW,
        updated_at=NOW,
        properties=properties,
    )


def by_policies(file: Path) -> PolicySettings:
    return PolicySettings(property_protection_file=file, property_protection_rule_format=RuleFormat.POLICIES)


def caller(*roles: str, service: tuple[str, ...] = (), project_id: str | None = None) -> Caller:
    asking = Service(roles=frozenset(service)) if service else None
    return Caller(Principal(roles=frozenset(roles), service=asking, project_id=project_id))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "protections.conf"
    file.write_text(RULES)
    return file


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def protection(file: Path, clock: Clock) -> PropertyProtection:
    return PropertyProtection(PolicySettings(property_protection_file=file), PolicyEngine(), clock=clock)


def test_without_a_file_the_answer_is_the_image_itself() -> None:
    access = PropertyProtection(PolicySettings(), PolicyEngine()).access(caller())
    assert access is EVERYTHING
    images = [image(a="1"), image()]
    assert access.shown(images[0]) is images[0]
    assert access.shown_all(images) is images
    assert all(access.may(action, "anything") for action in Action)


@pytest.mark.parametrize(
    ("who", "readable"),
    [
        (caller("admin"), {"open", "admins"}),
        (caller("member"), {"open"}),
        (caller(), {"open"}),
        (caller("member", service=("nova",)), {"open", "service"}),
        (caller("member", service=("admin",)), {"open", "admins"}),
    ],
)
def test_shown(protection: PropertyProtection, who: Caller, readable: set[str]) -> None:
    whole = image(open="1", admins="2", nobodys="3", service="4", unmatched="5")
    access = protection.access(who)
    assert set(access.shown(whole).properties) == readable
    assert [set(each.properties) for each in access.shown_all([whole, whole])] == [readable] * 2
    assert {name for name in whole.properties if access.may(Action.READ, name)} == readable
    bare = image(open="1")
    assert access.shown(bare) is bare
    assert who.principal.roles == who.roles  # a service's roles are for this only


def test_refusal(protection: PropertyProtection) -> None:
    access = protection.access(caller("member"))
    access.require(Action.CREATE, "admins")
    with pytest.raises(PropertyProtected, match="'admins' is protected: you may not read it"):
        access.require(Action.READ, "admins")


def test_a_name_is_looked_up_once(protection: PropertyProtection) -> None:
    """However many images and callers of the same roles: expressions are the slow part."""
    images = [image(**{f"open_{number}": "v" for number in range(20)}) for _ in range(100)]
    for _ in range(10):
        protection.access(caller("member", "reader")).shown_all(images)
    access = protection.access(caller("member", "reader"))
    assert isinstance(access, ProtectedAccess)
    assert access._rules.section.cache_info().misses == 20
    assert access._readable.cache_info().misses == 20
    assert access is protection.access(caller("reader", "member"))


class TestPolicies:
    @pytest.fixture
    def engine(self) -> PolicyEngine:
        return PolicyEngine(
            overrides={"mine": "project_id:alpha", "bound": "project_id:%(owner)s", "novas": "role:nova"}
        )

    def access(self, file: Path, engine: PolicyEngine, who: Caller) -> PropertyAccess:
        return PropertyProtection(by_policies(file), engine).access(who)

    @pytest.mark.parametrize(
        ("policy", "who", "may"),
        [
            ("mine", caller(project_id="alpha"), True),
            ("mine", caller(project_id="beta"), False),
            ("bound", caller(project_id="alpha"), False),  # the rules see no image
            ("novas", caller("member"), False),
            ("novas", caller("member", service=("nova",)), True),
            ("@", caller(), True),
            ("!", caller("admin"), False),
            ("", caller("admin"), False),
        ],
    )
    def test_read(self, file: Path, engine: PolicyEngine, policy: str, who: Caller, may: bool) -> None:
        file.write_text(section("^x", read=policy))
        assert self.access(file, engine, who).may(Action.READ, "x") == may

    def test_a_rule_is_asked_once_a_request(self, file: Path, engine: PolicyEngine) -> None:
        asked: list[str] = []
        allows = engine.allows

        class Counting(PolicyEngine):
            def allows(self, rule: str, *arguments: object) -> bool:
                asked.append(rule)
                return allows(rule, *arguments)  # type: ignore[arg-type]  # handed on as they came

        counting = Counting()
        counting.rules = engine.rules
        file.write_text(section("^a", read="mine") + section("^b", read="mine") + section("^c", read="novas"))
        access = self.access(file, counting, caller(project_id="alpha"))
        access.shown_all([image(a1="", a2="", b="", c="")] * 50)
        assert asked == ["mine", "novas"]

    def test_a_rule_that_is_no_more_allows_nothing(self, file: Path, engine: PolicyEngine) -> None:
        file.write_text(section("^x", read="mine"))
        protection = PropertyProtection(by_policies(file), engine)
        assert protection.access(caller(project_id="alpha")).may(Action.READ, "x")
        engine.rules = PolicyEngine().rules
        assert not protection.access(caller(project_id="alpha")).may(Action.READ, "x")


class TestFile:
    def readable(self, protection: PropertyProtection) -> set[str]:
        return set(protection.access(caller("member")).shown(image(open="1", admins="2")).properties)

    def test_it_is_looked_at_every_few_seconds(self, file: Path, protection: PropertyProtection, clock: Clock) -> None:
        file.write_text(section("^admins"))
        clock.now += CHECK_SECONDS - 0.1
        assert self.readable(protection) == {"open"}
        clock.now += 0.1
        assert self.readable(protection) == {"admins"}

    @pytest.mark.parametrize("broken", ["nonsense", section("^(", read="@"), "[x]\nread = @\n", None, b"\xff"])
    def test_a_broken_one_is_reported_once_and_changes_nothing(
        self,
        file: Path,
        protection: PropertyProtection,
        clock: Clock,
        broken: str | bytes | None,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        if broken is None:
            file.unlink()
        else:
            file.write_bytes(broken if isinstance(broken, bytes) else broken.encode())
        for _ in range(3):
            clock.now += CHECK_SECONDS
            assert self.readable(protection) == {"open"}
        [report] = caplog.records
        assert report.levelno == logging.ERROR
        assert str(file) in report.message
        assert "the rules read before stay in force" in report.message
        file.write_text(section("^admins"))
        clock.now += CHECK_SECONDS
        assert self.readable(protection) == {"admins"}

    def test_one_that_did_not_change_is_not_read(
        self, file: Path, protection: PropertyProtection, clock: Clock
    ) -> None:
        before = protection.access(caller("member"))
        clock.now += CHECK_SECONDS
        assert protection.access(caller("member")) is before

    def test_a_start_with_a_broken_one_fails(self, file: Path) -> None:
        file.write_text("[x]\ncreate = @\n")
        with pytest.raises(PropertyRulesInvalid, match=rf"{file}: section \[x\]: 'read' is missing"):
            PropertyProtection(PolicySettings(property_protection_file=file), PolicyEngine())
