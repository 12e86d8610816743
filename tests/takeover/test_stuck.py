"""What a real Glance left in the middle of something is found, and ended with a reason or kept for an import."""

import json
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.test_import import DIRECT, ask, imported, stage
from tests.api.wire import FORMATS, PEOPLE, Caller, Json, Target, digests, noise
from tests.starters.base import wait_until
from tests.starters.glance import Glance, glance
from tests.starters.intaglio import COMMAND, Intaglio, intaglio

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

MIA = next(user for user in PEOPLE if user.name == "mia")
DATA = noise(50_000)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Glance, Intaglio]]:
    with (
        glance(
            tmp_path / "peer", stores=tmp_path / "images", auth="headers", conf="[intaglio]\nauth = http_basic\n"
        ) as peer,
        intaglio(tmp_path / "ours", users=[MIA], conf=peer.conf, workers=1, started=False) as ours,
    ):
        yield peer, ours


def left_by(peer: Glance, images: Path) -> dict[str, str]:
    """An image in each unfinished state; Glance has ended."""
    with Caller(Target(peer.url, peer=True), MIA) as mia:
        ids = {name: str(mia.create(**FORMATS, name=name)["id"]) for name in ("importing", "staged", "away", "saving")}
        for name in ("importing", "staged", "away"):
            assert stage(mia, ids[name], DATA).status_code == 204
        aside = images.with_name("aside")
        images.rename(aside)
        images.write_text("no directory: nothing can be stored")
        assert ask(mia, ids["importing"], DIRECT).status_code == 202
        path = f"/v2/images/{ids['importing']}/tasks"
        wait_until(lambda: mia.get(path).json()["tasks"][0]["status"] == "failure", "the end of Glance's task")
        assert mia.image(ids["importing"])["status"] == "importing"  # and so for ever
        images.unlink()
        aside.rename(images)
    peer.stop()
    return ids


def found(ours: Intaglio, peer: Glance, *words: str) -> dict[str, Json]:
    command: list[str | Path] = [COMMAND, "image", "stuck", "--idle-hours", "0", "--format", "json", *words]
    command += ["--config-file", peer.conf, "--data-dir", ours.data]
    done = subprocess.run(command, env=ours.environment, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}
    assert done.stdout, done.stderr
    return {each["name"]: each for each in json.loads(done.stdout)}


def test_left_by_a_glance(site: tuple[Glance, Intaglio], tmp_path: Path) -> None:
    peer, ours = site
    ids = left_by(peer, tmp_path / "images")
    database = next(tmp_path.glob("peer/**/*.sqlite"))
    with sqlite3.connect(database) as direct:  # as one that is killed while data arrive leaves it
        direct.execute("UPDATE images SET status = 'saving' WHERE id = ?", (ids["saving"],))
    (staged_file,) = tmp_path.glob(f"peer/**/{ids['away']}")
    shutil.move(staged_file, tmp_path / "on another machine")
    time.sleep(1.1)  # Glance's times are whole seconds
    ours.start()
    before = found(ours, peer)
    assert {name: each["remedy"] for name, each in before.items()} == {
        "importing": "queue",
        "saving": "queue",
        "staged": "none",
        "away": "fetch",
    }
    assert before["away"]["host"]
    after = found(ours, peer, "--fix")
    assert {name for name, each in after.items() if each["fixed"]} == {"importing", "saving"}
    with Caller(Target(ours.url), MIA) as mia:
        statuses = {name: mia.image(image_id)["status"] for name, image_id in ids.items()}
        assert statuses == {"importing": "queued", "saving": "queued", "staged": "uploading", "away": "uploading"}
        assert ask(mia, ids["staged"], DIRECT).status_code == 202
        assert imported(mia, ids["staged"])["os_hash_value"] == digests(DATA)["os_hash_value"]
        assert mia.upload(ids["importing"], DATA).status_code == 204
        assert found(ours, peer, "--fix", "--drop-staged").keys() == {"away"}
        assert mia.image(ids["away"])["status"] == "queued"
    assert found(ours, peer) == {}
