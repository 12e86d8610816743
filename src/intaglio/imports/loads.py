"""What goes into the stores: a stream of bytes, what is known of it, and what it changes of its image."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from intaglio.db.repos.leases import Lease
from intaglio.domain.image import Image
from intaglio.imports.base import Bench, Job
from intaglio.imports.staged import Staged
from intaglio.imports.watch import Watched
from intaglio.ingest.base import Consumer, Spec
from intaglio.ingest.unpacking import UnpackingLimits, unpacked

Pieces = Callable[[], AsyncGenerator[bytes, None]]

AS_IT_IS = "compressed"
"""The container format of data that are packed and to stay so, for those who unpack them when they boot."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of the image when its data are those of the load."""

    disk_format: str
    container_format: str
    properties: Mapping[str, str] = {}
    without: frozenset[str] = frozenset()  # properties that do not fit any more

    def made(self, image: Image) -> Image:
        """The image with the change."""
        kept = {name: value for name, value in image.properties.items() if name not in self.without}
        return replace(
            image,
            disk_format=self.disk_format,
            container_format=self.container_format,
            properties={**kept, **self.properties},
        )


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """`pieces` begins the stream anew at each call; `checks` makes `consumers` and `verify` for `Door.admit` anew."""

    spec: Spec
    pieces: Pieces
    change: Change | None = None
    checks: Callable[[], tuple[Sequence[Consumer], Callable[[], None] | None]] = lambda: ((), None)


class Intake(msgspec.Struct, frozen=True, kw_only=True):
    """An import that is about to store what is staged."""

    bench: Bench
    job: Job
    lease: Lease
    image: Image
    data: Staged
    watched: Watched

    @property
    def unpacking(self) -> UnpackingLimits | None:
        """The limits when packed data are to be unpacked."""
        return None if self.image.container_format == AS_IT_IS else self.bench.unpacking

    def spec(self, *, size: int | None = None) -> Spec:
        """What the data are to be, by what the image says now."""
        return Spec(
            disk_format=self.image.disk_format or "",
            container_format=self.image.container_format or "",
            formats=self.bench.formats,
            size_cap=self.bench.size_cap,
            size=size,
            hashing_algorithm=self.bench.hashing_algorithm,
        )

    def counted(self) -> AsyncGenerator[bytes, None]:
        """The staged bytes, counted for the task."""
        return self.watched.counted(self.data.pieces(self.bench.staging))


@contextlib.asynccontextmanager
async def as_staged(intake: Intake) -> AsyncIterator[Load]:
    """The staged data, unpacked where the operator wants that."""
    limits = intake.unpacking
    if limits is None:
        yield Load(spec=intake.spec(size=intake.data.size), pieces=intake.counted)
        return
    bounds = limits

    def pieces() -> AsyncGenerator[bytes, None]:
        return plain(intake, intake.counted(), bounds)

    yield Load(spec=intake.spec(), pieces=pieces)


async def plain(
    intake: Intake, pieces: AsyncGenerator[bytes, None], limits: UnpackingLimits
) -> AsyncGenerator[bytes, None]:
    """Plain bytes, for which there is room in the project's quota."""
    came, room = 0, intake.data.size
    async with contextlib.aclosing(unpacked(pieces, limits)) as found:
        async for piece in found:
            came += len(piece)
            if came > room:
                room = await intake.bench.room.claim(intake.job, intake.lease, came, known=False)
            yield piece
