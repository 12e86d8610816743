"""The file store: a local directory or a mounted share, with Glance's layout (`<directory>/<key>`) and location URIs.

Durable means: the file's data and the name in the directory were flushed (fsync) before `put` returns.
"""

import asyncio
import errno
import os
import stat
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar, TypeVarTuple

from intaglio.stores.base import (
    KEY,
    Abilities,
    Broken,
    Buffer,
    Busy,
    Chunk,
    NotFound,
    OutOfRange,
    Space,
    Stat,
    StoreError,
    Unsupported,
    checked_key,
)
from intaglio.stores.drivers.file_choice import choose, find, room
from intaglio.stores.drivers.file_faults import absent, explained, present, unmounted
from intaglio.stores.drivers.file_marks import read_mark, require_mark, write_mark
from intaglio.stores.drivers.file_places import LIMIT, PIECE, Place, make, options, places, sync_directory
from intaglio.stores.drivers.file_write import Writer, sweep
from intaglio.stores.threads import Held, Threads

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_SMALL = PIECE // 4  # chunks below are joined: a copy costs less than a thread's turn
_CHECK_SECONDS = 4.0
_BATCH = 1000  # directory entries a turn
_REMEMBERED = 4096


class FileStore:
    """See `intaglio.stores.base.Store`; options as in `FileOptions`. Building it reads the metadata file, no more."""

    def __init__(self, store: str, given: Mapping[str, object]) -> None:
        chosen = options(store, given)
        self._id = store
        self._places = places(store, chosen)
        self._options = chosen
        self._piece = max(4096, min(PIECE, chosen.filesystem_store_chunk_size or PIECE))
        self._block = max(4096, min(PIECE, chosen.filesystem_store_chunk_size or 64 * 1024))
        limit = float(chosen.filesystem_store_timeout or LIMIT)
        self._threads = Threads(store, chosen.filesystem_store_thread_pool_size, limit)
        self._seen: dict[str, Place] = {}  # where objects are, when there are several directories
        self._checking: asyncio.Future[None] | None = None
        self.abilities = Abilities(local_path=True, holes=True, sparse=chosen.filesystem_thin_provisioning)

    async def prepare(self) -> None:
        """Make missing directories and the search permission that readers of the files need."""
        for place in self._places:
            await self._run("make its directory", self._make, place)

    def places(self) -> Sequence[str]:
        """The directories."""
        return [place.text for place in self._places]

    async def marks(self) -> Mapping[str, str | None]:
        """What the file `.intaglio-store` in each directory says."""
        return {place.text: await self._run("look at its mark", read_mark, self._id, place) for place in self._places}

    async def mark(self, place: str, identity: str, *, anew: bool = False) -> str:
        """Write that file."""
        [chosen] = [each for each in self._places if each.text == place]
        return await self._run("write its mark", self._mark, chosen, identity, anew)

    def require_marks(self, expected: Mapping[str, str | None]) -> None:
        """Compare that file before each write, and before anything is said to be absent."""
        for place in self._places:
            if place.text in expected:
                place.guarded, place.identity = True, expected[place.text]

    async def put(self, key: str, chunks: AsyncIterator[Chunk], size_hint: int | None = None) -> Stat:
        """Write a new object; see the contract."""
        block = self._block if self.abilities.sparse else None
        writer = Writer(
            self._id, checked_key(key), thin_block=block, file_perm=self._options.filesystem_store_file_perm
        )
        held = Held(self._threads, writer.release)
        try:
            with explained(self._id, "begin an object"):
                place = await held.run(self._begin, writer, key, size_hint)
            await self._write(held, writer, chunks)
            with explained(self._id, "make an object durable"):
                size = await held.run(writer.publish, [other for other in self._places if other is not place])
            writer.confirmed = True  # nothing is awaited after success: a cancellation must find all or nothing
        except BaseException:
            writer.abandoned = True
            await held.close()
            raise
        self._remember(key, place)
        return Stat(key=key, size=size)

    async def open(self, key: str, offset: int = 0, length: int | None = None) -> AsyncGenerator[bytes, None]:
        """Read, one piece ahead of the consumer; see the contract."""
        reader = _Reader(self._id, self._places, checked_key(key))
        held = Held(self._threads, reader.release)
        try:
            with explained(self._id, "open an object"):
                end = await held.run(reader.open, offset, length)
            ahead: asyncio.Future[bytes] | None = None
            while offset < end:
                with explained(self._id, "read an object"):
                    ahead = ahead or held.submit(reader.read, offset, min(self._piece, end - offset))
                    piece = await self._threads.wait(ahead)
                    offset += len(piece)
                    ahead = held.submit(reader.read, offset, min(self._piece, end - offset)) if offset < end else None
                yield piece
        finally:
            await held.close()

    async def stat(self, key: str) -> Stat:
        """The object's size."""
        place, facts = await self._run("look at an object", find, self._id, self._places, checked_key(key))
        self._remember(key, place)
        return Stat(key=key, size=facts.st_size)

    async def delete(self, key: str) -> None:
        """Remove the object's name, durably. Readers that have it open read on."""
        wanted = [True]
        try:
            await self._run("delete an object", self._delete, checked_key(key), wanted)
        except BaseException:
            wanted.clear()  # a call that hangs must not remove what somebody puts under this key when it goes on
            raise

    async def list(self, prefix: str = "") -> AsyncGenerator[Stat, None]:
        """The regular files that are not hidden."""
        for place in self._places:
            lister = _Lister(place, prefix)
            await self._run("list its objects", require_mark, self._id, place)
            held = Held(self._threads, lister.release)
            try:
                with explained(self._id, "list its objects"):
                    await held.run(lister.open, self._id)
                while True:
                    with explained(self._id, "list its objects"):
                        batch = await held.run(lister.batch)
                    for found in batch:
                        yield found
                    if not batch:
                        break
            finally:
                await held.close()

    async def sweep(self) -> int:
        """Remove named temporary files whose writer died. Unnamed ones need no sweeping: the kernel forgot them."""
        return sum([await self._run("sweep", self._sweep, place) for place in self._places])

    def uri(self, key: str) -> str:
        """`file://<directory>/<key>`, as Glance writes it: not escaped."""
        return f"file://{self._place_of(key).file(key)}"

    def metadata(self, key: str) -> Mapping[str, str]:
        """`id` and `mountpoint` of the entry of the metadata file that the directory lies under, if any."""
        return self._place_of(key).metadata

    def adopt(self, uri: str) -> str:
        """The key of a `file:` or `filesystem:` URI in one of the directories."""
        scheme, separator, rest = uri.partition("://")
        directory, _, key = rest.strip().rpartition("/")
        if scheme in {"file", "filesystem"} and separator and KEY.fullmatch(key):
            wanted = Path(os.path.normpath("/" + directory.lstrip("/")))
            for place in self._places:
                if place.path == wanted and ".." not in directory.split("/"):
                    self._remember(key, place)
                    return key
        raise NotFound(f"the location is not of store {self._id!r}")

    async def path(self, key: str) -> Path:
        """The object's file."""
        place, _ = await self._run("look at an object", find, self._id, self._places, checked_key(key))
        self._remember(key, place)
        return Path(place.file(key))

    async def direct_url(self, key: str, ttl: int) -> str:  # noqa: ARG002 - the contract's signature
        """Files have none."""
        raise Unsupported(f"store {self._id!r} (type file) has no direct URLs")

    async def check(self) -> None:
        """Write and flush a block in every directory. One check at a time, so that a hang costs one thread."""
        if self._checking is None or self._checking.done():
            self._checking = self._threads.submit(self._check)
        with explained(self._id, "write a test block"):
            try:
                async with asyncio.timeout(_CHECK_SECONDS):
                    await asyncio.shield(self._checking)
            except TimeoutError as error:
                raise Busy(f"store {self._id!r} did not answer within {_CHECK_SECONDS:g} s") from error

    async def space(self) -> Space:
        """See `intaglio.stores.base.Spacious`."""
        return await self._run("look at its room", room, self._id, self._places)

    async def close(self) -> None:
        """End the threads."""
        await self._threads.close()

    async def _run(self, doing: str, call: Callable[[*Ts], T], *args: *Ts) -> T:
        with explained(self._id, doing):
            return await self._threads.run(call, *args)

    def _make(self, place: Place) -> None:
        """A directory that was set up once is never made again: where it is missing, something is not mounted."""
        if place.guarded:
            require_mark(self._id, place)
        else:
            make(place, self._options.filesystem_store_file_perm)

    def _mark(self, place: Place, identity: str, anew: bool) -> str:  # noqa: FBT001 - called through a thread
        make(place, self._options.filesystem_store_file_perm)
        return write_mark(self._id, place, identity, anew=anew)

    def _sweep(self, place: Place) -> int:
        require_mark(self._id, place)
        return sweep(place)

    def _begin(self, writer: Writer, key: str, size_hint: int | None) -> Place:
        """Refuse a key that is taken before the first byte is read, and make the private file. Blocks."""
        if any(os.path.lexists(place.file(key)) for place in self._places):
            raise present(self._id, key)
        place = choose(self._id, self._places, size_hint)
        writer.create(place)
        return place

    async def _write(self, held: Held, writer: Writer, chunks: AsyncIterator[Chunk]) -> None:
        small = bytearray()
        async for chunk in chunks:
            length = sum(map(_length, chunk))
            if length < _SMALL and len(small) + length <= PIECE:
                for buffer in chunk:
                    small += buffer
                continue
            with explained(self._id, "write an object"):
                await held.run(writer.write, [small, *chunk])
            small = bytearray()
        if small:
            with explained(self._id, "write an object"):
                await held.run(writer.write, [small])

    def _delete(self, key: str, wanted: Sequence[bool]) -> None:
        place, _ = find(self._id, self._places, key)
        require_mark(self._id, place)
        if not wanted:
            return
        try:
            Path(place.file(key)).unlink()
        except FileNotFoundError as error:
            raise absent(self._id, key) from error
        sync_directory(place.path)

    def _check(self) -> None:
        trouble: StoreError | OSError | None = None
        for place in self._places:
            writer = Writer(self._id, "check", thin_block=None, file_perm=0)
            try:
                require_mark(self._id, place)
                writer.create(place)
                writer.write([b"\1" * 4096])
                writer.flush()
            except (OSError, StoreError) as error:
                trouble = error
            finally:
                writer.release()
        if trouble is not None:
            raise trouble

    def _remember(self, key: str, place: Place) -> None:
        if len(self._places) > 1:
            self._seen.pop(key, None)
            self._seen[key] = place
            if len(self._seen) > _REMEMBERED:
                del self._seen[next(iter(self._seen))]

    def _place_of(self, key: str) -> Place:
        place = self._places[0] if len(self._places) == 1 else self._seen.get(checked_key(key))
        if place is None:
            raise NotFound(f"store {self._id!r} has several directories; look at {key} first to learn which has it")
        return place


class _Reader:
    """One open file. Every method blocks."""

    def __init__(self, store: str, among: tuple[Place, ...], key: str) -> None:
        self._store, self._places, self._key = store, among, key
        self._fd = -1

    def open(self, offset: int, length: int | None) -> int:
        """Open the object; the offset at which to stop."""
        place, _ = find(self._store, self._places, self._key)
        try:
            self._fd = os.open(place.file(self._key), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise absent(self._store, self._key) from error
        size = os.fstat(self._fd).st_size
        end = size if length is None else offset + length
        if not 0 <= offset <= end <= size:
            raise OutOfRange(f"bytes {offset} to {end} do not lie in object {self._key} of {size} bytes")
        return end

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes. Raises `Broken` when the file has become shorter, `NotFound` when it was deleted.

        A local file that is deleted reads on; one on NFS or FUSE may be gone at once.
        """
        piece = b""
        while len(piece) < length:
            try:
                more = os.pread(self._fd, length - len(piece), offset + len(piece))
            except OSError as error:
                if error.errno == errno.ENOENT:
                    raise absent(self._store, self._key) from error
                if error.errno == errno.ESTALE:
                    find(self._store, self._places, self._key)
                raise
            if not more:
                raise Broken(
                    f"store {self._store!r}: object {self._key} ended at byte {offset + len(piece)}, too early"
                )
            piece = piece + more if piece else more
        return piece

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class _Lister:
    """One directory being listed. Every method blocks."""

    def __init__(self, place: Place, prefix: str) -> None:
        self._place, self._prefix = place, prefix
        self._entries: Iterator[os.DirEntry[str]] = iter(())
        self._close: Callable[[], None] | None = None

    def open(self, store: str) -> None:
        try:
            scan = os.scandir(self._place.path)
        except FileNotFoundError as error:
            raise unmounted(store) from error
        self._entries, self._close = scan, scan.close

    def batch(self) -> list[Stat]:
        """Some more objects; none at the end."""
        found: list[Stat] = []
        for entry in self._entries:
            if entry.name.startswith(self._prefix) and KEY.fullmatch(entry.name):
                try:
                    facts = entry.stat()
                except FileNotFoundError:
                    continue  # deleted meanwhile
                if stat.S_ISREG(facts.st_mode):
                    found.append(Stat(key=entry.name, size=facts.st_size, modified=facts.st_mtime))
                    if len(found) == _BATCH:
                        break
        return found

    def release(self) -> None:
        if self._close is not None:
            self._close()


def _length(buffer: Buffer) -> int:
    return buffer.nbytes if isinstance(buffer, memoryview) else len(buffer)
