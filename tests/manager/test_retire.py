"""Retiring by hand: which images, whether they may, what takes their place, that it lasts, and taking it back."""

import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from intaglio.manager import retire, run
from intaglio.manager.actions import Delete, Plan
from intaglio.manager.policy import Policy
from intaglio.manager.retire import Wish
from tests.manager.conftest import Desk, changes, definition
from tests.manager.test_running import catalog


def plan(desk: Desk, *versions: str, unlisted: bool = False, **more: Any) -> Plan:
    wish = Wish(definition="X", versions=versions, **more)
    target = run.Target(desk.service, "test")
    return run.plan_retirement(desk.files, target, wish, Policy(tag=desk.tag), desk.today, unlisted=unlisted)


def made(desk: Desk, count: int, **more: Any) -> None:
    builds = [desk.build(str(number)) for number in range(1, count + 1)]
    desk.write(definition("X", builds, **more))
    desk.apply()


def test_a_bad_build_gives_its_name_back_to_the_one_before_and_stays_away(desk: Desk) -> None:
    made(desk, 3)
    desk.apply(plan(desk, "3", way="hidden"))
    assert {name: version for name, (version, _) in desk.seen().items()} == {"X": "2", "X (1)": "1", "X (3)": "3"}
    hidden = {image.name: image.hidden for image in desk.images()}
    assert hidden == {"X": False, "X (1)": False, "X (3)": True}
    assert changes(desk.plan(delete=True)) == []
    desk.write(definition("X", [desk.build(version) for version in "1234"]))
    desk.apply()
    assert desk.seen()["X"] == ("4", "public")
    assert next(image for image in desk.images() if image.name == "X (3)").hidden
    desk.apply(plan(desk, way="undo"))
    assert not any(image.hidden for image in desk.images())
    assert changes(desk.plan()) == []
    assert desk.seen()["X (1)"] == ("1", "community"), "it is the fourth again"


@pytest.mark.parametrize("way", ["community", "private", "deactivated"])
def test_every_way_lasts_and_is_taken_back(desk: Desk, way: str) -> None:
    made(desk, 2)
    before = [(image.id, image.status, image.visibility) for image in desk.images()]
    desk.apply(plan(desk, "1", way=way))
    [old] = [image for image in desk.images() if image.name == "X (1)"]
    assert (old.status, old.visibility) == {
        "community": ("active", "community"),
        "private": ("active", "private"),
        "deactivated": ("deactivated", "community"),
    }[way]
    assert changes(desk.plan(delete=True, deactivate=True)) == []
    desk.apply(plan(desk, "1", way="undo"))
    assert changes(desk.plan()) == []
    assert [(image.id, image.status, image.visibility) for image in desk.images()] == before


def test_deletion_follows_the_retention_rule_the_files_and_protection(desk: Desk) -> None:
    made(desk, 3, meta={"uuid_validity": "last-3"})
    desk.write(definition("X", [desk.build("2"), desk.build("3")], meta={"uuid_validity": "last-2"}))
    desk.apply()
    with pytest.raises(retire.RetireRefused, match=r"is listed at .*all\.yml:\d+:\d+.*--unlist"):
        plan(desk, "2", way="delete")
    with pytest.raises(retire.RetireRefused, match="may not be deleted yet: uuid_validity is last-2"):
        plan(desk, "2", way="delete", unlisted=True)
    allowed = plan(desk, "1", way="delete")
    assert [type(action) for action in changes(allowed)] == [Delete]
    image = next(image for image in desk.images() if image.name == "X (1)")
    desk.service.patch(image.id, {"protected": True})
    with pytest.raises(retire.RetireRefused, match="is protected"):
        plan(desk, "1", way="delete", anyway=True)
    desk.service.patch(image.id, {"protected": False})
    desk.apply(plan(desk, "1", way="delete"))
    assert sorted(desk.seen()) == ["X", "X (2)"]


def test_a_current_image_that_is_deleted_hands_its_name_on(desk: Desk) -> None:
    made(desk, 2)
    wanted = plan(desk, "2", way="delete", unlisted=True, anyway=True)
    run.unlist(desk.files, "X", ["2"])
    desk.apply(wanted)
    assert desk.seen() == {"X": ("1", "public")}
    assert changes(desk.plan()) == []


def test_who_is_chosen(desk: Desk) -> None:
    builds = [desk.build(str(day), build_date=f"2026-0{day}-01") for day in range(1, 5)]
    desk.write(definition("X", builds, meta={"uuid_validity": "forever"}))
    desk.apply()

    def names(**more: Any) -> list[str]:
        return sorted({action.name for action in changes(plan(desk, **more))})

    assert names(before=date(2026, 3, 1), way="private") == ["X (1)", "X (2)"]
    assert names(before=date(2027, 1, 1), way="private") == ["X (1)", "X (2)", "X (3)"], "never the current one"
    assert names(superseded=True, way="hidden") == ["X (1)", "X (2)", "X (3)"]
    with pytest.raises(retire.NothingChosen, match="it has 4, 3, 2, 1"):
        plan(desk, "9")
    with pytest.raises(retire.NothingChosen, match="age or kind"):
        plan(desk, before=date(2020, 1, 1))
    with pytest.raises(retire.RetireRefused, match="no image of 'X' would be left"):
        plan(desk, "1", "2", "3", "4")


def test_the_command(desk: Desk, tmp_path: Path) -> None:
    made(desk, 3)

    def ran(*words: str) -> subprocess.CompletedProcess[str]:
        return catalog(desk, "retire", *words, "--images", "images", "--tag", desk.tag, "--cache", "cache")

    assert ran("X").returncode == 2
    assert "say which" in ran("X").stderr
    unknown = ran("Y", "1")
    assert (unknown.returncode, "No definition is named 'Y'" in unknown.stderr) == (1, True)
    assert ran("X", "--older-than", "soon").returncode == 1
    planned = ran("X", "3", "--how", "hidden", "--out", "retire.json")
    assert planned.returncode == 2, planned.stderr
    assert "retired by hand: hidden" in planned.stdout
    assert desk.seen()["X"] == ("3", "public"), "planned only"
    done = catalog(desk, "apply", "--plan", "retire.json", "--cache", "cache")
    assert done.returncode == 0, done.stderr
    assert desk.seen()["X"][0] == "2"
    gone = ran("X", "3", "--how", "delete", "--unlist", "--anyway", "--apply")
    assert gone.returncode == 0, gone.stderr
    assert sorted(desk.seen()) == ["X", "X (1)"]
    assert "'3'" not in (desk.files / "all.yml").read_text()
    assert changes(desk.plan()) == []
