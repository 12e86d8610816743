"""The random file that is sent: in memory, so that reading it costs next to nothing."""

import dataclasses
import hashlib
import os
from pathlib import Path

_PIECE = 2**22


@dataclasses.dataclass(frozen=True)
class Source:
    path: Path
    size: int
    md5: str


def make_source(path: Path, size: int) -> Source:
    """Write `size` random bytes to `path`: they can neither be compressed nor skipped as zeros."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("wb") as out:
        for start in range(0, size, _PIECE):
            piece = os.urandom(min(_PIECE, size - start))
            digest.update(piece)
            out.write(piece)
    return Source(path, size, digest.hexdigest())
