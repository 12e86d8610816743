"""The lock file: which bytes each version of a catalogue is, as they were when somebody last looked. Values and text.

It lies beside the files of definitions and is kept with them. What pins and what compares is in `pinning`.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from intaglio.base.errors import Invalid, NotFound
from intaglio.manager import shipped

FORMAT = 1
NAME = "catalog.lock"
_HEAD = """\
# Which bytes each version of these definitions is: written by `intaglio catalog lock`, kept with the definitions.
# After a merge with conflicts take either side and run that command again.
format: 1
builds:
"""


class LockMissing(NotFound):
    """There is no lock file beside the definitions, and one is required."""

    code = "lock-missing"


class LockInvalid(Invalid):
    """A file is not a lock file of this release, or a merge has left it broken."""

    code = "lock-invalid"


class Locked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One version of one definition. None: it is not said, or there is none."""

    definition: str
    version: str
    """As the definition has it."""
    build: str | None = None
    """Which build that was, where the version is a pointer."""
    url: str
    mirror_url: str | None = None
    digest: str
    size: int | None = None
    """Bytes of the file at the URL."""
    build_date: str | None = None
    signed_by: str | None = None
    """Fingerprint of the certificate that had signed the digest."""

    @property
    def key(self) -> tuple[str, str]:
        """What it is looked up by."""
        return self.definition, self.version


class Lock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of a lock file."""

    format: int
    builds: tuple[Locked, ...]

    def by_key(self) -> Mapping[tuple[str, str], Locked]:
        """The builds by definition and version."""
        return {each.key: each for each in self.builds}


EMPTY = Lock(format=FORMAT, builds=())


def beside(path: Path) -> Path:
    """Where the lock file of a catalogue is: in its directory, or beside its one file.

    Raises `ShippedReadOnly` for that of the package, `NotShipped`.
    """
    path = shipped.writable(shipped.located(path))
    return path / NAME if path.is_dir() else path.with_suffix(".lock")


def load(file: Path) -> Lock:
    """What a lock file says. Raises `LockMissing`, `LockInvalid`."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise LockMissing(f"There is no {file}: write it with `intaglio catalog lock`.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise LockInvalid(f"{file} cannot be read: {error}.") from None
    try:
        lock = msgspec.convert(yaml.safe_load(text), Lock)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{file}:{mark.line + 1}" if mark else str(file)
        raise LockInvalid(
            f"{place}: this is not YAML; did a merge leave its marks? Run `intaglio catalog lock`."
        ) from None
    except msgspec.ValidationError as error:
        raise LockInvalid(f"{file} is no lock file: {error}. Write it anew with `intaglio catalog lock`.") from None
    if lock.format != FORMAT:
        raise LockInvalid(f"{file} has the form {lock.format}, and this release reads {FORMAT}. Write it anew.")
    if len(lock.by_key()) != len(lock.builds):
        raise LockInvalid(f"{file} has a version twice; did a merge take both sides? Run `intaglio catalog lock`.")
    return lock


def save(file: Path, lock: Lock) -> bool:
    """Write a lock file, whole, if it says something else now; whether it does."""
    text = _HEAD + "".join(map(_block, lock.builds)) if lock.builds else _HEAD.replace("builds:", "builds: []")
    if file.exists() and file.read_text(encoding="utf-8", errors="replace") == text:
        return False
    new = file.with_name(f".{file.name}.new")
    with new.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    new.replace(file)
    return True


def _block(entry: Locked) -> str:
    """A block of lines with an empty one before it, so that a change of one version is a change of one place."""
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in _said(entry)]
    return "\n- " + "\n  ".join(lines) + "\n"


def _said(entry: Locked) -> Iterator[tuple[str, Any]]:
    for field in Locked.__struct_fields__:
        value = getattr(entry, field)
        if value is not None:
            yield field, value
