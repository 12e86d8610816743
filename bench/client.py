"""Runs the programs that put load on a server, and says what they cost themselves."""

import dataclasses
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence


class Failed(Exception):
    """A measurement is void; the text says why."""


@dataclasses.dataclass(frozen=True)
class Ran:
    """How programs that ran side by side did. `elapsed` and `cpu` in seconds; `cpu` is that of all of them."""

    elapsed: float
    cpu: float
    outputs: list[str]
    failures: list[str] = dataclasses.field(default_factory=list)


def run_together(
    commands: Sequence[Sequence[str]],
    env: Mapping[str, str] | None = None,
    *,
    apart: float = 0.0,
    tolerant: bool = False,
) -> Ran:
    """Start all commands, each `apart` seconds after the one before, and wait for all.

    `Failed` with the last of its output when one fails; a `tolerant` call counts the failures instead.
    """
    environment = os.environ | dict(env or {})
    started = time.perf_counter()
    running = []
    for number, command in enumerate(commands):
        time.sleep(apart if number else 0)
        out = tempfile.TemporaryFile(mode="w+")  # noqa: SIM115 - a pipe could fill up before it is read
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment)
        running.append((command, process, out))
    cpu = 0.0
    outputs = []
    failures = []
    for command, process, out in running:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        cpu += usage.ru_utime + usage.ru_stime
        out.seek(0)
        outputs.append(out.read())
        out.close()
        if process.returncode:
            failures.append(f"{command[0]} ended with {process.returncode}: {outputs[-1][-500:].strip()}")
    if failures and not tolerant:
        raise Failed(failures[0])
    return Ran(time.perf_counter() - started, cpu, outputs, failures)
