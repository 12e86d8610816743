"""Keeps a set of child processes running, and ends them in order. Knows nothing of what they do.

Children are forked, not executed: what the supervisor has imported they need not import again, so a dead one is
replaced within milliseconds. That is safe while the supervisor has one thread and no event
loop; it does nothing but wait.
"""

import contextlib
import gc
import logging
import os
import signal
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from intaglio.base.errors import Unavailable
from intaglio.bootstrap import processes

log = logging.getLogger(__name__)

READY = signal.SIGRTMIN
"""A child sends this to its parent once it can do its work; real-time signals queue, so none is lost."""
CUT = signal.SIGUSR2
"""Told to a child that drains: give up what still runs, clean up, and leave."""
STEADY_SECONDS = 10.0  # a child that lived this long did not die of what it met at its start
LONGEST_PAUSE = 30.0
CUT_SECONDS = 5.0  # between being told to give up and being killed


class StartFailed(Unavailable):
    """A process could not start, and starting it again would change nothing; it logged why."""

    code = "start-failed"


class Role(msgspec.Struct, frozen=True):
    """One process to keep running: `run` is called in the child, and its return is the child's end."""

    name: str
    run: Callable[[], None]


class _Slot:
    """A role, and the process that fills it now (pid 0: none)."""

    def __init__(self, role: Role) -> None:
        self.role = role
        self.pid = 0
        self.ready = False
        self.started = 0.0
        self.deaths = 0  # in a row
        self.due = 0.0  # when to start it, while there is none

    def __str__(self) -> str:
        return f"{self.role.name} (pid {self.pid})"


class _Dead(NamedTuple):
    """A child that has ended: the slot it had, what it was called, and its exit code."""

    slot: _Slot
    name: str
    code: int


class Supervisor:
    """Runs `roles` until SIGTERM, SIGINT or SIGHUP, then lets them finish for at most `drain_seconds`.

    `on_ready` is called when every role has reported `READY` for the first time; `on_drain` before children are told to
    stop (SIGTERM). A second signal cuts the draining short.
    """

    def __init__(
        self,
        roles: Sequence[Role],
        *,
        drain_seconds: float,
        on_ready: Callable[[], None] = lambda: None,
        on_drain: Callable[[], None] = lambda: None,
    ) -> None:
        self._slots = [_Slot(role) for role in roles]
        self._drain_seconds = drain_seconds
        self._on_ready = on_ready
        self._on_drain = on_drain
        self._announced = False
        self._stop_signals = {signal.SIGTERM, signal.SIGINT}
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup(1) is respected
            self._stop_signals.add(signal.SIGHUP)
        self._signals = self._stop_signals | {signal.SIGCHLD, READY}

    def run(self) -> None:
        """Return when no child is left. Raises `StartFailed` when one cannot start at the first attempt."""
        gc.collect()
        gc.freeze()  # the collector of a child then leaves the shared pages alone
        before = signal.pthread_sigmask(signal.SIG_BLOCK, self._signals)
        try:
            self._supervise()
            self._drain()
        finally:
            self._kill()
            while signal.sigtimedwait(self._signals, 0):  # what came too late must not end us when it is let in
                pass
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _supervise(self) -> None:
        while True:
            for slot in self._slots:
                if not slot.pid and slot.due <= time.monotonic():
                    self._start(slot)
            due = min((slot.due for slot in self._slots if not slot.pid), default=float("inf"))
            got = signal.sigtimedwait(self._signals, max(0.0, min(due - time.monotonic(), 3600.0)))
            if got is not None and got.si_signo in self._stop_signals:
                log.info("stopping (%s)", signal.Signals(got.si_signo).name)
                return
            if got is not None and got.si_signo == READY:
                self._heard_ready(got.si_pid)
            for dead in self._reap():
                self._bury(dead)

    def _start(self, slot: _Slot) -> None:
        slot.started, slot.ready = time.monotonic(), False
        slot.pid = processes.fork(slot.role.name, slot.role.run)
        if slot.deaths:
            log.warning("%s restarted as pid %d", slot.role.name, slot.pid)

    def _heard_ready(self, pid: int) -> None:
        for slot in self._slots:
            slot.ready |= slot.pid == pid
        if not self._announced and all(slot.ready for slot in self._slots):
            self._announced = True
            self._on_ready()

    def _reap(self) -> list[_Dead]:
        """Every child that has ended; its slot is free. SIGCHLDs merge, so each child is asked for."""
        ended = []
        for slot in self._slots:
            if slot.pid:
                pid, status = os.waitpid(slot.pid, os.WNOHANG)
                if pid:
                    ended.append(_Dead(slot, str(slot), os.waitstatus_to_exitcode(status)))
                    slot.pid = 0
        return ended

    def _bury(self, dead: _Dead) -> None:
        """Say that a child died and of what, and decide when its successor starts."""
        slot, code = dead.slot, dead.code
        lived = time.monotonic() - slot.started
        if code == processes.CANNOT_START and not self._announced:
            raise StartFailed(f"The {slot.role.name} process could not start: see the line above.")
        slot.deaths = 1 if lived >= STEADY_SECONDS else slot.deaths + 1
        pause = 0.0 if slot.deaths == 1 else min(LONGEST_PAUSE, 0.5 * 2 ** (slot.deaths - 2))
        slot.due = time.monotonic() + pause
        when = f"in {pause:g} s" if pause else "now"
        log.error("%s died after %.1f s: %s; starting it again %s", dead.name, lived, processes.cause(code), when)

    def _drain(self) -> None:
        self._on_drain()
        self._tell(signal.SIGTERM)
        end = time.monotonic() + self._drain_seconds + CUT_SECONDS
        while any(slot.pid for slot in self._slots):
            got = signal.sigtimedwait(self._signals, max(0.0, end - time.monotonic()))
            if got is None:
                return
            if got.si_signo in self._stop_signals:
                log.warning("stopping at once (second %s)", signal.Signals(got.si_signo).name)
                self._tell(CUT)
                end = min(end, time.monotonic() + CUT_SECONDS)
            for dead in self._reap():
                if dead.code:
                    log.warning("%s did not end well: %s", dead.name, processes.cause(dead.code))

    def _tell(self, number: signal.Signals) -> None:
        for slot in self._slots:
            if slot.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(slot.pid, number)

    def _kill(self) -> None:
        for slot in self._slots:
            if slot.pid:
                log.warning("killing %s, which did not end when told to", slot)
                os.kill(slot.pid, signal.SIGKILL)
                os.waitpid(slot.pid, 0)
                slot.pid = 0
