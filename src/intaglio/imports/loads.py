"""What goes into the stores: a stream of bytes, what is known of it, and what it changes of its image."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from intaglio.db.repos.leases import Lease
from intaglio.domain.image import Image
from intaglio.imports.base import Bench, Job
from intaglio.imports.findings import Findings
from intaglio.imports.staged import Staged
from intaglio.imports.watch import Watched
from intaglio.ingest.base import Consumer, Ingested, Spec
from intaglio.ingest.unpacking import UnpackingLimits, unpacked
from intaglio.signatures.own_signing import Prospect
from intaglio.signatures.verification import Check

Pieces = Callable[[], AsyncGenerator[bytes, None]]
Checks = tuple[Sequence[Consumer], Callable[[], None] | None]
"""What sees the bytes, and what is asked when it has seen all."""
Verify = Callable[[Mapping[str, str]], None]

_PACKAGE, _PLAIN = "ova", "bare"
AS_IT_IS = "compressed"
"""The container format of data that are packed and to stay so, for those who unpack them when they boot."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of the image when its data are those of the load."""

    disk_format: str | None
    container_format: str | None
    properties: Mapping[str, str] = {}
    without: frozenset[str] = frozenset()  # properties that do not fit any more
    own: Prospect | None = None  # signs what becomes of the data

    def signed(self, facts: Ingested) -> "Change":
        """The change with the service's signature of the bytes, where there is to be one."""
        if self.own is None:
            return self
        return replace(self, properties={**self.properties, **self.own.properties(facts.digests, facts.os_hash_value)})

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
    """`pieces` begins the stream anew at each call; `checks` makes what looks at it anew.

    `findings`: what is learnt of the data while they pass, and becomes properties. `signed`: the signature is about
    these bytes, and not about others that they were made of.
    """

    spec: Spec
    pieces: Pieces
    change: Change | None = None
    findings: Findings | None = None
    checks: Callable[[], Checks] = lambda: ((), None)
    signed: Check | None = None

    def begin(self) -> tuple[Sequence[Consumer], Verify]:
        """For `Door.admit`, what looks at the bytes of another attempt: signature, plug-ins and checks."""
        consumers, settle = self.checks()
        looks = None if self.findings is None else self.findings.begin()

        def verify(digests: Mapping[str, str]) -> None:
            if self.signed is not None:
                self.signed.require(digests)
            if settle is not None:
                settle()
            if looks is not None:
                looks.finish()

        return (*consumers, *(() if looks is None else looks.consumers)), verify


class Intake(msgspec.Struct, frozen=True, kw_only=True):
    """An import that is about to store what is staged."""

    bench: Bench
    job: Job
    lease: Lease
    image: Image
    data: Staged
    watched: Watched
    findings: Findings
    check: Check | None

    @property
    def container_format(self) -> str:
        """What the image is to say: of an OVA that is unpacked the disk comes out, and it is inspected as such."""
        declared = self.image.container_format or ""
        return _PLAIN if self.unpacking is not None and declared == _PACKAGE else declared

    @property
    def unpacking(self) -> UnpackingLimits | None:
        """The limits when packed data are to be unpacked."""
        return None if self.image.container_format == AS_IT_IS else self.bench.unpacking

    def spec(self, *, size: int | None = None) -> Spec:
        """What the data are to be, by what the image says now."""
        return Spec(
            disk_format=self.image.disk_format or "",
            container_format=self.container_format,
            formats=self.bench.formats,
            size_cap=self.bench.size_cap,
            size=size,
            hashing_algorithm=self.bench.hashing_algorithm,
            digests=() if self.check is None else (self.check.algorithm,),
        )

    def counted(self) -> AsyncGenerator[bytes, None]:
        """The staged bytes, counted for the task."""
        return self.watched.counted(self.data.pieces(self.bench.staging))


@contextlib.asynccontextmanager
async def as_staged(intake: Intake) -> AsyncIterator[Load]:
    """The staged data, unpacked where the operator wants that."""
    limits = intake.unpacking
    if limits is None:
        spec = intake.spec(size=intake.data.size)
        yield Load(spec=spec, pieces=intake.counted, findings=intake.findings, signed=intake.check)
        return
    bounds = limits

    def pieces() -> AsyncGenerator[bytes, None]:
        return plain(intake, intake.counted(), bounds)

    change = Change(disk_format=intake.image.disk_format, container_format=intake.container_format)
    yield Load(spec=intake.spec(), pieces=pieces, change=change, findings=intake.findings, signed=intake.check)


async def plain(
    intake: Intake, pieces: AsyncGenerator[bytes, None], limits: UnpackingLimits
) -> AsyncGenerator[bytes, None]:
    """Plain bytes, for which there is room in the project's quota."""
    came, room = 0, intake.data.size
    async with contextlib.aclosing(unpacked(pieces, limits, described=intake.findings.describe)) as found:
        async for piece in found:
            came += len(piece)
            if came > room:
                room = await intake.bench.room.claim(intake.job, intake.lease, came, known=False)
            yield piece
