"""The manager's other modes: sharing, ages, orphans, what has expired; and bars for who watches."""

import os
import pty
import re
import subprocess
import warnings
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import pytest

from intaglio.base.errors import IntaglioError
from intaglio.cli import image_manager
from intaglio.manager.actions import Delete, Import
from tests.manager.conftest import Desk, changes, definition
from tests.manager.test_running import catalog, environment
from tests.starters.intaglio import COMMAND


def members(desk: Desk) -> dict[str, str]:
    [image] = desk.images()
    answer = desk.service._call("GET", f"/images/{image.id}/members") or {}
    return {each["member_id"]: each["status"] for each in answer["members"]}


Original = Callable[..., tuple[int, str]]


@pytest.fixture
def original(desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Original:
    """The original program's command in this process: its exit code, and what it says."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(desk.home / "cache"))

    def run(*words: str) -> tuple[int, str]:
        given = ["--tag", desk.tag, "--images", str(desk.files), "--cloud", "intaglio", *words]
        with warnings.catch_warnings(action="ignore"):  # the SDK's own
            code = image_manager.call(given)
        return code, "".join(capsys.readouterr())

    return run


def test_sharing_by_both_commands(desk: Desk, original: Original) -> None:
    name = f"Shared by {desk.tag}"
    desk.write(definition(name, [desk.build("1")], visibility="shared"))
    desk.apply()
    [image] = desk.images()
    assert original("--share-image", name, "--share-target", "beta") == (0, f"{name}: shared with beta\n")
    assert original("--share-image", name, "--share-target", "beta")[0] == 0, "once more does nothing"
    assert members(desk) == {"beta": "accepted"}
    ours = catalog(desk, "share", image.id, "gamma", "delta")
    assert ours.returncode == 0, ours.stderr
    assert members(desk) == dict.fromkeys(("beta", "gamma", "delta"), "accepted")
    end = ("--share-image", name, "--share-target", "beta", "--share-action", "del")
    assert (original(*end, "--dry-run")[0], len(members(desk))) == (0, 3)
    assert original(*end) == (0, f"{name}: not shared any more with beta\n")
    assert catalog(desk, "share", image.id, "gamma", "--remove").returncode == 0
    assert members(desk) == {"delta": "accepted"}
    assert changes(desk.plan()) == [], "who shares is not the definition's business"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--share-image", "X"], 2, "needs --share-target"),
        (["--share-image", "none", "--share-target", "beta"], 1, "No image has the id or the name"),
        (["--share-image", "X", "--share-target", "beta"], 1, "only an image whose visibility is shared"),
        (["--share-image", "X", "--share-target", "d", "--share-type", "domain"], 1, "has no Keystone"),
        (["--share-image", "X", "--share-target", "b", "--share-action", "lend"], 2, "lend"),
    ],
    ids=["no-target", "no-image", "public", "domain", "action"],
)
def test_sharing_that_cannot_be(desk: Desk, original: Original, words: Sequence[str], code: int, said: str) -> None:
    image = ""
    if "only an image" in said:
        desk.write(definition("X", [desk.build("1")]))
        desk.apply()
        image = desk.images()[0].id
    done, text = original(*(image if word == "X" and image else word for word in words))
    assert (done, said in text) == (code, True), text
    assert "Traceback" not in text


def test_ages(desk: Desk, original: Original) -> None:
    old, new = desk.build("1", build_date="2026-01-01"), desk.build("2", build_date="2026-06-01")
    desk.write(definition("X", [old, new]))
    desk.apply()
    code, text = original("--check-age", "--max-age", "150")
    assert code == 0, text
    assert "'X (1)' was built on 2026-01-01, 151 days before the newest build of 'X'" in text
    assert "warning" not in original("--check-age", "--max-age", "151")[1]
    assert changes(desk.plan()) == []


def test_orphans_are_told_of_and_pruned_only_if_said(desk: Desk) -> None:
    desk.write(definition("Gone", [desk.build("1"), desk.build("2")]), definition("X", [desk.build("1")]))
    desk.apply()
    desk.write(definition("X", [desk.build("1")]))
    for made in (desk.plan(), desk.plan(delete=True), desk.plan(prune=True)):
        assert changes(made) == []
        assert sum("is an orphan: its definition 'Gone' is gone" in note.message for note in made.notes) == 2
    kept = next(image for image in desk.images() if image.name == "Gone")
    desk.service.patch(kept.id, {"protected": True})
    made = desk.plan(delete=True, prune=True)
    assert [(type(each), each.name) for each in changes(made)] == [(Delete, "Gone (1)")], "never what is protected"
    assert changes(desk.plan(delete=True, prune=True, filter="X")) == [], "a filter is about definitions that are there"
    desk.service.patch(kept.id, {"protected": False})
    with pytest.raises(IntaglioError, match="2 images would be deleted"):
        desk.apply(delete=True, prune=True, delete_limit=1)
    done = catalog(desk, "apply", "images", "--tag", desk.tag, "--delete", "--prune", "--cache", "cache")
    assert done.returncode == 0, done.stderr
    assert list(desk.seen()) == ["X"]


def test_what_has_expired_is_retired_if_said(desk: Desk) -> None:
    meta = {"uuid_validity": "last-2", "provided_until": "2026-11-20"}
    desk.write(definition("X", [desk.build("1"), desk.build("2")], meta=meta))
    desk.today = date(2026, 11, 20)
    desk.apply()
    assert changes(desk.plan(retire_expired=True)) == [], "the last day is one on which it is provided"
    desk.today = date(2026, 11, 21)
    made = desk.plan()
    assert changes(made) == []
    assert "--retire-expired retires it" in made.notes[0].message
    desk.write(definition("X", [desk.build(version) for version in "123"], meta=meta))
    assert not any(isinstance(each, Import) for each in changes(desk.plan(retire_expired=True)))
    desk.apply(retire_expired=True)
    assert {visibility for _, visibility in desk.seen().values()} == {"community"}
    assert changes(desk.plan(retire_expired=True)) == []
    desk.write(definition("X", [desk.build("2")], meta=meta | {"provided_until": "2027-01-01"}))
    desk.apply(retire_expired=True)
    assert desk.seen()["X"] == ("2", "public"), "the promise was made longer"


def test_bars_for_who_watches_and_lines_for_who_does_not(desk: Desk) -> None:
    size = 24 << 20
    url = desk.site.put(f"/{desk.tag}/large/disk.img", bytes(size))
    desk.site.sums(f"/{desk.tag}/large/SHA256SUMS", f"/{desk.tag}/large/disk.img")
    desk.write(definition("Large", [{"version": "1", "url": url}]))
    words: list[str | Path] = [COMMAND, "catalog", "apply", "images", "--tag", desk.tag, "--cache", "cache"]
    leader, follower = pty.openpty()
    running = subprocess.Popen(
        words, env=environment(desk) | {"TERM": "xterm"}, cwd=desk.home, stdout=subprocess.DEVNULL, stderr=follower
    )
    os.close(follower)
    seen = b""
    while True:
        try:
            seen += os.read(leader, 65536)
        except OSError:  # the other side is closed
            break
    os.close(leader)
    assert running.wait() == 0, seen
    text = seen.decode("utf-8", "replace")
    assert "\x1b[" in text, "a terminal is drawn on"
    assert re.search(r"Large: (fetch|send)", text), text
    assert re.search(r"\d+(\.\d+)?/25\.2 MB", text), "how much of how much"
    for image in desk.images():
        desk.service.delete(image.id)
    plain = catalog(desk, "apply", "images", "--tag", desk.tag, "--cache", "other")
    assert plain.returncode == 0, plain.stderr
    assert "\x1b[" not in plain.stderr
    assert f"Large: fetch: {size} bytes\n" in plain.stderr
    assert f"Large: send: {size} bytes\n" in plain.stderr


def test_killed_in_the_middle_of_a_download_only_the_rest_is_fetched(desk: Desk) -> None:
    """SIGKILL while bytes arrive: the next run goes on where they ended, and ends as if nothing had been."""
    body = os.urandom(1 << 20) * 4
    path = f"/{desk.tag}/1/disk.img"
    url = desk.site.put(path, body, cuts=1)
    desk.site.sums(f"/{desk.tag}/1/SHA256SUMS", path)
    desk.write(definition("X", [{"version": "1", "url": url}]))
    program = (
        "import os, signal, sys\n"
        "from intaglio.manager.upstream import web\n"
        "def die(seconds): os.kill(os.getpid(), signal.SIGKILL)\n"
        "web.Web.__init__.__defaults__ = (die, web.ATTEMPTS)  # instead of waiting for the next attempt\n"
        "from intaglio.cli.main import run\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    python = COMMAND.with_name("python")
    words = ["catalog", "apply", "images", "--tag", desk.tag, "--cache", "cache"]
    killed = subprocess.run([python, "-c", program, *words], env=environment(desk), cwd=desk.home, check=False)
    assert killed.returncode == -9
    assert desk.images() == []
    part = next((desk.home / "cache" / "partial").glob("*.part"))
    arrived = part.stat().st_size
    assert 0 < arrived < len(body)
    desk.apply()
    assert desk.site.asked(path) == ["", f"bytes={arrived}-"]
    assert desk.seen() == {"X": ("1", "public")}
    assert changes(desk.plan()) == []
