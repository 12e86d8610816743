"""A private PostgreSQL 15 from Debian's package, quick: its commits survive a kill, not a power cut."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.starters.base import debian, free_port, process, wait_until

_BIN = Path("/usr/lib/postgresql/15/bin")
_FAST = ("fsync=off", "full_page_writes=off", "shared_buffers=32MB", "max_connections=50")


class PostgreSQL:
    """One server on a port of its own; it can be killed and started again."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self._user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
        self._running = contextlib.ExitStack()

    def initialise(self) -> None:
        if self._user:
            shutil.chown(self.home, self._user)
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        command: list[str | Path] = [_BIN / "initdb", "-D", self.home / "data", *options]
        self._run(command)

    def start(self) -> None:
        settings = [word for setting in _FAST for word in ("-c", setting)]
        place: list[str | Path] = ["-D", self.home / "data", "-p", str(self.port), "-h", "127.0.0.1", "-k", self.home]
        command: list[str | Path] = [_BIN / "postgres", *place, *settings]
        log = self.home / "log"
        self._running.enter_context(process(command, log=log, user=self._user, cwd=self.home, stop=signal.SIGINT))
        wait_until(self._ready, "PostgreSQL")

    def kill(self) -> None:
        """End it without any farewell to its clients."""
        first_line = (self.home / "data" / "postmaster.pid").read_text().splitlines()[0]
        os.killpg(int(first_line), signal.SIGKILL)
        self._running.close()

    def stop(self) -> None:
        self._running.close()

    def create(self, name: str) -> str:
        """A new database; its URL as an operator writes it."""
        self._run([_BIN / "createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", name])
        return f"postgresql://postgres:secret-word@127.0.0.1:{self.port}/{name}"

    def _ready(self) -> bool:
        command: list[str | Path] = [_BIN / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0

    def _run(self, command: Sequence[str | Path]) -> None:
        subprocess.run(command, check=True, user=self._user, cwd=self.home, capture_output=True)


@contextlib.contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """A running server until the block ends. Raises `Missing`."""
    debian(["postgresql-15"], "the PostgreSQL tests", provides=[str(_BIN / "postgres")])
    with tempfile.TemporaryDirectory(prefix="intaglio-pg-", ignore_cleanup_errors=True) as home:
        server = PostgreSQL(Path(home))
        server.initialise()
        server.start()
        try:
            yield server
        finally:
            server.stop()
