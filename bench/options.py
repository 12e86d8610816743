"""How much is measured, and where things are kept."""

import dataclasses
from pathlib import Path

from bench.transfers import GIB, Client


@dataclasses.dataclass(frozen=True)
class Options:
    """What one run does.

    `size`, `memory_size` in bytes; `seconds` is how long each run of a load lasts; `only` keeps the cases whose names
    start with one of its words.
    """

    store_dir: Path
    memory_dir: Path
    ours: str = "intaglio"
    size: int = GIB
    memory_size: int = GIB
    memory_streams: int = 16
    repeats: int = 3
    client: Client = "curl"
    seconds: int = 5
    catalogues: tuple[int, ...] = (1_000, 10_000, 100_000)
    only: tuple[str, ...] = ()

    def wants(self, case: str) -> bool:
        return not self.only or any(case.startswith(word) for word in self.only)


def quick(options: Options) -> Options:
    """The same cases once, smaller and shorter: for trying a change, not for publishing."""
    return dataclasses.replace(options, size=GIB // 4, memory_size=GIB // 8, memory_streams=8, repeats=1, seconds=2)
