"""Requests a second and their latencies, by wrk."""

import dataclasses
import json
from pathlib import Path

from bench.client import Failed, run_together
from bench.processes import cpu_seconds
from bench.servers import Server

_LUA = Path(__file__).parent / "lua"

BUSY = 0.9
"""A generator that used this share of its one processor may itself be what was measured."""

LONGEST = 60
"""Seconds that are waited for a first answer, when none came in the time that a load lasts."""


@dataclasses.dataclass(frozen=True)
class Load:
    """One way of asking: a script of `lua/` and its arguments, by `connections` at once.

    `tolerant`: refused requests do not void the measurement; only what succeeded is counted as done.
    """

    script: str
    arguments: tuple[str, ...] = ()
    connections: int = 8
    tolerant: bool = False


def parse_wrk(output: str) -> dict[str, float]:
    """The line of JSON that `lua/report.lua` prints after wrk's own text."""
    for line in reversed(output.splitlines()):
        if line.startswith("{"):
            found: dict[str, float] = json.loads(line)
            return found
    raise Failed(f"wrk reported nothing: {output[-500:]}")


def ask(server: Server, load: Load, seconds: int) -> dict[str, float]:
    """Put the load on the server; over 1 % of failed requests void the measurement, unless it is tolerant."""
    command = ["wrk", "--threads", "1", "--connections", str(load.connections), "--duration", f"{seconds}s"]
    command += [word for name, value in server.headers.items() for word in ("--header", f"{name}: {value}")]
    command += ["--timeout", "60s", "--script", str(_LUA / load.script), server.url, "--", *load.arguments]
    before = cpu_seconds(server.pid)
    ran = run_together([command], env={"BENCH_LUA": str(_LUA)})
    spent = cpu_seconds(server.pid) - before
    said = parse_wrk(ran.outputs[0])
    if not said["requests"] and seconds < LONGEST:
        return ask(server, load, min(4 * seconds, LONGEST))
    wrong = said["refused"] + said["broken"]
    if not said["requests"] or (wrong > said["requests"] / 100 and not load.tolerant):
        raise Failed(f"{server.name}: {wrong:.0f} of {said['requests']:.0f} requests failed ({load.script})")
    return {
        "requests": said["done"] / said["seconds"],
        "p50": said["p50"] * 1000,
        "p99": said["p99"] * 1000,
        "request_cpu": spent / said["requests"] * 1000,
        "rate": said["bytes"] / 1e6 / said["seconds"],
        "generator": ran.cpu / said["seconds"],
        "failed": wrong / said["requests"] * 100,
    }
