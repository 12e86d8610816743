"""Locations enciphered with the operator's key, and those on the web: what Glance wrote Intaglio reads, and back."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.wire import FORMATS, PEOPLE, Caller, Target, op
from tests.starters.base import wait_until
from tests.starters.glance import glance
from tests.starters.intaglio import intaglio
from tests.starters.nginx import Nginx, nginx
from tests.takeover.transfers import locations

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]

KEY = "a key of 32 bytes, not to be had"
DATA = os.urandom(100_000)
ROOT = next(user for user in PEOPLE if user.name == "root")


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Nginx]:
    directory = tmp_path / "web"
    directory.mkdir()
    (directory / "disk.img").write_bytes(DATA)
    with nginx(directory, tmp_path / "nginx", workers=1) as found:
        yield found


def conf(key: str | None, web: Nginx) -> str:
    own = "" if key is None else f"metadata_encryption_key = {key}\n"
    filters = f"[import_filtering_opts]\nallowed_hosts = [127.0.0.1]\nallowed_ports = [{web.port}]\n"
    return f"[DEFAULT]\nshow_multiple_locations = true\n{own}{filters}"


def stores(directory: Path) -> str:
    return f"[glance_store]\nstores = file,http\ndefault_store = file\nfilesystem_store_datadir = {directory}\n"


def tasks_of(database: Path, images: list[str]) -> str:
    """What the database says that the tasks about these images are to do."""
    with contextlib.closing(sqlite3.connect(database)) as reading:
        rows = reading.execute("SELECT image_id, input FROM tasks JOIN task_info ON task_id = id")
        return " ".join(given for image_id, given in rows if image_id in images)


def fill(by: Caller, url: str) -> list[str]:
    """An image in a store, and one on the web."""
    stored = str(by.active(DATA)["id"])
    lying = str(by.create(**FORMATS)["id"])
    answer = by.post(f"/v2/images/{lying}/locations", json={"url": url})
    assert answer.status_code == 202, answer.text
    wait_until(lambda: by.image(lying)["os_hash_value"] is not None, "the digest", seconds=60)
    assert by.image(lying)["status"] == "active"
    return [stored, lying]


def read(by: Caller, image_id: str) -> bytes:
    return by.get(f"/v2/images/{image_id}/file").content


@pytest.mark.parametrize("key", [KEY, None], ids=["key", "no-key"])
def test_there_and_back(tmp_path: Path, web: Nginx, key: str | None) -> None:
    images = tmp_path / "images"
    images.mkdir()
    url = f"{web.url}/disk.img"
    chosen = {"stores": stores(images), "auth": "headers", "conf": conf(key, web), "started": False}
    with (
        glance(tmp_path / "peer", **chosen) as peer,  # type: ignore[arg-type]  # of several kinds
        intaglio(tmp_path / "ours", users=[ROOT], workers=1, conf=peer.conf, auth="http_basic", started=False) as ours,
    ):
        peer.start()
        with Caller(Target(peer.url, peer=True), ROOT) as by:
            theirs = fill(by, url)
            both = by.image(theirs[0])["locations"]
        peer.stop()
        ours.start()
        with Caller(Target(ours.url), ROOT) as by:
            assert [read(by, image_id) for image_id in theirs] == [DATA, DATA]
            assert by.image(theirs[0])["locations"] == both
            # what is noted beside a location changes, and the row of another key's would not
            noted = [{**both[0], "metadata": {"rack": "7"}}]
            assert by.change(theirs[0], op("replace", "/locations", noted)).status_code == 200
            made = fill(by, url)
        ours.stop()
        rows = {image_id: value for image_id, (value, _) in locations(peer.directory / "glance.sqlite").items()}
        assert set(rows) == {*theirs, *made}
        if key is not None:
            assert url not in tasks_of(peer.directory / "glance.sqlite", made)
        plain = [":" in value for value in rows.values()]
        assert plain == [key is None] * 4
        peer.start()
        with Caller(Target(peer.url, peer=True), ROOT) as by:
            assert [read(by, image_id) for image_id in (*theirs, *made)] == [DATA] * 4
            assert by.image(theirs[0])["locations"] == noted
            for image_id in made:
                assert by.delete(f"/v2/images/{image_id}").status_code == 204
        peer.stop()
        assert sorted(path.name for path in images.iterdir() if not path.name.startswith(".")) == [theirs[0]]


@pytest.mark.ours
def test_without_the_key_nothing_is_served_and_nothing_lost(tmp_path: Path, web: Nginx) -> None:
    def service(key: str | None) -> str:
        return conf(key, web) + stores(tmp_path / "images")

    (tmp_path / "images").mkdir()
    with intaglio(tmp_path / "ours", users=[ROOT], workers=1, conf=service(KEY)) as ours:
        with Caller(Target(ours.url), ROOT) as by:
            image_id = str(by.active(DATA)["id"])
        operator = tmp_path / "ours" / "operator.conf"
        for other in (None, "x" * 16):
            operator.write_text(service(other))
            ours.restart()
            with Caller(Target(ours.url), ROOT) as by:
                assert by.get(f"/v2/images/{image_id}/file").status_code == 503
                assert [each["url"] for each in by.image(image_id)["locations"]] == ["enciphered:"]
                noted = [{"url": "enciphered:", "metadata": {"rack": "7"}}]
                assert by.change(image_id, op("replace", "/locations", noted)).status_code == 200
                assert [image["id"] for image in by.get("/v2/images").json()["images"]] == [image_id]
        operator.write_text(service(KEY))
        ours.restart()
        with Caller(Target(ours.url), ROOT) as by:
            assert read(by, image_id) == DATA
