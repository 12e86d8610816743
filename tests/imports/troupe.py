"""Workers and API processes that a test starts and kills, forked from one process that every test of a run shares."""

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.serve.service import exists
from tests.starters.base import ROOT, wait_until


class Forker:
    """See forker.py."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.imports.forker"]
        self._process = subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        atexit.register(self._end)

    def fork(self, home: Path, name: str, conf: Path, port: int | None) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"home": str(home), "name": name, "conf": str(conf), "port": port}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def _end(self) -> None:
        self._process.kill()
        self._process.communicate()


@cache
def forker() -> Forker:
    """That of this run, started when the first test needs it."""
    return Forker()


class Troupe:
    """The processes of one test."""

    def __init__(self, home: Path, conf: Path) -> None:
        self._home = home
        self._conf = conf
        self._pids: dict[str, int] = {}

    def enter(self, name: str, *, port: int | None = None) -> None:
        """Start a worker; with `port`, an API process that serves it."""
        self._pids[name] = forker().fork(self._home, name, self._conf, port)

    def kill(self, *names: str) -> None:
        """Kill these at the same moment, and see that they are gone."""
        pids = [self._pids.pop(name) for name in names]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not any(exists(pid) for pid in pids), f"the end of {', '.join(names)}")

    def pid(self, name: str) -> int:
        """Its process id, while it has not been killed."""
        return self._pids[name]

    def gone(self, name: str) -> bool:
        """Whether this one has ended, killed or by itself."""
        return name not in self._pids or not exists(self._pids[name])

    def end(self) -> None:
        """Kill whoever is left."""
        self.kill(*self._pids)
