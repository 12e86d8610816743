"""Child processes by fork(2): how one is begun, how it ends with its parent, and how one does a single errand."""

import contextlib
import ctypes
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable

from intaglio.base.errors import IntaglioError, Unavailable

log = logging.getLogger(__name__)

CANNOT_START = 78  # a child's exit code (EX_CONFIG): it ended with an error meant for a person
_CRASHED = 70
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_libc = ctypes.CDLL(None, use_errno=True)


class ErrandFailed(Unavailable):
    """What had to be done in a process of its own could not be done; the text is that process's error."""

    code = "errand-failed"


def fork(name: str, run: Callable[[], None]) -> int:
    """The pid of a new child, `name` in ps(1), that calls `run` and exits.

    Its exit code is 0, `CANNOT_START` after an `IntaglioError`, or 70.

    The child is killed when this process dies, however it dies. It ignores SIGINT and SIGHUP, which a terminal sends to
    the whole group: its parent tells it what to do. Only a process with one thread may fork.
    """
    if threading.active_count() != 1:
        raise RuntimeError(f"fork with threads running: {threading.enumerate()}")
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    # Blocked until the child has its own handlers: a signal in between must not run the parent's.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    pid = os.fork()
    if pid:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return pid
    code = _CRASHED
    try:
        _become_child(name, parent)
        run()
        code = 0
    except IntaglioError as error:
        log.error("%s", error)  # noqa: TRY400 - the text says it all
        code = CANNOT_START
    except BaseException:
        log.exception("the process ends because of a defect in it")
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:  # whatever happens: a child must never return into its parent's code
            os._exit(code)


def errand(run: Callable[[], object]) -> None:
    """Call `run` in a child and wait for it, so that nothing it starts or opens stays in this process.

    Raises `ErrandFailed` with the text of the `IntaglioError` that `run` raised.
    """
    reader, writer = os.pipe()

    def child() -> None:
        os.close(reader)
        try:
            run()
        except IntaglioError as error:
            os.write(writer, str(error).encode())
            os._exit(CANNOT_START)

    pid = fork("prepare", child)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        text = pipe.read().decode()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        raise ErrandFailed(text or f"Preparing the service failed ({cause(code)}); see the lines above.")


def cause(code: int) -> str:
    """An exit code, as Python gives it, in words."""
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return f"killed by signal {-code} ({signal.Signals(-code).name})"
    return f"killed by signal {-code}"


def _become_child(name: str, parent: int) -> None:
    if _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it died before the line above took effect
        os._exit(_CRASHED)
    _libc.prctl(_PR_SET_NAME, f"intaglio {name}".encode()[:15])
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
