"""A private Redis from Debian's package, in memory only."""

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.starters.base import debian, free_port, listening, process, wait_until


class Redis:
    """One server on a port of its own; it can be paused, as if the network to it was cut, and killed."""

    def __init__(self, port: int, pid: int) -> None:
        self.url = f"redis://127.0.0.1:{port}/0"
        self._pid = pid

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """Within the block connections are accepted, and nothing is answered."""
        os.killpg(self._pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self._pid, signal.SIGCONT)


@contextlib.contextmanager
def redis() -> Iterator[Redis]:
    """A running server until the block ends. Raises `Missing`."""
    debian(["redis-server"], "the tests of counting calls on several machines", provides=["redis-server"])
    with tempfile.TemporaryDirectory(prefix="intaglio-redis-") as home:
        port = free_port()
        place = ["--port", str(port), "--bind", "127.0.0.1", "--dir", home]
        command = [str(shutil.which("redis-server")), *place, "--save", "", "--appendonly", "no"]
        with process(command, log=Path(home) / "log") as running:
            wait_until(lambda: listening(port), "Redis")
            yield Redis(port, running.pid)
