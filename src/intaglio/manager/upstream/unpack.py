"""Unpacking what upstreams pack (gz, bz2, xz, zst, zip), as a stream and never more than there is room for."""

import bz2
import contextlib
import gzip
import importlib
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from intaglio.manager.upstream.web import PIECE, FetchFailed

LARGEST = 1 << 42
"""Bytes of the largest disk that is unpacked; one that goes on and on is a trap."""
_DAMAGED = (OSError, EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, ValueError)


def packing(url: str) -> str | None:
    """How a file is packed, by the end of its address; None when it is not."""
    ending = url.partition("?")[0].rpartition(".")[2].lower()
    return ending if ending in {"gz", "bz2", "xz", "zst", "zip"} else None


def unpack(path: Path, kind: str, target: Path) -> None:
    """Unpack `path` to `target`, whole or not at all. Raises `FetchFailed`."""
    part = target.with_suffix(".unpacking")
    size = 0
    try:
        with _opened(path, kind) as source, part.open("wb") as out:
            while piece := source.read(PIECE):
                size += len(piece)
                _bounded(size)
                out.write(piece)
    except _DAMAGED as error:
        part.unlink(missing_ok=True)
        raise FetchFailed(f"it cannot be unpacked: {error}") from None
    except Exception as error:
        part.unlink(missing_ok=True)
        if type(error).__module__.startswith("zstandard"):
            raise FetchFailed(f"it cannot be unpacked: {error}") from None
        raise
    part.rename(target)


def _bounded(size: int) -> None:
    if size > LARGEST:
        raise FetchFailed("it unpacks to more than any disk holds")


class _Zstandard:
    """A zstd stream that notices its early end, which the library's own reader takes for the end."""

    _BITE = 4096  # of which 128 MiB can come, no more

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._library = importlib.import_module("zstandard")
        self._frame: Any = None
        self._rest = b""

    def read(self, _: int) -> bytes:
        """The next bytes; none at the end."""
        while True:
            packed = self._rest or self._raw.read(self._BITE)
            self._rest = b""
            if not packed:
                if self._frame is not None:
                    raise EOFError("it ends in the middle")
                return b""
            if self._frame is None:
                self._frame = self._library.ZstdDecompressor().decompressobj()
            plain: bytes = self._frame.decompress(packed)
            if self._frame.eof:
                self._rest, self._frame = self._frame.unused_data, None
            if plain:
                return plain


@contextlib.contextmanager
def _opened(path: Path, kind: str) -> Iterator[IO[bytes] | Any]:
    if kind == "zip":
        with zipfile.ZipFile(path) as archive:
            files = [each for each in archive.infolist() if not each.is_dir()]
            if len(files) != 1:
                raise FetchFailed(f"the archive holds {len(files)} files, and an image is one")
            with archive.open(files[0]) as source:
                yield source
    elif kind == "zst":
        with path.open("rb") as raw:
            yield _Zstandard(raw)
    else:
        opener: Any = {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}[kind]
        with opener(path, "rb") as source:
            yield source
