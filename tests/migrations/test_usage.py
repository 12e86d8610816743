"""What projects use after a takeover, and after a Glance wrote beside us: as the real Glance counts it."""

from typing import Any

import pytest

from intaglio.db.base import Database
from intaglio.db.migrations import upgrade
from intaglio.db.repos import usage
from intaglio.domain.quota import COPYING, RESOURCES, Usage
from intaglio.services import recount
from tests.db.samples import ME, OTHER, moment, new_image
from tests.migrations.test_takeover import Glance
from tests.starters.databases import Databases, opened

pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.timeout(300)]
SHOUTED = ME.upper()  # on MariaDB the same for Glance's tables, and another project all the same


def image(owner: str | None, status: str, size: int | None = None, copies: int = 0, **words: str) -> dict[str, Any]:
    return {
        "id": new_image().id,
        "owner": owner,
        "status": status,
        "size": size,
        "visibility": "shared",
        "disk_format": "raw",
        "container_format": "bare",
        "created_at": str(moment(0)),
        "updated_at": str(moment(1)),
        "properties": words,
        "locations": [{"url": f"file:///{n}", "metadata": {}, "status": "active"} for n in range(copies)],
    }


MANY = [
    image(ME, "queued"),
    image(ME, "queued", 77),
    image(ME, "saving"),
    image(ME, "uploading", 1000),
    image(ME, "importing", 2000),
    image(ME, "active", 2**40, 1),
    image(ME, "active", 3, 2, **{COPYING: "slow"}),
    image(ME, "deactivated", 5, 3, **{COPYING: ""}),
    image(ME, "killed", 10**9, 1),
    image(ME, "pending_delete", 10**9, 1),
    image(OTHER, "active", 0, 1),
    image(OTHER, "active", 7, 0),
    image(None, "active", 11, 1),
]
LATER = [image(ME, "active", 10**6, 1), image(OTHER, "saving"), image("new", "active", 9, 4)]


async def kept(database: Database) -> dict[str, Usage]:
    return {name: taken.used for name, taken in (await database.read(usage.everyone)).items()}


async def test_takeover_and_a_glance_beside_us(databases: Databases) -> None:
    settings = databases.glance_made()
    config = databases.home / "usage.conf"
    config.write_text(f"[database]\nconnection = {settings.connection}\n")
    glance = Glance(config)
    await glance("populate", MANY)
    await upgrade(settings)
    database = await opened(settings)
    try:
        await compare(database, await glance("usage", [ME, OTHER]), [ME, OTHER])
        assert (await kept(database))[""] == Usage(stored=11, images=1)
        assert await recount.drifts(database) == []

        await glance("populate", [*LATER, image(SHOUTED, "active", 13, 1)])
        found = {drift.project: drift for drift in await recount.drifts(database)}
        assert set(found) == {ME, OTHER, "new", SHOUTED}
        assert found["new"].found.used == Usage(stored=36, images=1)
        assert [drift.project for drift in await recount.repair(database)] == sorted(found)
        assert await recount.drifts(database) == []
        assert (await kept(database))[SHOUTED] == Usage(stored=13, images=1)
        await compare(database, await glance("usage", [OTHER, "new"]), [OTHER, "new"])
    finally:
        await database.close()


async def compare(database: Database, theirs: list[list[int]], owners: list[str]) -> None:
    ours = await kept(database)
    for owner, numbers in zip(owners, theirs, strict=True):
        assert ours[owner] == Usage(**dict(zip(RESOURCES, numbers, strict=True))), owner
