"""The order of a run, from the limits of the machine to the time of a start.

Repeats go round all servers before they start again, so that what else the machine does touches all alike.
"""

import functools
import tempfile
from pathlib import Path

from bench import machine
from bench.asking import asking
from bench.asking_by_token import asking_by_token
from bench.client import Failed
from bench.importing import importing
from bench.load import Load, ask
from bench.memory import under_load
from bench.moving import DISK, MEMORY, moving
from bench.object_store import object_store
from bench.options import Options
from bench.rados import rados
from bench.results import Results
from bench.run import Run, Say
from bench.seed import empty_database
from bench.servers import STARTERS, Place, nginx_server
from bench.signing import signing
from bench.source import make_source
from bench.swift_store import swift_store

PEER_SHARE = 8
"""Glance's transfers of the memory case are this much smaller than ours, to bound their time."""


def limits(run: Run) -> None:
    """What the machine can do alone: hashing, the disk, and the load generator when the server has little to do."""
    if not run.options.wants("limit"):
        return
    run.repeat([("limit", "openssl", machine.hash_rates)])
    run.measure("limit", "disk", lambda: {"rate": machine.disk_rate(run.disk, run.source.size)})
    plain = run.disk / "generator"
    plain.mkdir()
    (plain / "small").write_bytes(b"x" * 1000)
    paths = run.disk / "paths-generator"
    paths.write_text("/small\n")
    with nginx_server(plain, run.disk / "generator-nginx") as server:
        load = Load("paths.lua", (str(paths), "1"))
        run.measure("limit", "wrk", functools.partial(ask, server, load, run.options.seconds))


def remembering(run: Run) -> None:
    """Resident memory, idle and under many transfers at once, each server alone."""
    if not run.options.wants("memory"):
        return
    sizes = {run.options.ours: run.options.memory_size, "glance": run.options.memory_size // PEER_SHARE}
    for name, size in sizes.items():
        with run.server(name, "memory", run.disk / "stores", run.empty) as started:
            source = make_source(run.memory / "memory-source", size)
            for server in started:
                work = functools.partial(under_load, server, source, run.options.memory_streams)
                run.measure("memory", name, work)
            source.path.unlink()


def starting(run: Run) -> None:
    """Start to first answer; the unrecorded first start makes what the others find."""
    if not run.options.wants("start"):
        return
    names = (run.options.ours, "glance")
    for name in names:
        try:
            _start(run, name)
        except (Failed, OSError) as error:
            run.note(f"start, {name} did not start: {error}")
    run.repeat([("start", name, functools.partial(_start, run, name)) for name in names])


def _start(run: Run, name: str) -> dict[str, float]:
    place = Place(run.disk / "start" / name, run.disk / "start-store" / name, run.empty)
    with STARTERS[name](place) as server:
        return {"start": server.start}


def run_all(options: Options, results: Results, say: Say) -> None:
    """Measure everything that `options` want, into `results`. All it made is removed, also when it fails."""
    options.store_dir.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=options.store_dir) as on_disk,
        tempfile.TemporaryDirectory(prefix="bench-", dir=options.memory_dir) as in_memory,
    ):
        disk, memory = Path(on_disk), Path(in_memory)
        say("preparing")
        source = make_source(memory / "source", options.size)
        run = Run(options, results, say, disk, memory, source, empty_database(disk / "empty"))
        limits(run)
        moving(run, MEMORY, memory)
        moving(run, DISK, disk)
        signing(run)
        object_store(run)
        swift_store(run)
        rados(run)
        importing(run)
        source.path.unlink()
        for catalogue in options.catalogues:
            asking(run, catalogue)
        asking_by_token(run)
        remembering(run)
        starting(run)
