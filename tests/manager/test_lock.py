"""The lock file: what is pinned, what is refused, that nobody is asked twice, and that it merges."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from intaglio.manager import lockfile, pinning, run
from intaglio.manager.actions import Import, Plan
from intaglio.manager.lockfile import Lock
from intaglio.manager.pinning import LockDiffers, Pinned
from intaglio.manager.policy import Policy
from intaglio.manager.upstream.web import Web
from tests.manager import trees
from tests.manager.conftest import Desk, Json, definition
from tests.manager.test_running import catalog


def web() -> Web:
    return Web(lambda _: None)


def pin(desk: Desk, **more: Any) -> list[Pinned]:
    return pinning.pin_catalogue(desk.files, web(), **({"renew": False, "force": False} | more))


def locked(desk: Desk, lock: Lock | None = None, **policy: Any) -> Plan:
    found, failed = run.read(desk.files)
    target = run.Target(desk.service, "test")
    options = Policy(**({"tag": desk.tag} | policy))
    lock = lock or lockfile.load(lockfile.beside(desk.files))
    return run.make_plan(found.definitions, failed, target, options, desk.today, web(), lock)


def pointer(desk: Desk, body: bytes) -> Json:
    """A version `latest` whose list of sums is beside it."""
    desk.site.put(f"/{desk.tag}/latest/disk.img", body)
    desk.site.sums(f"/{desk.tag}/latest/SHA256SUMS", f"/{desk.tag}/latest/disk.img")
    where = f"{desk.site.url}/{desk.tag}/latest"
    return {"version": "latest", "url": f"{where}/disk.img", "checksums_url": f"{where}/SHA256SUMS"}


def test_it_says_all_of_each_version_in_the_order_of_the_files_and_asks_once(desk: Desk) -> None:
    desk.write(definition("Z", [desk.build("1"), desk.build("2")]), definition("A", [pointer(desk, b"first " * 99)]))
    assert [each.result for each in pin(desk)] == ["new"] * 3
    text = (desk.files / "catalog.lock").read_text()
    assert re.findall(r"- definition: \"(.)\"\n  version: \"(\w+)\"\n", text) == [
        ("Z", "1"),
        ("Z", "2"),
        ("A", "latest"),
    ]
    entry = lockfile.load(desk.files / "catalog.lock").builds[2]
    assert (entry.build, entry.size, entry.build_date) == ("20260121", 6 * 99, "2026-01-21")
    asked = len(desk.site.requests)
    assert [each.result for each in pin(desk)] == ["kept"] * 3
    assert len(desk.site.requests) == asked
    assert (desk.files / "catalog.lock").read_text() == text


def test_the_same_lock_gives_the_same_plan_though_the_upstream_moves(desk: Desk) -> None:
    desk.write(definition("X", [pointer(desk, b"first " * 99)]))
    pin(desk)
    before = locked(desk)
    kept = desk.site.things.pop(f"/{desk.tag}/latest/SHA256SUMS")
    assert locked(desk) == before
    desk.site.things[f"/{desk.tag}/latest/SHA256SUMS"] = kept
    pointer(desk, b"second" * 99)
    assert locked(desk) == before
    [outcome] = desk.try_(before)
    assert (outcome.result, "was published" in outcome.message or "digest" in outcome.message) == ("failed", True)
    assert desk.images() == [], "the pinned bytes are not there any more"
    assert [each.result for each in pin(desk)] == ["kept"]
    assert [each.result for each in pin(desk, renew=True)] == ["changed"]
    assert [each.result for each in desk.apply(locked(desk))] == ["done"]
    assert desk.seen() == {"X": ("20260121", "public")}


CHANGES: dict[str, tuple[Callable[[Json], object], str]] = {
    "url": (lambda build: build.update(url=build["url"] + "?other"), "its url is"),
    "mirror": (lambda build: build.update(mirror_url="https://mirror.example.org/x"), "its mirror_url is not"),
    "checksum": (lambda build: build.update(checksum="sha256:" + "0" * 64), "its checksum is sha256:000"),
    "version": (lambda build: build.update(version="3"), "it is not in the lock file"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_differs_is_refused_with_its_place(desk: Desk, change: str) -> None:
    build = desk.build("1")
    desk.write(definition("X", [build, desk.build("2")]))
    pin(desk)
    spoil, said = CHANGES[change]
    spoil(build)
    desk.write(definition("X", [build, desk.build("2")]))
    with pytest.raises(LockDiffers, match=rf"all\.yml:\d+:\d+: 'X' .*{re.escape(said)}"):
        locked(desk)
    done = catalog(desk, "apply", "images", "--tag", desk.tag, "--locked", "--cache", "cache")
    assert (done.returncode, said in done.stderr, desk.images()) == (6, True, [])


def test_the_size_is_pinned_too(desk: Desk) -> None:
    desk.write(definition("X", [desk.build("1")]))
    pin(desk)
    file = desk.files / "catalog.lock"
    file.write_text(re.sub(r"size: \d+", "size: 7", file.read_text()))
    [outcome] = desk.try_(locked(desk))
    assert (outcome.result, "7 are pinned" in outcome.message) == ("failed", True)
    assert desk.images() == []


def test_a_saved_plan_is_compared_too(desk: Desk) -> None:
    desk.write(definition("X", [desk.build("1")]))
    planned = catalog(desk, "plan", "images", "--tag", desk.tag, "--out", "saved.json")
    assert planned.returncode == 2
    words = ["apply", "images", "--plan", "saved.json", "--locked", "--cache", "cache"]
    missing = catalog(desk, *words)
    assert (missing.returncode, "write it with `intaglio catalog lock`" in missing.stderr) == (6, True)
    desk.site.put(f"/{desk.tag}/1/disk.img", b"other bytes")
    text = (desk.files / "all.yml").read_text()
    (desk.files / "all.yml").write_text(re.sub(r" +checksum: .*\n", "", text))
    desk.site.sums(f"/{desk.tag}/1/SHA256SUMS", f"/{desk.tag}/1/disk.img")
    assert [each.message for each in pin(desk)] == [""]
    differs = catalog(desk, *words)
    assert (differs.returncode, "the plan has another digest" in differs.stderr) == (6, True)


def test_what_nobody_publishes_a_digest_of_is_pinned_by_what_came(desk: Desk, tmp_path: Path) -> None:
    url = desk.site.put(f"/{desk.tag}/bare/disk.img", b"bare " * 99)
    desk.write(definition("X", [{"version": "1", "url": url}]), definition("Y", [desk.build("1")]))
    failed, other = pin(desk)
    assert (failed.result, "--allow-unverified" in failed.message, other.result) == ("failed", True, "new")
    assert [each.result for each in pin(desk, home=tmp_path / "cache")] == ["new", "kept"]
    [action] = [each for each in locked(desk, filter="X").actions if isinstance(each, Import)]
    assert (action.digest or "").startswith("sha256:")


def test_update_writes_it_with_the_definitions(desk: Desk) -> None:
    hint = trees.debian(desk.site, ["20260108-1"])
    old = desk.build("20250101")
    wanted = definition("Debian 13", [old], latest_url=hint)
    desk.write(wanted, definition("Other", [pointer(desk, b"first " * 9)]))
    pin(desk)
    pointer(desk, b"second" * 9)
    done = catalog(desk, "update", "images", "--filter", "Debian")
    assert done.returncode == 0, done.stderr
    lock = lockfile.load(desk.files / "catalog.lock")
    assert [(each.definition, each.version) for each in lock.builds] == [
        ("Debian 13", "20260108-1"),
        ("Other", "latest"),
    ]
    assert not locked(desk).failed, "what was not asked for stays as it was pinned"
    assert catalog(desk, "lock", "images", "--dry-run").returncode == 0
    assert catalog(desk, "lock", "images", "--dry-run", "--renew").returncode == 2


def test_two_branches_merge(desk: Desk) -> None:
    """Two people each add a build to another definition; git merges files and lock without a conflict."""

    def git(*words: str) -> str:
        more = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main"]
        return subprocess.run(
            ["git", *more, *words],
            cwd=desk.files,
            check=True,
            capture_output=True,
            text=True,
            env={"PATH": "/usr/bin:/bin"},
        ).stdout

    def have(first: str, second: str) -> None:
        desk.write(definition("A", [desk.build(version) for version in first]), name="a.yml")
        desk.write(definition("B", [desk.build(version) for version in second]), name="b.yml")
        pin(desk)

    have("1", "1")
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "one")
    git("checkout", "-qb", "other")
    have("12", "1")
    git("commit", "-qam", "two of A")
    git("checkout", "-q", "main")
    have("1", "12")
    git("commit", "-qam", "two of B")
    git("merge", "-q", "other", "-m", "both")
    assert [each.result for each in pin(desk)] == ["kept"] * 4


def test_a_merge_that_failed_is_said_and_healed(desk: Desk) -> None:
    desk.write(definition("X", [desk.build("1")]))
    pin(desk)
    file = desk.files / "catalog.lock"
    whole = file.read_text()
    for broken in (
        f"<<<<<<< HEAD\n{whole}",
        whole + whole[whole.index("\n- ") :],
        "format: 1\n",
        "format: 9\nbuilds: []\n",
    ):
        file.write_text(broken)
        done = catalog(desk, "plan", "images", "--tag", desk.tag, "--locked")
        assert done.returncode == 6, done.stderr
        assert str(file.name) in done.stderr
        pin(desk)
        assert file.read_text() == whole
