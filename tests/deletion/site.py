"""A service's parts in this process, on two file stores, and what a test may find or do behind their back."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from sqlalchemy import update

from intaglio.db.base import Connection
from intaglio.db.repos import leases, usage
from intaglio.db.repos.leases import Lease
from intaglio.db.repos.usage import Taken
from intaglio.db.tables.added import leases as lease_rows
from intaglio.domain.image import Image
from intaglio.services import images, members, upload
from intaglio.services.parts import Parts
from intaglio.services.settings import DeletionSettings
from intaglio.stores.drivers.file_marks import MARK
from tests.db.samples import EPOCH
from tests.imports.stage import ADMIN, Stage, stage_at

DATA = bytes(range(256)) * 300


class Site:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.home = stage.home
        self.parts: Parts = replace(stage.parts)

    def settle(self, **settings: Any) -> None:
        """Other settings of deletion from now on."""
        self.parts = replace(self.parts, deletion=DeletionSettings(**settings))

    async def active(self, data: bytes = DATA, store_id: str | None = None, **fields: Any) -> Image:
        document = {"disk_format": "raw", "container_format": "bare", **fields}
        image = await images.create(self.parts, ADMIN, document)
        await upload.upload(self.parts, ADMIN, image.id, pieces(data), store_id=store_id)
        return await self.image(image.id)

    async def image(self, image_id: str) -> Image:
        return await images.show(self.parts, ADMIN, image_id)

    async def delete(self, image_id: str) -> None:
        await images.delete(self.parts, ADMIN, image_id)

    async def share(self, image_id: str, *projects: str) -> None:
        for project in projects:
            await members.add(self.parts, ADMIN, image_id, project)

    async def leases(self) -> list[Lease]:
        """Every lease, given up or not."""

        async def work(conn: Connection) -> list[Lease]:
            return [*await leases.everyone(conn), *(each for each in await leases.failing(conn) if each.given_up_at)]

        return await self.parts.database.read(work)

    async def make_due(self) -> None:
        """All that waits for another attempt is due."""
        await self.parts.database.write(lambda conn: conn.execute(update(lease_rows).values(expires_at=EPOCH)))

    async def used(self) -> dict[str, Taken]:
        """What projects use, those apart that use nothing."""
        found = await self.parts.database.read(usage.everyone)
        return {project: taken for project, taken in found.items() if taken != Taken()}

    def objects(self) -> dict[str, int]:
        """Every file in the stores and the staging area but the marks of the stores, by its place."""
        roots = (self.home / "stores", self.home / "data" / "staging")
        return {
            str(path.relative_to(self.home)): path.stat().st_size
            for root in roots
            for path in root.rglob("*")
            if path.is_file() and path.name != MARK
        }

    @contextlib.contextmanager
    def away(self, store_id: str) -> Any:
        """The store's directory is not there."""
        directory, elsewhere = self.home / "stores" / store_id, self.home / f"{store_id}-away"
        directory.rename(elsewhere)
        try:
            yield
        finally:
            elsewhere.rename(directory)


@contextlib.asynccontextmanager
async def site_at(home: Path, connection: str) -> AsyncIterator[Site]:
    async with stage_at(home, connection) as stage:
        yield Site(stage)


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 20_000):
        yield data[start : start + 20_000]
