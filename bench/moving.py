"""The cases that move bytes: uploads, downloads and ranges, with the stores in one place."""

import contextlib
import functools
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.client import run_together
from bench.load import Load, ask
from bench.run import Measure, Run
from bench.servers import Server, nginx_server
from bench.source import Source
from bench.transfers import GIB, MB, Client, download, stored, upload

CASES = ("upload-1", "upload-4", "download-1", "download-8", "ranges")
RANGE = 2**20
COPY = "cp"
MEMORY, DISK = "memory", "disk"

Work = tuple[str, str, Measure]


def moving(run: Run, where: str, store: Path) -> None:
    """Whole images up and down, and ranges, with every store below `store`."""
    if not any(run.options.wants(f"{name}@{where}") for name in CASES):
        return
    label, client = f"moving-{where}", run.options.client
    work = _settled_upload if where == DISK else upload
    with run.servers(label, store, run.empty) as servers, plain_files(run, label, store) as limit:
        run.repeat(
            [
                (f"upload-{many}@{where}", server.name, functools.partial(work, server, run.source, many, client))
                for many in (1, 4)
                for server in servers
            ]
            + [(f"upload-1@{where}", COPY, functools.partial(_copied, run, run.source.path, store / label / "copy"))]
        )
        with contextlib.ExitStack() as stack:
            files = {limit.name: (limit, "/file")}
            for server in servers:
                image = stack.enter_context(stored(server, run.source))
                files[server.name] = (server, f"/v2/images/{image}/file")
            kept = store / label / "plain" / "file"
            copying = functools.partial(_copied, run, kept, run.memory / "copied")
            run.repeat(
                [*_downloads(run, where, files), (f"download-1@{where}", COPY, copying), *_ranges(run, where, files)]
            )


def _copied(run: Run, source: Path, target: Path) -> dict[str, float]:
    """cp(1), which looks at no byte; what it wrote to a disk is there for good when the time is taken."""
    target.unlink(missing_ok=True)
    os.sync()
    ran = run_together([["sh", "-c", 'cp --reflink=never "$1" "$2" && sync "$2"', "sh", str(source), str(target)]])
    target.unlink()
    return {"rate": run.source.size / MB / ran.elapsed, "client_cpu": ran.cpu / run.source.size * GIB}


def _settled_upload(server: Server, source: Source, streams: int, client: Client) -> dict[str, float]:
    os.sync()  # what earlier runs left to be written is not this run's
    return upload(server, source, streams, client)


@contextlib.contextmanager
def plain_files(run: Run, label: str, store: Path) -> Iterator[Server]:
    """Serve a copy of the source by nginx, as /file, from the same file system as the stores."""
    plain = store / label / "plain"
    plain.mkdir(parents=True)
    try:
        shutil.copyfile(run.source.path, plain / "file")
        with nginx_server(plain, run.disk / label / "nginx") as server:
            yield server
    finally:
        shutil.rmtree(plain)


def _downloads(run: Run, where: str, files: Mapping[str, tuple[Server, str]]) -> list[Work]:
    return [
        (
            f"download-{many}@{where}",
            name,
            functools.partial(download, server, path, run.source.size, many, run.options.client),
        )
        for many in (1, 8)
        for name, (server, path) in files.items()
    ]


def _ranges(run: Run, where: str, files: Mapping[str, tuple[Server, str]]) -> list[Work]:
    work: list[Work] = []
    for name, (server, path) in files.items():
        listed = run.disk / f"paths-{name}"
        listed.write_text(f"{path}\n")
        load = Load("paths.lua", (str(listed), "1", str(run.source.size), str(RANGE)))
        work.append((f"ranges@{where}", name, functools.partial(ask, server, load, run.options.seconds)))
    return work
