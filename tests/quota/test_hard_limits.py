"""Quotas hold to the byte: beside each other, in several processes, for streams of unknown size, after a crash."""

import asyncio
import concurrent.futures
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from intaglio.db.base import Connection, Database
from intaglio.db.engine import open_database
from intaglio.db.repos import usage
from intaglio.db.repos.usage import Taken
from intaglio.db.settings import DatabaseSettings
from intaglio.services import recount
from tests.api.wire import unique
from tests.faults.client import MIB, HalfUpload, content, create, put, show, stored_files, wait_for_status
from tests.starters.base import wait_until
from tests.starters.databases import Databases
from tests.starters.intaglio import Intaglio, intaglio

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]

LIMIT = 10 * MIB


class Site:
    """A service with a quota as one project meets it, and its database looked into from outside."""

    def __init__(self, service: Intaglio, database: Database) -> None:
        self.service = service
        self.url = service.url
        self.database = database
        self.project = unique("project")

    def create(self) -> str:
        """A new image of the project."""
        return create(self.url, owner=self.project)

    async def taken(self, project: str | None = None) -> Taken:
        wanted = project or self.project
        return await self.database.read(lambda conn: usage.get(conn, wanted))

    async def at_rest(self, stored: int) -> None:
        """The sums are those of the images, nothing is reserved, and so many bytes are in the store."""
        taken = await self.taken()
        assert (taken.used.stored, taken.stored_reserved, taken.used.uploading) == (stored, 0, 0)
        assert await recount.drifts(self.database) == []
        mine = httpx_get(f"{self.url}/v2/images?limit=100&owner={self.project}").json()["images"]
        files = stored_files(self.service)
        assert sum(files.get(image["id"], 0) for image in mine) == stored


def httpx_get(url: str) -> httpx.Response:
    return httpx.get(url, timeout=60)


@pytest.fixture(scope="session")
def running(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Intaglio, str]]:
    """Two API processes over each kind of database."""
    connection = databases.empty().connection
    conf = f"[DEFAULT]\nuser_storage_quota = {LIMIT}B\n[database]\nconnection = {connection}\n"
    with intaglio(tmp_path_factory.mktemp("quota"), auth="none", workers=2, conf=conf) as service:
        yield service, connection


@pytest.fixture
async def site(running: tuple[Intaglio, str]) -> AsyncIterator[Site]:
    """The database itself refuses any moment above the limit."""
    service, connection = running
    database = open_database(DatabaseSettings(connection=connection))
    await database.write(allow_more)
    await database.write(forbid_more_than_the_limit)
    yield Site(service, database)
    await database.close()


async def forbid_more_than_the_limit(conn: Connection) -> None:
    rule = f"stored + stored_reserved <= {LIMIT} AND stored >= 0 AND stored_reserved >= 0"
    if conn.dialect == "sqlite":
        for event in ("INSERT", "UPDATE"):
            new = re.sub(r"\bstored", "NEW.stored", rule)
            trigger = f"CREATE TRIGGER hard_{event} BEFORE {event} ON intaglio_project_usage WHEN NOT ({new})"
            await conn.execute(text(f"{trigger} BEGIN SELECT RAISE(ABORT, 'above the limit'); END"))
    else:
        await conn.execute(text(f"ALTER TABLE intaglio_project_usage ADD CONSTRAINT hard CHECK ({rule})"))


async def allow_more(conn: Connection) -> None:
    if conn.dialect == "sqlite":
        for event in ("INSERT", "UPDATE"):
            await conn.execute(text(f"DROP TRIGGER IF EXISTS hard_{event}"))
    else:
        await conn.execute(text("ALTER TABLE intaglio_project_usage DROP CONSTRAINT IF EXISTS hard"))


def chunked(data: bytes, piece: int = 100_000) -> Iterator[bytes]:
    for start in range(0, len(data), piece):
        yield data[start : start + piece]


def upload(url: str, image_id: str, data: bytes, *, announced: bool) -> httpx.Response:
    headers = {"Content-Type": "application/octet-stream"}
    body = data if announced else chunked(data)
    return httpx.put(f"{url}/v2/images/{image_id}/file", content=body, headers=headers, timeout=120)


async def test_twenty_uploads_at_once(site: Site) -> None:
    """1 MiB each into room for ten, every second one of unknown size: those that fit are kept, the sum holds."""
    ids = [site.create() for _ in range(20)]
    with concurrent.futures.ThreadPoolExecutor(20) as threads:

        def one(number: int) -> httpx.Response:
            return upload(site.url, ids[number], content(MIB, number), announced=bool(number % 2))

        answers = list(threads.map(one, range(20)))
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {204, 413}, statuses
    kept = [image_id for image_id, status in zip(ids, statuses, strict=True) if status == 204]
    assert 1 <= len(kept) <= 10
    for image_id, status in zip(ids, statuses, strict=True):
        assert show(site.url, image_id)["status"] == ("active" if status == 204 else "queued")
    await site.at_rest(len(kept) * MIB)
    # what was refused beside others finds room as long as there is some: one after the other it fills up to the byte
    refused = [image_id for image_id in ids if image_id not in kept]
    for image_id in refused[: 10 - len(kept)]:
        assert upload(site.url, image_id, content(MIB), announced=False).status_code == 204
    await site.at_rest(LIMIT)
    answer = upload(site.url, refused[-1], b"x", announced=False)
    assert answer.status_code == 413
    assert answer.headers["X-Intaglio-Error"] == "over-quota"
    assert all(str(number) in answer.text for number in (LIMIT, 1))
    await site.at_rest(LIMIT)


async def test_a_stream_of_unknown_size_is_cut_at_the_limit(site: Site) -> None:
    first = site.create()
    assert put(site.url, first, content(3 * MIB)).status_code == 204
    image_id = site.create()
    answer = upload(site.url, image_id, content(7 * MIB + 1), announced=False)
    assert answer.status_code == 413
    assert f"quota is {LIMIT} bytes" in answer.text
    assert show(site.url, image_id)["status"] == "queued"
    await site.at_rest(3 * MIB)
    assert upload(site.url, image_id, content(7 * MIB), announced=False).status_code == 204
    await site.at_rest(LIMIT)
    assert remove(site.url, first).status_code == 204
    await site.at_rest(7 * MIB)


async def test_a_known_size_is_refused_before_a_byte_flows(site: Site) -> None:
    image_id = site.create()
    with HalfUpload(site.service, image_id, LIMIT + 1) as half:
        assert half.status() == 413
    assert show(site.url, image_id)["status"] == "queued"
    with HalfUpload(site.service, image_id, LIMIT) as half:
        wait_for_status(site.url, image_id, "saving")
        assert (await site.taken()).stored_reserved == LIMIT
        other = site.create()
        assert put(site.url, other, b"x").status_code == 413
        assert put(site.url, other, b"").status_code == 204
        half.send(content(LIMIT))
        assert half.status() == 204
    await site.at_rest(LIMIT)


async def test_what_a_dead_process_had_reserved_is_given_back(site: Site) -> None:
    image_id = site.create()
    with HalfUpload(site.service, image_id, 0, chunked=True) as half:
        half.send(content(5 * MIB))
        wait_for_status(site.url, image_id, "saving")
        await until_reserved(site, 5 * MIB)
        site.service.kill()
    site.service.start()
    wait_for_status(site.url, image_id, "queued", seconds=40)
    await site.at_rest(0)
    assert put(site.url, image_id, content(LIMIT)).status_code == 204


async def test_what_is_reserved_goes_to_a_new_owner(site: Site) -> None:
    """An administrator gives an image away while its data arrive: it is counted where it belongs in the end."""
    image_id, heirs = site.create(), unique("heirs")
    with HalfUpload(site.service, image_id, 0, chunked=True) as half:
        half.send(content(2 * MIB))
        await until_reserved(site, 2 * MIB)
        give_away(site.url, image_id, heirs)
        assert await site.taken() == Taken()
        assert (await site.taken(heirs)).stored_reserved >= 2 * MIB
        half.send(content(4 * MIB))
        half.socket.sendall(b"0\r\n\r\n")
        assert half.status() == 204
    theirs = await site.taken(heirs)
    assert (theirs.used.stored, theirs.stored_reserved) == (6 * MIB, 0)
    full = site.create()
    assert put(site.url, full, content(5 * MIB)).status_code == 204
    await site.database.write(allow_more)  # the refused transaction itself looks at what it would be
    answer = give_away(site.url, full, heirs)
    assert answer.status_code == 413
    assert show(site.url, full)["owner"] == site.project
    assert (await site.taken()).used.stored == 5 * MIB
    assert await recount.drifts(site.database) == []


def remove(url: str, image_id: str) -> httpx.Response:
    return httpx.delete(f"{url}/v2/images/{image_id}")


def give_away(url: str, image_id: str, owner: str) -> httpx.Response:
    headers = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
    change = [{"op": "replace", "path": "/owner", "value": owner}]
    return httpx.patch(f"{url}/v2/images/{image_id}", json=change, headers=headers)


async def until_reserved(site: Site, amount: int) -> None:
    for _ in range(400):
        if (await site.taken()).stored_reserved >= amount:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(await site.taken())


async def test_usage_is_never_asked_of_the_images(site: Site) -> None:
    """The rows of a project's images are not read for its quota: wrong sums decide, until they are proved."""
    image_id = site.create()

    async def lie(conn: Connection) -> None:
        found = await usage.locked(conn, site.project)
        await usage.reserve(conn, site.project, "stored", LIMIT - found.of("stored"))

    await site.database.write(lie)
    assert put(site.url, image_id, b"x").status_code == 413
    done = site.service.run("quota", "recount", "--fix", "--config-file", conf_of(site))
    assert site.project in done
    assert put(site.url, image_id, b"x").status_code == 204
    wait_until(lambda: show(site.url, image_id)["status"] == "active", "the image")


def conf_of(site: Site) -> Path:
    words = [str(word) for word in site.service.arguments]
    return Path(words[words.index("--config-file") + 1])
