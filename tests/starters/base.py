"""What every starter of a real part needs: Debian packages, a virtual environment, a port, a process that ends with us.

A starter raises `Missing` with a reason when its part cannot be had on this machine; the test is then skipped, and the
reason is printed at the end of the run and counted.
"""

import contextlib
import ctypes
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from filelock import FileLock

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("INTAGLIO_TEST_CACHE", ROOT / ".parts"))  # not .cache: building the documents empties that

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Missing(Exception):
    """A real part cannot be started here; the text says which and why."""


def debian(packages: Sequence[str], why: str, *, provides: Sequence[str]) -> None:
    """Make the programs or files `provides` available, installing Debian `packages` when that is allowed.

    Installing needs root and apt; INTAGLIO_TEST_NO_INSTALL=1 forbids it. Raises `Missing`.
    """

    def present(thing: str) -> bool:
        return Path(thing).exists() if thing.startswith("/") else shutil.which(thing) is not None

    if all(present(thing) for thing in provides):
        return
    if os.environ.get("INTAGLIO_TEST_NO_INSTALL") or os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Missing(f"{why}: needs the Debian packages {' '.join(packages)}, which may not be installed here")
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / "apt.lock"):
        if all(present(thing) for thing in provides):
            return
        sys.stderr.write(f"installing {' '.join(packages)}: {why}\n")
        log = CACHE / "apt.log"
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        with log.open("ab") as out:
            for command in (
                ["apt-get", "install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120", *packages],
                ["apt-get", "update"],
                ["apt-get", "install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120", *packages],
            ):
                subprocess.run(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=environment, check=False)
                if all(present(thing) for thing in provides):
                    return
    raise Missing(f"{why}: installing {' '.join(packages)} failed, see {log}")


def venv(name: str, requirements: Sequence[str]) -> Path:
    """A virtual environment of its own holding `requirements` (exact versions), made once; its `bin` directory.

    Other people's software never shares an environment with ours. Raises `Missing`.
    """
    home = CACHE / "venvs" / name
    stamp = home / "requirements.txt"
    wanted = "\n".join(requirements)
    home.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{home}.lock"):
        if not (stamp.exists() and stamp.read_text() == wanted):
            shutil.rmtree(home, ignore_errors=True)
            sys.stderr.write(f"making the environment {name}: {', '.join(requirements)}\n")
            log = home.parent / f"{name}.log"
            with log.open("wb") as out:
                for command in (
                    [sys.executable, "-m", "venv", str(home)],
                    [str(home / "bin" / "python"), "-m", "pip", "install", "-q", *requirements],
                ):
                    if subprocess.run(command, stdout=out, stderr=out, check=False).returncode:
                        raise Missing(f"{name}: {' '.join(requirements)} could not be installed, see {log}")
            stamp.write_text(wanted)
    return home / "bin"


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nothing listens on at this moment.

    From below the range that the kernel takes the ports of clients from: there, another test's connection could have it
    before the server that it is meant for.
    """
    while True:
        port = random.randrange(12000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_until(ready: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Poll `ready` until it is true; TimeoutError naming `what` after `seconds`."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} was not ready within {seconds:g} s")
        time.sleep(0.05)


def listening(port: int) -> bool:
    """Whether something accepts TCP connections on 127.0.0.1:port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@contextlib.contextmanager
def process(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: str | None = None,
    stop: signal.Signals = signal.SIGTERM,
    stop_seconds: float = 20,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in a process group of its own until the block ends; the whole group is then gone."""
    with log.open("ab") as out:
        running = subprocess.Popen(
            [str(word) for word in command],
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
            env=None if env is None else dict(env),
            cwd=cwd,
            user=user,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - one prctl call, safe after fork
        )
    try:
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, stop)
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(stop_seconds)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait(10)
