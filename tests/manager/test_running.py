"""Runs from the command line: saved plans, exit codes, one run at a time, and one that is killed at any moment."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from intaglio.manager import locking
from intaglio.manager.apply import PlanStale
from intaglio.manager.locking import AnotherRun
from tests.manager.conftest import Desk, changes, definition
from tests.starters.intaglio import COMMAND


def environment(desk: Desk) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "HOME": str(desk.home), "OS_CLIENT_CONFIG_FILE": str(desk.clouds)}


def catalog(desk: Desk, *words: str | Path) -> subprocess.CompletedProcess[str]:
    full = [COMMAND, "catalog", *words]
    return subprocess.run(full, env=environment(desk), cwd=desk.home, capture_output=True, text=True, check=False)


def test_a_plan_is_saved_and_applied_later_unless_the_cloud_changed(desk: Desk) -> None:
    desk.write(definition("X", [desk.build("1"), desk.build("2")]))
    planned = catalog(desk, "plan", "images", "--tag", desk.tag, "--out", "saved.json", "--format", "json")
    assert planned.returncode == 2, planned.stderr
    shown: Any = json.loads(planned.stdout)
    assert [(each["type"], each["name"]) for each in shown["actions"]] == [("import", "X"), ("import", "X (1)")]
    applied = catalog(desk, "apply", "--plan", "saved.json", "--cache", "cache")
    assert applied.returncode == 0, applied.stderr
    assert desk.seen() == {"X": ("2", "public"), "X (1)": ("1", "public")}
    again = catalog(desk, "apply", "--plan", "saved.json", "--cache", "cache")
    assert again.returncode == 4
    assert "Nothing was changed" in again.stderr
    nothing = catalog(desk, "diff", "images", "--tag", desk.tag)
    assert (nothing.returncode, nothing.stdout) == (0, "Nothing to do.\n")


def test_wrong_definitions_and_a_second_run_have_codes_of_their_own(desk: Desk) -> None:
    desk.write({"name": "X", "format": "qcow3", "versions": []})
    wrong = catalog(desk, "apply", "images", "--tag", desk.tag)
    assert wrong.returncode == 3
    assert "images/all.yml:3:11: error: 'format' is one of" in wrong.stderr
    assert catalog(desk, "validate", "images").returncode == 3
    desk.write(definition("X", [desk.build("1")]))
    with (
        locking.alone(desk.home / "cache" / "locks", desk.service.address, desk.tag),
        pytest.raises(AnotherRun, match="Another run manages"),
    ):
        desk.apply()
    desk.apply()


def test_what_changed_between_plan_and_apply_stops_it(desk: Desk) -> None:
    desk.write(definition("X", [desk.build("1")]))
    desk.apply()
    desk.write(definition("X", [desk.build("2")]))
    plan = desk.plan()
    desk.service.patch(desk.images()[0].id, {"min_ram": 5})
    with pytest.raises(PlanStale):
        desk.apply(plan)
    assert [image.name for image in desk.images()] == ["X"]


def test_a_wrong_digest_never_becomes_an_image(desk: Desk) -> None:
    bad = desk.build("2") | {"checksum": f"sha256:{'1' * 64}"}
    desk.write(definition("X", [desk.build("1")]))
    desk.apply()
    desk.write(definition("X", [desk.build("1"), bad]), definition("Y", [desk.build("3")]))
    outcomes = {(each.kind, each.name): each.result for each in desk.try_(delete=True)}
    assert outcomes == {("import", "X"): "failed", ("update", "X"): "skipped", ("import", "Y"): "done"}
    assert set(desk.seen()) == {"X", "Y"}
    assert desk.seen()["X"] == ("1", "public"), "the old build keeps its name until the new one is there"


@pytest.mark.parametrize("moment", ["created", "sent"])
def test_what_a_killed_run_left_is_finished(desk: Desk, moment: str) -> None:
    """The state in which a kill leaves an import, before and after its data."""
    build = desk.build("1")
    desk.write(definition("X", [build]))
    fields = {"name": "X (1)", "tags": [desk.tag], "disk_format": "raw", "container_format": "bare"}
    marks = {"catalog_state": "importing", "catalog_definition": "X", "internal_version": "1"}
    left = desk.service.create(fields | marks | {"catalog_digest": build["checksum"]})
    if moment == "sent":
        desk.service.upload(str(left["id"]), desk.site.things[f"/{desk.tag}/1/disk.img"].body)
    desk.apply()
    [image] = desk.images()
    assert (image.id, image.name, image.visibility) == (left["id"], "X", "public")
    assert "catalog_state" not in image.properties
    assert changes(desk.plan()) == []


def test_other_bytes_in_what_was_left_are_discovered(desk: Desk) -> None:
    desk.write(definition("X", [desk.build("1")]))
    fields = {"name": "X (1)", "tags": [desk.tag], "disk_format": "raw", "container_format": "bare"}
    marks = {"catalog_state": "importing", "catalog_definition": "X", "internal_version": "1"}
    left = desk.service.create(fields | marks)
    desk.service.upload(str(left["id"]), b"something else")
    assert [each.result for each in desk.try_()] == ["failed"]
    assert desk.images() == []
    desk.apply()
    assert desk.seen() == {"X": ("1", "public")}


@pytest.mark.timeout(300)
def test_killed_after_any_call_it_converges(desk: Desk) -> None:
    """SIGKILL after the first, second, third … call that changes something; the next run ends the same each time."""
    script = (
        "import os, signal, sys\n"
        "from intaglio.client.cloud import ImageService\n"
        "real, left = ImageService._call, int(os.environ['CALLS'])\n"
        "def call(self, method, path, **more):\n"
        "    global left\n"
        "    answer = real(self, method, path, **more)\n"
        "    left -= method != 'GET'\n"
        "    if left == 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return answer\n"
        "ImageService._call = call\n"
        "from intaglio.cli.main import run\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    python = COMMAND.with_name("python")
    words = ["catalog", "apply", "images", "--tag", desk.tag, "--delete", "--cache", "cache"]
    old, new = [desk.build("1"), desk.build("2")], [desk.build("2"), desk.build("3")]
    settled = {"X": ("3", "public"), "X (2)": ("2", "public")}
    meta = {"uuid_validity": "last-2", "os_purpose": "generic"}
    killed = 0
    for calls in range(1, 9):
        desk.write(definition("X", old, meta=meta))
        for image in desk.images():
            desk.service.delete(image.id)
        desk.apply()
        desk.write(definition("X", new, meta=meta))
        done = subprocess.run(
            [python, "-c", script, *words],
            env=environment(desk) | {"CALLS": str(calls)},
            cwd=desk.home,
            capture_output=True,
            text=True,
            check=False,
        )
        killed += done.returncode == -signal.SIGKILL
        desk.apply(delete=True)
        assert desk.seen() == settled, f"after {calls} calls"
        assert changes(desk.plan(delete=True)) == []
        if done.returncode == 0:
            break
    assert killed >= 5
    assert done.returncode == 0, "there were more calls than were tried"
