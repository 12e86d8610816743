"""One Keystone for all processes of a test run: the first who needs it starts it, the last who leaves ends it.

It runs below a holder, a process of its own. Everybody who uses it has a shared lock on a file; the holder waits for
the lock alone. The kernel gives locks back when their holders die, so nothing stays behind, however a test run ends.
"""

import contextlib
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from tests.starters.base import ROOT, Missing, wait_until
from tests.starters.environments import environment
from tests.starters.keystone import Keystone, keystone


def hold(directory: Path) -> None:
    """The holder: run Keystone until nobody has the lock any more."""
    with _failure_told(directory), keystone(directory / "server") as identity:
        facts = json.dumps({"port": identity.port, "ids": dict(identity.ids)})
        (directory / "facts.new").write_text(facts)
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
def shared_keystone(directory: Path) -> Iterator[Keystone]:
    """The Keystone that all who name this directory share; nobody may stop it. Raises `Missing`."""
    directory.mkdir(parents=True, exist_ok=True)
    binaries = environment("keystone")
    with contextlib.ExitStack() as stack:
        with FileLock(directory / "starting"):
            (directory / "users").touch()
            users = stack.enter_context((directory / "users").open("rb"))
            fcntl.flock(users, fcntl.LOCK_SH)
            if not (directory / "facts").exists():
                _start(directory)
        facts = json.loads((directory / "facts").read_text())
        yield Keystone(directory / "server", facts["port"], facts["ids"], binaries)


def _start(directory: Path) -> None:
    failure = directory / "failure"
    failure.unlink(missing_ok=True)
    with (directory / "holder.log").open("ab") as out:
        subprocess.run(  # nobody's child: the test process that starts it may be the first to end
            ["setsid", "--fork", sys.executable, "-m", "tests.starters.keystone_shared", str(directory)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            check=True,
        )

    def started() -> bool:
        if failure.exists():
            raise Missing(f"Keystone could not be started: {failure.read_text()}")
        return (directory / "facts").exists()

    wait_until(started, "Keystone", seconds=300)


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keystone]:
    """The real Keystone of this test run, with the people of `tests/starters/keystone_people.py`."""
    base = tmp_path_factory.getbasetemp()
    run = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with shared_keystone(run / "keystone") as found:
        yield found


if __name__ == "__main__":
    hold(Path(sys.argv[1]))
