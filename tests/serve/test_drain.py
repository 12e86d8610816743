"""SIGTERM: nobody new is let in, what runs may finish up to the limit, and a second signal ends it at once."""

import contextlib
import http.client
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serve.service import Service, service
from tests.serve.stub import DOWNLOAD_CHUNK, DOWNLOAD_CHUNKS, FILE_SIZE
from tests.starters.base import wait_until

HALF = b"u" * 500_000


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path, "--workers", "2", "--drain-seconds", "600") as started:
        yield started.wait_ready()


def test_slow_upload_finishes(running: Service) -> None:
    with running.upload(2 * len(HALF)) as upload:
        upload.send(HALF)
        wait_until(lambda: "upload began" in running.output, "the upload's beginning")
        running.process.send_signal(signal.SIGTERM)
        running.wait_draining()
        assert running.alive
        upload.send(HALF)
        assert upload.answer() == (200, str(2 * len(HALF)).encode())
    assert running.stopped() == 0
    assert running.output.count("lifespan closed") == 2
    assert "finishing 1 requests" in running.output


@pytest.mark.parametrize(("path", "size"), [("/download", len(DOWNLOAD_CHUNK) * DOWNLOAD_CHUNKS), ("/file", FILE_SIZE)])
def test_slow_download_finishes(running: Service, path: str, size: int) -> None:
    with (running.data_dir / "file").open("wb") as file:
        file.truncate(FILE_SIZE)
    with running.download(path) as download:
        received = len(download.read(1000))
        running.process.send_signal(signal.SIGTERM)
        running.wait_draining()
        assert running.alive
        while piece := download.read(1 << 20):
            received += len(piece)
    assert received == size
    assert running.stopped() == 0


def test_idle_connections_are_closed_and_do_not_delay(running: Service) -> None:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)) as idle:
        idle.request("GET", "/pid")
        assert idle.getresponse().read()
        running.process.send_signal(signal.SIGTERM)
        assert idle.sock.recv(1) == b""
    assert running.stopped() == 0


def test_limit_ends_what_does_not_finish(tmp_path: Path) -> None:
    with service(tmp_path, "--drain-seconds", "0.5") as running:
        running.wait_ready()
        with (
            running.upload(2 * len(HALF)) as upload,
            running.download("/download"),
            socket.create_connection(("127.0.0.1", running.port)) as half_a_head,
        ):
            upload.send(HALF)
            half_a_head.sendall(b"GET /pid HT")
            wait_until(lambda: "upload began" in running.output, "the upload's beginning")
            running.process.send_signal(signal.SIGTERM)
            assert running.stopped() == 0
        assert "upload cleaned up" in running.output
        assert "that had not finished" in running.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_second_signal_ends_it_at_once(running: Service, number: signal.Signals) -> None:
    with running.upload(2 * len(HALF)) as upload:
        upload.send(HALF)
        wait_until(lambda: "upload began" in running.output, "the upload's beginning")
        running.process.send_signal(number)
        running.wait_draining()
        assert running.alive
        running.process.send_signal(number)
        assert running.stopped() == 0  # long before the limit of 600 s
    assert "stopping at once" in running.output
    assert "upload cleaned up" in running.output


def test_signal_to_the_whole_group_is_one_signal(running: Service) -> None:
    """As a terminal sends SIGINT, and systemd SIGTERM, to every process of the service."""
    with running.upload(2 * len(HALF)) as upload:
        upload.send(HALF)
        wait_until(lambda: "upload began" in running.output, "the upload's beginning")
        for pid in (running.process.pid, *running.children()):
            with contextlib.suppress(ProcessLookupError):  # the first one told has told the others, which may be gone
                os.kill(pid, signal.SIGTERM)
        running.wait_draining()
        upload.send(HALF)
        assert upload.answer()[0] == 200
    assert running.stopped() == 0
