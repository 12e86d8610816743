"""The same rows, read and written in turn by the real Glance's database layer and by ours."""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from intaglio.base.clock import utcnow
from intaglio.db.base import Database
from intaglio.db.migrations import upgrade
from intaglio.db.repos import image_search
from intaglio.db.repos import images as repo
from intaglio.domain.image import Image, Location
from intaglio.domain.query import ImageQuery, Viewer
from intaglio.domain.search import read_search
from intaglio.services.search_index import RECENT
from tests.db.samples import OTHER, full_image, moment, new_image
from tests.starters.databases import Databases, opened
from tests.starters.environments import environment

pytestmark = [pytest.mark.anyio, pytest.mark.real, pytest.mark.timeout(300)]
replace = msgspec.structs.replace


class Glance:
    """The real one's database layer, on the same database."""

    def __init__(self, config: Path) -> None:
        self._config = config
        self._python = environment("glance") / "python"

    async def __call__(self, *words: Any) -> Any:
        script = Path(__file__).with_name("glance_talk.py")
        command = [str(self._python), "-W", "ignore", str(script), str(self._config), json.dumps(words)]
        pipe = asyncio.subprocess.PIPE
        running = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
        out, errors = await running.communicate()
        assert running.returncode == 0, errors.decode()[-3000:]
        return json.loads(out.decode().splitlines()[-1])


def as_glance_sees(image: Image) -> dict[str, Any]:
    plain = ("id", "name", "status", "owner", "size", "checksum", "min_ram", "min_disk", "disk_format", "os_hash_value")
    seen = {field: getattr(image, field) for field in (*plain, "container_format", "os_hash_algo", "visibility")}
    seen |= {field: getattr(image, field) for field in ("protected", "os_hidden", "virtual_size", "properties")}
    locations = [[location.uri, location.metadata] for location in image.locations]
    times = {"created_at": str(image.created_at), "updated_at": str(image.updated_at)}
    return {**seen, **times, "tags": list(image.tags), "locations": locations, "deleted": False, "deleted_at": None}


def assert_same(theirs: dict[str, Any], ours: Image) -> None:
    expected = as_glance_sees(ours)
    assert {field: theirs[field] for field in expected} == expected


async def get(database: Database, image_id: str) -> Image:
    found = await database.read(lambda conn: repo.get(conn, image_id))
    assert found is not None
    return found


async def test_glance_and_we_on_one_database(databases: Databases) -> None:
    settings = databases.glance_made()
    config = databases.home / "glance-api.conf"
    config.write_text(f"[database]\nconnection = {settings.connection}\n")
    glance = Glance(config)
    values = {
        "id": new_image().id,
        "name": "made by Glance ✓",
        "status": "active",
        "visibility": "shared",
        "owner": "project-me",
        "size": 2**40,
        "disk_format": "raw",
        "container_format": "bare",
        "created_at": str(moment(0)),
        "updated_at": str(moment(1)),
        "properties": {"a": "1", "b": "2", "gone": "x"},
        "locations": [{"url": "file:///a", "metadata": {"store": "fast"}, "status": "active"}],
    }
    theirs = await glance("create", values, ["one", "two"], OTHER)
    await upgrade(settings)
    database = await opened(settings)
    try:
        await by_turns(database, glance, theirs)
    finally:
        await database.close()


async def searched(database: Database, text: str) -> list[str]:
    query = ImageQuery(viewer=Viewer("project-me"), phrases=read_search(text), ranked=True)
    return [image.id for image in await database.read(lambda conn: repo.page(conn, query))]


async def by_turns(database: Database, glance: Glance, theirs: dict[str, Any]) -> None:
    first = await get(database, theirs["id"])  # what Glance made, we serve
    assert_same(theirs, first)
    assert first.locations[0].store == "fast"
    assert await database.read(lambda conn: repo.is_member(conn, first.id, OTHER))

    places = (*first.locations, Location("rbd://b", {"store": "ceph"}))
    changes = {"properties": {"a": "changed", "new": "3"}, "tags": ("two", "three"), "locations": places}
    after = replace(first, name="changed by us", updated_at=moment(60), **changes)
    second = await database.write(lambda conn: repo.update(conn, first, after))
    assert_same(await glance("show", first.id), second)  # what we changed, Glance serves

    assert await searched(database, "3 three") == [first.id]

    theirs = await glance("change", first.id, {"properties": {"gone": "back", "a": "A"}}, ["one"])
    with pytest.raises(repo.Superseded):  # and what Glance changed, we do not undo
        await database.write(lambda conn: repo.update(conn, second, replace(second, name="late")))
    third = await get(database, first.id)
    assert_same(theirs, third)
    assert (third.properties, third.tags) == ({"gone": "back", "a": "A"}, ("one",))

    # Our words are from before: that is noticed, and then what Glance changed is found.
    assert await searched(database, "back one") == []
    assert await database.read(lambda conn: image_search.outdated_since(conn, utcnow() - RECENT)) == [first.id]
    await database.write(lambda conn: image_search.index(conn, [first.id]))
    assert await searched(database, "back one") == [first.id]
    assert await searched(database, "three") == []

    new = replace(full_image(), os_hidden=False, created_at=moment(5))
    mine = await database.write(lambda conn: repo.insert(conn, new))
    assert_same(await glance("show", mine.id), mine)
    everything = ImageQuery(viewer=Viewer("project-me", is_admin=True), visibility="all")
    page = await database.read(lambda conn: repo.page(conn, everything))
    assert [image.id for image in page] == await glance("listed")

    await database.write(lambda conn: repo.delete(conn, third))
    assert await glance("listed") == [mine.id]
    assert await glance("destroy", mine.id) == []
    assert await database.read(lambda conn: repo.page(conn, everything)) == []
    assert await database.read(lambda conn: repo.get(conn, mine.id)) is None
