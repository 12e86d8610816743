"""A mirror in a directory, for a web server: files appear by renaming, and their facts lie beside them, hidden."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from intaglio.manager.mirror.place import Facts, Held, MirrorFailed, MirrorInvalid
from intaglio.manager.progress import Meter
from intaglio.manager.upstream.web import PIECE

_FACTS, _PART = ".facts", ".part"


class Directory:
    """A directory that is a mirror. It is made when it is not there. Raises `MirrorInvalid` for what is none."""

    def __init__(self, root: Path) -> None:
        self._root = root
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MirrorInvalid(f"{root} cannot be a mirror: {error.strerror}.") from None

    @property
    def address(self) -> str:
        return str(self._root)

    def look(self, key: str) -> Held | None:
        path = self._path(key)
        if not path.is_file():
            return None
        facts = None
        with contextlib.suppress(OSError, msgspec.DecodeError):
            facts = msgspec.json.decode(_beside(path, _FACTS).read_bytes(), type=Facts)
        found = path.stat()
        return Held(key, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC), facts)

    def put(self, key: str, path: Path, facts: Facts, meter: Meter) -> None:
        target = self._path(key)
        part = _beside(target, _PART)
        with self._telling(key):
            target.parent.mkdir(parents=True, exist_ok=True)
            running, total, done = hashlib.sha256(), path.stat().st_size, 0
            with path.open("rb") as source, part.open("wb") as out:
                while piece := source.read(PIECE):
                    running.update(piece)
                    out.write(piece)
                    done += len(piece)
                    meter(done, total)
                _settle(out.fileno())
            if running.hexdigest() != facts.sha256:
                part.unlink()
                raise MirrorFailed(f"{key}: the file changed while it was copied")
            # what lies beside an old file is never taken for the new one's
            _beside(target, _FACTS).unlink(missing_ok=True)
            part.replace(target)
            self._write(_beside(target, _FACTS), msgspec.json.encode(facts))

    def put_text(self, key: str, text: str) -> None:
        with self._telling(key):
            self._path(key).parent.mkdir(parents=True, exist_ok=True)
            self._write(self._path(key), text.encode())

    def text(self, key: str) -> str | None:
        with self._telling(key):
            path = self._path(key)
            return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None

    def pieces(self, key: str) -> Iterator[bytes]:
        with self._telling(key), self._path(key).open("rb") as file:
            while piece := file.read(PIECE):
                yield piece

    def keys(self) -> Iterator[str]:
        for each in sorted(self._root.rglob("*")):
            if each.is_file() and not each.name.startswith("."):
                yield each.relative_to(self._root).as_posix()

    def delete(self, key: str) -> None:
        path = self._path(key)
        with self._telling(key):
            path.unlink(missing_ok=True)
            for ending in (_FACTS, _PART):
                _beside(path, ending).unlink(missing_ok=True)
        for parent in path.parents:
            if parent == self._root:
                break
            with contextlib.suppress(OSError):
                parent.rmdir()

    def _path(self, key: str) -> Path:
        return self._root / key

    def _write(self, path: Path, data: bytes) -> None:
        part = _beside(path, _PART)
        with part.open("wb") as out:
            out.write(data)
            _settle(out.fileno())
        part.replace(path)

    @contextlib.contextmanager
    def _telling(self, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise MirrorFailed(f"{key}: {error.strerror}") from None


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f".{path.name}{ending}")


def _settle(descriptor: int) -> None:
    os.fchmod(descriptor, 0o644)  # a web server is to read it, whatever the umask
    os.fsync(descriptor)
