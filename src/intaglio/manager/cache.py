"""Downloads: fetched once, verified each time, kept by their digest, and continued when they were interrupted."""

import contextlib
import fcntl
import hashlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from intaglio.base.errors import IntaglioError
from intaglio.domain import sums
from intaglio.domain.digests import Digest, parse
from intaglio.manager.naming import shown
from intaglio.manager.progress import Meter
from intaglio.manager.upstream.unpack import packing, unpack
from intaglio.manager.upstream.web import PIECE, FetchFailed, Web

_MARKUP = (b"<!doctype", b"<html", b"<?xml")
KEPT_DAYS = 30
"""Days that a download stays after it was last used."""


class DigestMismatch(FetchFailed):
    """What was fetched is not what was published: its digest differs."""

    code = "digest-differs"


class NothingPublished(FetchFailed):
    """No digest of a file is known, neither from the definition nor from its upstream, and one is required."""

    code = "nothing-published"


class Content(msgspec.Struct, frozen=True):
    """The bytes of an image, ready to be sent."""

    path: Path
    digest: str
    """Of the published file, by which the build is known."""
    verified: bool
    """Whether somebody had published that digest; without, it says only what was fetched."""


class Cache:
    """Downloads in a directory. Several processes and threads may use it at once."""

    def __init__(self, directory: Path, web: Web) -> None:
        self._blobs = directory / "blobs"
        self._partial = directory / "partial"
        self._web = web
        for each in (self._blobs, self._partial):
            each.mkdir(parents=True, exist_ok=True)

    def tidy(self, days: int = KEPT_DAYS) -> None:
        """Remove what was not used for some days."""
        end = time.time() - days * 86400
        for each in (*self._blobs.iterdir(), *self._partial.iterdir()):
            with contextlib.suppress(OSError):
                if each.stat().st_mtime < end:
                    each.unlink()

    def obtain(
        self,
        sources: Sequence[str],
        digest: str | None,
        meter: Meter,
        *,
        unverified: bool,
        size: int | None = None,
        packed: bool = False,
    ) -> Content:
        """The bytes of a build: from here, or from the first source that delivers what was published.

        `size` is that of the published file, where it is known. `unverified`: whether a file is taken of which nobody
        publishes a digest. `packed`: it is wanted as it was published, an archive that it may be in included. Raises
        `FetchFailed`.
        """
        published = parse(digest) if digest else self.published(sources[-1])
        if published is None and not unverified and not sources[-1].startswith("file:"):
            raise NothingPublished(
                f"{shown(sources[-1])}: neither the definition nor the upstream has a digest of it. Add 'checksum', or "
                "allow unverified images."
            )
        reasons = []
        for source in sources:
            try:
                return self._from(source, published, meter, size, packed=packed)
            except FetchFailed as error:
                reasons.append(error)
            except OSError as error:
                reasons.append(FetchFailed(f"{shown(source)}: {error.strerror}"))
        if len(reasons) == 1:
            raise reasons[0]
        raise FetchFailed("; ".join(str(reason) for reason in reasons))

    def forget(self, content: Content) -> None:
        """Remove a download; a file of the operator's own stays where it is."""
        if content.path.parent == self._blobs:
            content.path.unlink(missing_ok=True)

    def published(self, source: str) -> Digest | None:
        """The digest that an upstream publishes beside a file; None without one."""
        if source.startswith("file:"):
            return None
        found = sums.discover(source, self._text)
        return found[0] if found else None

    def _text(self, url: str) -> str | None:
        try:
            return self._web.text(url)
        except IntaglioError:
            return None  # a list that cannot be read is as good as none: the next one is tried

    def _from(self, source: str, published: Digest | None, meter: Meter, size: int | None, *, packed: bool) -> Content:
        if source.startswith("file:"):
            path = Path(source.removeprefix("file://").removeprefix("file:"))
            if not path.is_file():
                raise FetchFailed(f"{source}: there is no such file")
            return self._checked(path, source, published, size, packed=packed)
        kept = self._blobs / f"{published.algorithm}-{published.hex}" if published else None
        name = hashlib.sha256(source.encode()).hexdigest()
        with _alone(self._partial / f"{name}.lock"):
            if kept is not None and kept.exists():
                try:
                    return self._checked(kept, source, published, size, packed=packed)
                except FetchFailed:
                    kept.unlink()  # the disk has changed it, or it is the archive of what is wanted, or in it
            part = self._partial / f"{name}.part"
            self._web.download(source, part, meter)
            try:
                content = self._checked(part, source, published, size, packed=packed)
            except FetchFailed:
                part.unlink(missing_ok=True)
                raise
            target = self._blobs / content.digest.replace(":", "-")
            part.rename(target)
            part.with_suffix(".from").unlink(missing_ok=True)
            return content if content.path != part else msgspec.structs.replace(content, path=target)

    def _checked(self, path: Path, source: str, published: Digest | None, size: int | None, *, packed: bool) -> Content:
        """Compare a file, or what it unpacks to, with what was published. Raises `FetchFailed`."""
        _refuse_pages(path, source)
        if size is not None and path.stat().st_size != size:
            raise DigestMismatch(f"{shown(source)} has {path.stat().st_size} bytes, and {size} are pinned")
        kind = packing(source)
        own = _digest(path, published.algorithm if published else "sha256")
        if kind is None:
            if published is not None and own != published:
                raise _mismatch(source, published, own)
            path.touch()
            return Content(path, str(own), verified=published is not None)
        if packed and (published is None or own == published):
            return Content(path, str(own), verified=published is not None)
        plain = self._blobs / f"{own.algorithm}-{own.hex}.{kind}-unpacked"
        if not plain.exists():
            unpack(path, kind, plain)
        inner = _digest(plain, published.algorithm) if published is not None and own != published else None
        if inner is not None and inner != published:
            plain.unlink()
            raise _mismatch(source, published or own, own)
        if packed:
            plain.unlink()
            return Content(path, str(published), verified=True)
        return Content(plain, str(published or own), verified=published is not None)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _digest(path: Path, algorithm: str) -> Digest:
    running = Digest(algorithm, "").start()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            running.update(piece)
    return Digest(algorithm, running.hexdigest())


def _refuse_pages(path: Path, source: str) -> None:
    with path.open("rb") as file:
        start = file.read(64).lstrip().lower()
    if not start:
        raise FetchFailed(f"{shown(source)}: the file is empty")
    if start.startswith(_MARKUP):
        raise FetchFailed(f"{shown(source)} answers with a web page instead of an image")


def _mismatch(source: str, published: Digest, own: Digest) -> DigestMismatch:
    return DigestMismatch(f"{shown(source)}: the digest is {own}, and {published} was published; it is not used")
