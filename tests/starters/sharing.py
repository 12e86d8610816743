"""One server for all processes of a test run: the first who needs it starts it, the last who leaves ends it.

It runs below a holder, a process of its own. Everybody who uses it has a shared lock on a file; the holder waits for
the lock alone. The kernel gives locks back when their holders die, so nothing stays behind, however a test run ends.
"""

import contextlib
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from tests.starters.base import ROOT, Missing, wait_until

Facts = Mapping[str, Any]
"""What others need to know of the server, as JSON."""


def hold(directory: Path, server: AbstractContextManager[Facts]) -> None:
    """The holder: run the server until nobody has the lock any more."""
    with _failure_told(directory), server as facts:
        (directory / "facts.new").write_text(json.dumps(facts))
        (directory / "facts.new").rename(directory / "facts")
        with (directory / "users").open("rb") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            (directory / "facts").unlink()  # before the lock is given back: who comes now starts another


@contextlib.contextmanager
def _failure_told(directory: Path) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        (directory / "failure").write_text(str(error))
        raise


@contextlib.contextmanager
def shared(directory: Path, module: str, what: str) -> Iterator[Facts]:
    """The server that all who name this directory share; nobody may stop it. Raises `Missing`.

    `module` is run with the directory as its argument, and calls `hold`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        with FileLock(directory / "starting"):
            (directory / "users").touch()
            users = stack.enter_context((directory / "users").open("rb"))
            fcntl.flock(users, fcntl.LOCK_SH)
            if not (directory / "facts").exists():
                _start(directory, module, what)
        yield json.loads((directory / "facts").read_text())


def _start(directory: Path, module: str, what: str) -> None:
    failure = directory / "failure"
    failure.unlink(missing_ok=True)
    with (directory / "holder.log").open("ab") as out:
        subprocess.run(  # nobody's child: the test process that starts it may be the first to end
            ["setsid", "--fork", sys.executable, "-m", module, str(directory)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            check=True,
        )

    def started() -> bool:
        if failure.exists():
            raise Missing(f"{what} could not be started: {failure.read_text()}")
        return (directory / "facts").exists()

    wait_until(started, what, seconds=300)


def common_directory(factory: pytest.TempPathFactory) -> Path:
    """The directory of this test run, the same for all its processes."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
