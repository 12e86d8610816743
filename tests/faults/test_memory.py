"""Law 6: memory does not grow with the size of images, nor much with the number of transfers."""

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from tests.faults.client import MIB, content, create, get, put, show
from tests.starters.base import debian
from tests.starters.intaglio import Intaglio, intaglio

STREAMS = 16
SIZE = 128 * MIB
LIMIT = 64 * MIB


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Intaglio]:
    """One API process, so that all transfers are its own."""
    debian(["curl"], "transfers in processes of their own", provides=["curl"])
    with intaglio(tmp_path, auth="none", workers=1) as running:
        yield running


def resident(pid: int) -> int:
    """Bytes of memory that a process holds now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


class Peak:
    """The most memory a process held while the block ran."""

    def __init__(self, pid: int) -> None:
        self.bytes = resident(pid)
        self._stop = threading.Event()
        self._pid = pid
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._stop.wait(0.01):
            self.bytes = max(self.bytes, resident(self._pid))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def api_process(service: Intaglio) -> int:
    names = {pid: Path(f"/proc/{pid}/comm").read_text().strip() for pid in service.pids()}
    return next(pid for pid, name in names.items() if name.startswith("intaglio api"))


def run_all(commands: list[list[str]]) -> None:
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in commands]
    assert [each.wait() for each in running] == [0] * len(commands)


@pytest.mark.slow
def test_sixteen_uploads_and_downloads_at_once(service: Intaglio, tmp_path: Path) -> None:
    source = tmp_path / "source"
    with source.open("wb") as out:
        for seed in range(SIZE // MIB):
            out.write(content(MIB, seed))
    first = create(service.url)
    assert put(service.url, first, content(4 * MIB)).status_code == 204
    assert len(get(service.url, first).content) == 4 * MIB
    pid = api_process(service)
    idle = resident(pid)
    targets = [create(service.url) for _ in range(STREAMS)]
    address = f"{service.url}/v2/images/{{}}/file"
    binary = ["-H", "Content-Type: application/octet-stream"]
    with Peak(pid) as peak:
        run_all([["curl", "-sf", *binary, "-T", str(source), address.format(target)] for target in targets])
        run_all([["curl", "-sf", "-o", "/dev/null", address.format(target)] for target in targets])
        again = [create(service.url) for _ in targets]
        both = [["curl", "-sf", *binary, "-T", str(source), address.format(target)] for target in again]
        run_all(both + [["curl", "-sf", "-o", "/dev/null", address.format(target)] for target in targets])
    assert {show(service.url, target)["size"] for target in targets + again} == {SIZE}
    assert peak.bytes - idle < LIMIT, f"{(peak.bytes - idle) >> 20} MiB over {idle >> 20} MiB"


def test_slow_readers_cost_no_threads(service: Intaglio) -> None:
    """Three hundred downloads that nobody reads: the threads of the process stay few, and others are served."""

    image_id = create(service.url)
    data = content(64 * MIB)
    assert put(service.url, image_id, data).status_code == 204
    pid = api_process(service)
    readers = []
    try:
        for _ in range(300):
            reader = socket.create_connection(("127.0.0.1", service.port))
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.sendall(f"GET /v2/images/{image_id}/file HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            readers.append(reader)
        time.sleep(1)
        threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
        assert threads < 100
        assert get(service.url, image_id).content == data
    finally:
        for reader in readers:
            reader.close()
    deadline = time.monotonic() + 20
    while len(list(Path(f"/proc/{pid}/fd").iterdir())) > 60 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(list(Path(f"/proc/{pid}/fd").iterdir())) <= 60
