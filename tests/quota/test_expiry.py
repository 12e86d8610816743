"""Records that never got data go after the time the operator set, and no others; on each database."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from intaglio.base.clock import utcnow
from intaglio.bootstrap.jobs import make_jobs
from intaglio.bootstrap.load import load
from intaglio.bootstrap.sources import Sources
from intaglio.bootstrap.wiring import close_parts, make_parts
from intaglio.db.repos import images, leases, usage
from intaglio.db.repos.leases import Lease
from intaglio.domain.image import Location
from intaglio.domain.status import Status
from intaglio.services.expiry import expire_empty
from tests.db.samples import ME, new_image
from tests.starters.databases import Databases

pytestmark = pytest.mark.anyio
OLD, YOUNG = timedelta(hours=49), timedelta(hours=47)


def aged(age: timedelta, **fields: Any) -> dict[str, Any]:
    then = (utcnow() - age).replace(microsecond=0)
    return {"created_at": then - OLD, "updated_at": then, **fields}


STAY = {
    "changed lately": aged(YOUNG),
    "protected": aged(OLD, protected=True),
    "with data": aged(OLD, status=Status.ACTIVE, size=1, locations=(Location("file:///a"),)),
    "getting data": aged(OLD, status=Status.SAVING),
    "staged": aged(OLD, status=Status.UPLOADING, size=1),
    "what an older Glance left in the store": aged(OLD, size=1, locations=(Location("file:///b"),)),
}


async def test_only_what_is_old_and_empty_goes(databases: Databases, tmp_path: Path) -> None:
    settings = load(Sources(overrides={"data_dir": str(tmp_path)}))
    parts = make_parts(msgspec.structs.replace(settings, database=await databases.ready()))
    try:
        stay = [new_image(**fields) for fields in STAY.values()]
        go = [new_image(**aged(OLD)), new_image(**aged(OLD, os_hidden=True, owner=None, name="no data yet"))]
        held = new_image(**aged(OLD))
        for image in (*stay, *go, held):
            await parts.database.write(lambda conn, new=image: images.insert(conn, new))  # type: ignore[misc]
        lease = Lease(
            image_id=held.id,
            kind="copy",
            holder="x",
            store_id="file",
            key="k",
            created_at=utcnow(),
            expires_at=utcnow(),
        )
        await parts.database.write(lambda conn: leases.claim(conn, lease))
        assert await expire_empty(parts, hours=48) == 2
        assert await expire_empty(parts, hours=48) == 0
        for image, there in [(each, True) for each in (*stay, held)] + [(each, False) for each in go]:
            found = await parts.database.read(lambda conn, wanted=image.id: images.get(conn, wanted))  # type: ignore[misc]
            assert (found is not None) is there
        taken = await parts.database.read(lambda conn: usage.get(conn, ME))
        assert taken.used.images == len(stay) + 1
        await parts.database.write(lambda conn: leases.release(conn, lease))
        assert await expire_empty(parts, hours=48) == 1
    finally:
        await close_parts(parts)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", {"recover", "sweep", "usage"}),
        ("expire_empty_after_hours = 0.5\nusage_check_seconds = 0\n", {"recover", "sweep", "expire"}),
    ],
    ids=["default", "set"],
)
async def test_it_is_off_until_it_is_set(tmp_path: Path, text: str, names: set[str]) -> None:
    (tmp_path / "conf").write_text(f"[intaglio]\ndata_dir = {tmp_path}\n{text}")
    async with make_jobs(load(Sources(files=(tmp_path / "conf",)))) as jobs:
        assert {job.name for job in jobs} >= names
    assert ("expire" in {job.name for job in jobs}) is ("expire" in names)
