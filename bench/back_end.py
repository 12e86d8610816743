"""The cases that move bytes through a real back end: Intaglio and Glance on it, and the back end's own tool."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from bench.run import Run
from bench.servers import STARTERS, Place, Server
from bench.transfers import download, stored, upload


class Tool(Protocol):
    """What the back end's own people would use."""

    name: str

    def upload(self) -> Mapping[str, float]:
        """The source to the back end."""
        ...

    def download(self) -> Mapping[str, float]:
        """The object to memory."""
        ...


def cases(where: str) -> list[str]:
    """One image up, and down."""
    return [f"{move}-1@{where}" for move in ("upload", "download")]


def compare(run: Run, where: str, sections: Callable[[str], str], tool: Tool) -> None:
    """Measure both cases. `sections` are those of glance-api.conf for a place of that name in the back end."""
    up, down = cases(where)
    with _servers(run, where, sections) as servers:
        run.repeat(
            [
                *((up, each.name, functools.partial(upload, each, run.source, 1)) for each in servers),
                (up, tool.name, tool.upload),
            ]
        )
        with contextlib.ExitStack() as stack:
            paths = [(each, f"/v2/images/{stack.enter_context(stored(each, run.source))}/file") for each in servers]
            run.repeat(
                [
                    *(
                        (down, each.name, functools.partial(download, each, path, run.source.size, 1))
                        for each, path in paths
                    ),
                    (down, tool.name, tool.download),
                ]
            )


@contextlib.contextmanager
def _servers(run: Run, where: str, sections: Callable[[str], str]) -> Iterator[list[Server]]:
    with contextlib.ExitStack() as stack:
        started = []
        for name in (run.options.ours, "glance"):
            own = run.disk / f"moving-{where}" / name
            place = Place(own / "work", own / "store", run.empty, sections=sections(f"bench-{name}"))
            started.append(stack.enter_context(STARTERS[name](place)))
        yield started
