"""A private MariaDB from Debian's package, quick: its commits survive a kill, not a power cut."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.starters.base import debian, free_port, process, wait_until

_FAST = ("--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=64M", "--skip-log-bin", "--skip-name-resolve")


class MariaDB:
    """One server on a port of its own; it can be killed and started again."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self._user = "mysql" if os.geteuid() == 0 else None  # it refuses to run as root
        self._running = contextlib.ExitStack()

    def initialise(self) -> None:
        (self.home / "tmp").mkdir()
        if self._user:
            shutil.chown(self.home, self._user)
            shutil.chown(self.home / "tmp", self._user)
        place = ["--no-defaults", f"--datadir={self.home / 'data'}", "--skip-test-db"]
        options = ["--auth-root-authentication-method=normal", "--innodb-flush-log-at-trx-commit=0"]
        command = ["mariadb-install-db", *place, *options]
        subprocess.run(command, check=True, user=self._user, cwd=self.home, capture_output=True)

    def start(self) -> None:
        place = [f"--datadir={self.home / 'data'}", f"--tmpdir={self.home / 'tmp'}", f"--socket={self.home / 'socket'}"]
        address = ["--bind-address=127.0.0.1", f"--port={self.port}", f"--pid-file={self.home / 'pid'}"]
        command = [str(shutil.which("mariadbd")), "--no-defaults", *place, *address, *_FAST]
        self._running.enter_context(process(command, log=self.home / "log", user=self._user, cwd=self.home))
        wait_until(self._ready, "MariaDB")

    def kill(self) -> None:
        """End it without any farewell to its clients."""
        os.killpg(int((self.home / "pid").read_text()), signal.SIGKILL)
        self._running.close()

    def stop(self) -> None:
        self._running.close()

    def create(self, name: str) -> str:
        """A new database; its URL as an operator writes it."""
        self.run(
            f"CREATE DATABASE {name} CHARACTER SET utf8;"
            "CREATE USER IF NOT EXISTS glance@'127.0.0.1' IDENTIFIED BY 'secret-word';"
            f"GRANT ALL ON {name}.* TO glance@'127.0.0.1'"
        )
        return f"mysql+pymysql://glance:secret-word@127.0.0.1:{self.port}/{name}?charset=utf8"

    def run(self, sql: str) -> None:
        command = ["mariadb", "--no-defaults", "-S", str(self.home / "socket"), "-u", "root", "-e", sql]
        subprocess.run(command, check=True, capture_output=True)

    def _ready(self) -> bool:
        command = ["mariadb-admin", "--no-defaults", "-S", str(self.home / "socket"), "-u", "root", "ping"]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0


@contextlib.contextmanager
def mariadb() -> Iterator[MariaDB]:
    """A running server until the block ends. Raises `Missing`."""
    needed = ["mariadbd", "mariadb-install-db", "mariadb-admin", "mariadb"]
    debian(["mariadb-server"], "the MariaDB tests", provides=needed)
    with tempfile.TemporaryDirectory(prefix="intaglio-my-", ignore_cleanup_errors=True) as home:
        server = MariaDB(Path(home))
        server.initialise()
        server.start()
        try:
            yield server
        finally:
            server.stop()
