"""The cases that ask many small questions, in catalogues of several sizes."""

import contextlib
import functools
import shutil
from collections.abc import Sequence
from pathlib import Path

from bench.client import Failed
from bench.images import page
from bench.load import Load, ask
from bench.run import Run
from bench.seed import fill, image_id
from bench.servers import Server

LIST = "limit=25"
FILTER = "limit=25&bench_rare=yes"
ALWAYS = ("list", "filter")
IN_THE_MIDDLE = ("show", "create-delete-1", "create-delete-8")
MIDDLE = 10_000


def asking(run: Run, catalogue: int) -> None:
    """Requests a second in a catalogue of so many images."""
    names = [*ALWAYS, *IN_THE_MIDDLE] if catalogue == MIDDLE else list(ALWAYS)
    names = [name for name in names if run.options.wants(f"{name}@{catalogue}")]
    if not names:
        return
    loads = _loads(run.disk, catalogue)
    database = filled(run, catalogue)
    with run.servers(f"asking-{catalogue}", run.disk / "stores", database) as servers:
        database.unlink()
        same_answers(run, servers, (LIST, FILTER))
        warm(servers, [loads[name] for name in names], min(1, run.options.seconds))
        run.repeat(
            [
                (f"{name}@{catalogue}", server.name, functools.partial(ask, server, loads[name], run.options.seconds))
                for name in names
                for server in servers
            ]
        )


def filled(run: Run, catalogue: int) -> Path:
    """A database with so many images, for the caller to remove."""
    run.say(f"filling a database with {catalogue} images")
    database = run.disk / f"catalogue-{catalogue}.sqlite"
    shutil.copyfile(run.empty, database)
    fill(database, catalogue)
    return database


def _loads(directory: Path, catalogue: int) -> dict[str, Load]:
    texts = {
        "list": f"/v2/images?{LIST}\n",
        "filter": f"/v2/images?{FILTER}\n",
        "show": "".join(f"/v2/images/{image_id(number)}\n" for number in range(catalogue)),
    }
    # Glance on SQLite answers 500 (database is locked) as soon as two write at once: it is at its best with one.
    loads = {f"create-delete-{many}": Load("create_delete.lua", (), many, tolerant=True) for many in (1, 8)}
    for name, text in texts.items():
        path = directory / f"paths-{name}-{catalogue}"
        path.write_text(text)
        loads[name] = Load("paths.lua", (str(path), "1"))
    return loads


def same_answers(run: Run, servers: Sequence[Server], queries: Sequence[str]) -> None:
    """Speed is only compared between servers that say the same."""
    for query in queries:
        pages = {server.name: page(server, query) for server in servers}
        if len({tuple(ids) for ids in pages.values()}) > 1:
            run.note(f"the servers list different images for {query}")


def warm(servers: Sequence[Server], loads: Sequence[Load], seconds: int) -> None:
    """Unrecorded: connections are made, code is compiled, pages are read."""
    for server in servers:
        for load in loads:
            with contextlib.suppress(Failed):
                ask(server, load, seconds)
