"""The definitions that come with the package, by name: `shipped` is all of them, `shipped:ubuntu` one file.

They are the package's and never written; a copy is the curator's own.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from intaglio.base.errors import Conflict, NotFound

WORD = "shipped"
DIRECTORY = Path(__file__).with_name("shipped_definitions")


class NotShipped(NotFound):
    """No file of definitions of this name comes with the package."""

    code = "not-shipped"


class ShippedReadOnly(Conflict):
    """What comes with the package is not written; a copy is."""

    code = "shipped-read-only"


class CopyExists(Conflict):
    """There is a file where a copy should be."""

    code = "copy-exists"


def names() -> list[str]:
    """The files that come with the package, without their ending."""
    return sorted(path.stem for path in DIRECTORY.glob("*.yml"))


def located(path: Path) -> Path:
    """Where the definitions are that are meant: a file or directory, or those of the package. Raises `NotShipped`."""
    word, colon, name = str(path).partition(":")
    if word != WORD or path.exists():
        return path
    if not colon:
        return DIRECTORY
    if name not in names():
        raise NotShipped(f"No definitions of '{name}' come with Intaglio; there are {', '.join(names())}.")
    return DIRECTORY / f"{name}.yml"


def writable(path: Path) -> Path:
    """A path that may be written. Raises `ShippedReadOnly`."""
    if DIRECTORY in {path, *path.parents}:
        raise ShippedReadOnly(
            "The definitions that come with Intaglio are not written: make them yours with "
            "`intaglio catalog shipped --copy images`, and name the copy."
        )
    return path


def copy(chosen: Sequence[str], target: Path) -> list[Path]:
    """Copies of these files in a directory, which is made; none is overwritten. Raises `NotShipped`, `CopyExists`."""
    sources = [located(Path(f"{WORD}:{name}")) for name in chosen or names()]
    taken = [source.name for source in sources if (target / source.name).exists()]
    if taken:
        raise CopyExists(f"{target / taken[0]} is there already; nothing was copied.")
    target.mkdir(parents=True, exist_ok=True)
    return [Path(shutil.copyfile(source, target / source.name)) for source in sources]
