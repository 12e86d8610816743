"""Disks that fail under an upload: a clear answer, nothing left, and the service goes on."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults.client import MIB, content, create, get, leases, put, show, stored_files
from tests.starters.base import Missing, wait_until
from tests.starters.filesystems import mounted
from tests.starters.intaglio import Intaglio, intaglio


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB of the test's own."""
    directory = tmp_path / "disk"
    directory.mkdir()
    if os.geteuid() != 0:
        raise Missing("a disk that fills up: mounting one needs root")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", directory], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Missing(f"a disk that fills up: {done.stderr.strip()}")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "-l", directory], check=True)


@pytest.fixture
def service(tmp_path: Path, disk: Path) -> Iterator[Intaglio]:
    """A service whose store is that disk."""
    conf = f"[glance_store]\nfilesystem_store_datadir = {disk}/store\n"
    with intaglio(tmp_path, auth="none", workers=1, conf=conf) as running:
        yield running


def test_full_disk(service: Intaglio, disk: Path) -> None:
    image_id = create(service.url)
    answer = put(service.url, image_id, content(12 * MIB))
    assert answer.status_code == 413
    assert "space" in answer.text.lower()
    assert show(service.url, image_id)["status"] == "queued"
    assert (stored_files(service, disk / "store"), leases(service)) == ({}, [])
    data = content(6 * MIB)
    assert put(service.url, image_id, data).status_code == 204
    assert get(service.url, image_id).content == data


def test_read_only_disk(service: Intaglio, disk: Path) -> None:
    data = content(MIB)
    before = create(service.url)
    assert put(service.url, before, data).status_code == 204
    image_id = create(service.url)
    with _read_only(disk):
        assert put(service.url, image_id, data).status_code == 503
        assert get(service.url, before).content == data
        assert httpx.get(f"{service.url}/healthcheck").status_code == 503
    assert show(service.url, image_id)["status"] == "queued"
    assert httpx.get(f"{service.url}/healthcheck").status_code == 200
    assert put(service.url, image_id, data).status_code == 204


@contextlib.contextmanager
def _read_only(disk: Path) -> Iterator[None]:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw,size=8m", disk], check=True)


def test_share_that_is_not_mounted(service: Intaglio, disk: Path) -> None:
    """Something empty is where the store was: nothing is written to it, nothing is taken for lost, and all heals."""
    data = content(MIB)
    before, gone, image_id = create(service.url), create(service.url), create(service.url)
    for each in (before, gone):
        assert put(service.url, each, data).status_code == 204
    with mounted(disk / "store", "-t", "tmpfs", "tmpfs") as empty:
        answer = put(service.url, image_id, data)
        assert (answer.status_code, "'file'" in answer.text, "mounted" in answer.text) == (503, True, True)
        assert get(service.url, before).status_code == 503
        assert httpx.delete(f"{service.url}/v2/images/{gone}").status_code == 204
        health = httpx.get(f"{service.url}/healthcheck?detailed")
        assert health.status_code == 503
        assert "can only be read" in health.json()["stores"]["file"]["reason"]
        assert list(empty.iterdir()) == []
    assert show(service.url, image_id)["status"] == "queued"
    assert get(service.url, before).content == data
    assert httpx.get(f"{service.url}/healthcheck").status_code == 200
    assert put(service.url, image_id, data).status_code == 204
    kept = {before: MIB, image_id: MIB}
    wait_until(lambda: stored_files(service, disk / "store") == kept, "the deleted image's data to go", 60)


def test_object_that_vanished(service: Intaglio, disk: Path) -> None:
    """Lost data is said to be lost: not an empty answer, and the record stays."""
    image_id = create(service.url)
    assert put(service.url, image_id, content(MIB)).status_code == 204
    (disk / "store" / image_id).unlink()
    answer = get(service.url, image_id)
    assert answer.status_code == 503
    assert image_id in answer.text
    assert show(service.url, image_id)["status"] == "active"
    assert httpx.delete(f"{service.url}/v2/images/{image_id}").status_code == 204


def test_object_that_was_cut_short_is_not_served(service: Intaglio, disk: Path) -> None:
    image_id = create(service.url)
    assert put(service.url, image_id, content(MIB)).status_code == 204
    os.truncate(disk / "store" / image_id, 1000)
    assert get(service.url, image_id).status_code == 503


def test_what_a_crash_of_another_service_left_is_in_nobodys_way(service: Intaglio, disk: Path) -> None:
    """A file under the image's name that no record knows is replaced by the upload."""
    image_id = create(service.url)
    (disk / "store" / image_id).write_bytes(b"half of something")
    data = content(MIB)
    assert put(service.url, image_id, data).status_code == 204
    assert get(service.url, image_id).content == data


def test_a_delete_that_the_store_refuses_is_done_later(service: Intaglio, disk: Path) -> None:
    image_id = create(service.url)
    assert put(service.url, image_id, content(MIB)).status_code == 204
    with _read_only(disk):
        assert httpx.delete(f"{service.url}/v2/images/{image_id}").status_code == 204
        assert httpx.get(f"{service.url}/v2/images/{image_id}").status_code == 404
        assert image_id in stored_files(service, disk / "store")
    wait_until(lambda: stored_files(service, disk / "store") == {} and leases(service) == [], "the bytes to go", 60)
