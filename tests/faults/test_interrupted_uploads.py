"""An upload that does not end well leaves a queued image, an empty store and no claim; a retry works.

Laws 3 (private, verified, visible) and 7 (what a dead process held is released).
"""

import os
import random
import signal
import time
from pathlib import Path

import httpx
import pytest

from tests.faults.client import (
    MIB,
    HalfUpload,
    content,
    create,
    get,
    leases,
    put,
    show,
    stored_files,
    wait_for_status,
)
from tests.starters.base import wait_until
from tests.starters.intaglio import Intaglio


def assert_untouched_and_retry(service: Intaglio, image_id: str, data: bytes) -> None:
    image = show(service.url, image_id)
    assert (image["status"], image["size"], image["checksum"]) == ("queued", None, None)
    assert stored_files(service) == {}
    assert leases(service) == []
    assert put(service.url, image_id, data).status_code == 204
    assert get(service.url, image_id).content == data
    assert stored_files(service) == {image_id: len(data)}


@pytest.mark.parametrize("chunked", [False, True], ids=["content-length", "chunked"])
@pytest.mark.parametrize("sent", [0, 1000, 5 * MIB], ids=["nothing", "a-little", "most"])
def test_client_hangs_up(service: Intaglio, sent: int, chunked: bool) -> None:
    data = content(6 * MIB)
    image_id = create(service.url)
    with HalfUpload(service, image_id, len(data), chunked=chunked) as upload:
        if sent:
            upload.send(data[:sent])
        wait_for_status(service.url, image_id, "saving")
    wait_for_status(service.url, image_id, "queued", seconds=10)
    assert_untouched_and_retry(service, image_id, data)


def test_while_it_runs_nothing_is_readable(service: Intaglio) -> None:
    data = content(4 * MIB)
    image_id = create(service.url)
    with HalfUpload(service, image_id, len(data)) as upload:
        upload.send(data[:-1])
        wait_for_status(service.url, image_id, "saving")
        assert get(service.url, image_id).status_code == 204
        assert put(service.url, image_id, data).status_code == 409
        assert image_id not in stored_files(service)
        upload.send(data[-1:])
        assert upload.status() == 204
    assert get(service.url, image_id).content == data


def test_every_process_is_killed(service: Intaglio) -> None:
    data = content(6 * MIB)
    image_id = create(service.url)
    with HalfUpload(service, image_id, len(data)) as upload:
        upload.send(data[: 5 * MIB])
        wait_for_status(service.url, image_id, "saving")
        service.kill()
    service.start()
    wait_for_status(service.url, image_id, "queued", seconds=15)
    assert_untouched_and_retry(service, image_id, data)


def test_the_process_that_uploads_is_killed(service: Intaglio) -> None:
    """The others go on serving, and the worker settles what the dead one held."""
    data = content(6 * MIB)
    image_id = create(service.url)
    other = create(service.url)
    with HalfUpload(service, image_id, len(data)) as upload:
        upload.send(data[: 5 * MIB])
        wait_for_status(service.url, image_id, "saving")
        os.kill(_process_of(upload, service), signal.SIGKILL)
        wait_until(lambda: _queued(service, image_id), "image queued again", 20)
    assert_untouched_and_retry(service, image_id, data)
    assert put(service.url, other, data).status_code == 204


def _queued(service: Intaglio, image_id: str) -> bool:
    try:
        return bool(show(service.url, image_id)["status"] == "queued")
    except OSError:
        return False
    except Exception as error:  # a connection that the dead process had accepted
        if "disconnected" in str(error).lower() or "reset" in str(error).lower():
            return False
        raise


def _process_of(upload: HalfUpload, service: Intaglio) -> int:
    """The pid that holds the server's end of the connection, by proc(5)'s table of sockets."""
    port = upload.socket.getsockname()[1]
    wanted = f":{service.port:04X} 0100007F:{port:04X}"
    inode = next(line.split()[9] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if wanted in line[:40])
    for pid in service.pids():
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            if str(descriptor.readlink()) == f"socket:[{inode}]":
                return pid
    raise AssertionError("nobody holds the connection")


@pytest.mark.slow
def test_a_process_that_was_only_paused_loses_its_claim(service: Intaglio) -> None:
    """Its lease ends, the image is given back; when it wakes up it is told, and what it held is not kept."""
    data = content(6 * MIB)
    image_id = create(service.url)
    with HalfUpload(service, image_id, len(data)) as upload:
        upload.send(data[: 5 * MIB])
        wait_for_status(service.url, image_id, "saving")
        paused = _process_of(upload, service)
        os.kill(paused, signal.SIGSTOP)
        try:
            wait_until(lambda: leases(service) == [], "the lease to be taken over", 60)
        finally:
            os.kill(paused, signal.SIGCONT)
        upload.send(data[5 * MIB :])
        assert upload.status() in {409, 410}
    assert_untouched_and_retry(service, image_id, data)


def test_image_is_deleted_meanwhile(service: Intaglio) -> None:

    data = content(6 * MIB)
    image_id = create(service.url)
    with HalfUpload(service, image_id, len(data)) as upload:
        upload.send(data[: 5 * MIB])
        wait_for_status(service.url, image_id, "saving")
        assert httpx.delete(f"{service.url}/v2/images/{image_id}").status_code == 204
        upload.send(data[5 * MIB :])
        assert upload.status() == 410
    assert httpx.get(f"{service.url}/v2/images/{image_id}").status_code == 404
    wait_until(lambda: stored_files(service) == {} and leases(service) == [], "the store to be empty", 15)


@pytest.mark.slow
def test_killed_at_random_moments(service: Intaglio) -> None:
    """Twelve power cuts: every image is whole or queued, and no other file is in the store."""
    chance = random.Random(7)
    data = {seed: content(3 * MIB, seed) for seed in range(12)}
    known: dict[str, int] = {}
    for seed, whole in data.items():
        image_id = create(service.url)
        known[image_id] = seed
        with HalfUpload(service, image_id, len(whole)) as upload:
            cut = chance.choice([chance.randrange(3 * MIB), 3 * MIB])
            upload.send(whole[:cut])
            time.sleep(chance.random() * 0.05)
            service.kill()
        service.start()
    wait_until(lambda: leases(service) == [], "all leases to be settled", 30)
    kept = {}
    for image_id, seed in known.items():
        image = show(service.url, image_id)
        if image["status"] == "active":
            kept[image_id] = len(data[seed])
            assert get(service.url, image_id).content == data[seed]
        else:
            assert image["status"] == "queued"
    assert stored_files(service) == kept
