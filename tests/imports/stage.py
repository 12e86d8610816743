"""An import from both sides: a test that asks for it as a request would, and workers that it starts and kills."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio

from intaglio.authz.engine import Caller
from intaglio.bootstrap.jobs import make_bench
from intaglio.bootstrap.load import load
from intaglio.bootstrap.sources import Sources
from intaglio.bootstrap.wiring import make_parts, prepare_parts
from intaglio.db.migrations import upgrade
from intaglio.db.repos import leases, tasks
from intaglio.domain.image import Image
from intaglio.domain.task import Progress, Task
from intaglio.identity.none import EVERYONE
from intaglio.imports.base import Bench
from intaglio.services import images, importing, locations, staging, upload
from intaglio.services.parts import Parts
from intaglio.signatures.base import Asker
from intaglio.stores.base import NotFound
from intaglio.stores.drivers.file_marks import MARK
from tests.imports.troupe import Troupe
from tests.starters.base import wait_until

DATA = bytes(range(256)) * 8192
ADMIN = Caller(EVERYONE)
DIRECT = {"method": {"name": "glance-direct"}}


class Stage:
    def __init__(self, home: Path, conf: Path, parts: Parts) -> None:
        self.home = home
        self.conf = conf
        self.parts = parts
        self.troupe = Troupe(home, conf)
        (home / "errors").touch()

    def enter(self, name: str) -> None:
        self.troupe.enter(name)

    def kill(self, name: str) -> None:
        self.troupe.kill(name)

    def leave(self, name: str) -> None:
        (self.home / f"stop-{name}").touch()
        wait_until(lambda: self.troupe.gone(name), f"the end of {name}", seconds=30)
        assert (self.home / f"left-{name}").exists(), self.errors()

    def errors(self) -> str:
        return (self.home / "errors").read_text()

    def hang(self, where: str) -> None:
        new = self.home / "hang.new"
        new.write_text(where)
        new.rename(self.home / "hang")

    def full(self, *stores: str) -> None:
        (self.home / "full").write_text(" ".join(stores))

    def notes(self) -> list[str]:
        with contextlib.suppress(FileNotFoundError):
            return (self.home / "notes").read_text().splitlines()
        return []

    def count(self, point: str) -> int:
        return sum(note.endswith(f" {point}") for note in self.notes())

    def await_note(self, note: str) -> None:
        wait_until(lambda: note in self.notes(), f"{note!r} among {self.notes()}; {self.errors()[-2000:]}", seconds=60)

    async def staged(self, data: bytes = DATA, disk_format: str = "raw") -> str:
        document = {"disk_format": disk_format, "container_format": "bare"}
        image = await images.create(self.parts, ADMIN, document)
        await staging.stage(self.parts, ADMIN, image.id, _pieces(data))
        return image.id

    async def active(self, data: bytes = DATA) -> str:
        image = await images.create(self.parts, ADMIN, {"disk_format": "raw", "container_format": "bare"})
        await upload.upload(self.parts, ADMIN, image.id, _pieces(data))
        return image.id

    async def queued(self, **fields: Any) -> str:
        document = {"disk_format": "raw", "container_format": "bare", **fields}
        return (await images.create(self.parts, ADMIN, document)).id

    async def delete(self, image_id: str) -> None:
        await images.delete(self.parts, ADMIN, image_id)

    async def ask(self, image_id: str, body: dict[str, Any]) -> str:
        offered = ("glance-direct", "copy-image", "web-download", "glance-download")
        return await importing.start(self.parts, ADMIN, image_id, body, offered=offered, asker=Asker(token="a token"))

    async def ask_location(self, image_id: str, url: str, digest: str | None = None) -> str:
        body: dict[str, Any] = {"url": url}
        if digest is not None:
            body["validation_data"] = {"os_hash_algo": "sha256", "os_hash_value": digest}
        return await locations.add(self.parts, ADMIN, image_id, body)

    async def image(self, image_id: str) -> Image:
        return await images.show(self.parts, ADMIN, image_id)

    async def task(self, task_id: str) -> Task:
        task = await self.parts.database.read(lambda conn: tasks.get(conn, task_id))
        assert task is not None
        return task

    async def ended(self, task_id: str) -> Task:
        """The task when it has ended."""
        for _ in range(1200):
            task = await self.task(task_id)
            if task.finished:
                return task
            await anyio.sleep(0.05)
        raise AssertionError(f"{task}; {self.notes()}; {self.errors()[-2000:]}")

    async def progress(self, task_id: str) -> Progress:
        """How far the task is, as soon as it says so."""
        for _ in range(1200):
            found = (await self.task(task_id)).progress
            if found is not None:
                return found
            await anyio.sleep(0.05)
        raise AssertionError(f"{self.notes()}; {self.errors()[-2000:]}")

    def bench(self) -> Bench:
        """What the steps get in a worker."""
        return make_bench(self.parts, load(Sources(files=(self.conf,))))

    async def content(self, store_id: str, image_id: str) -> bytes | None:
        """The object in a store, None when there is none."""
        store = self.parts.store(store_id)
        assert store is not None
        try:
            return b"".join([piece async for piece in store.open(image_id)])
        except NotFound:
            return None

    async def left_over(self) -> list[Any]:
        """Leases and unfinished files: what an import may not leave."""
        held = await self.parts.database.read(leases.everyone)
        staged = [stat.key async for stat in self.parts.staging.list()]
        objects = [str(path) for path in (self.home / "stores").rglob(".*") if path.is_file() and path.name != MARK]
        return [*held, *staged, *objects]


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 1 << 18):
        yield data[start : start + (1 << 18)]


CONF = """\
[DEFAULT]
enabled_backends = fast:file,slow:file,web:http
[intaglio]
data_dir = {home}/data
auth = none
fetch_networks = 127.0.0.2
[import_filtering_opts]
allowed_ports =
[database]
connection = {connection}
[glance_store]
default_backend = fast
[fast]
filesystem_store_datadir = {home}/stores/fast
[slow]
filesystem_store_datadir = {home}/stores/slow
"""


@contextlib.asynccontextmanager
async def stage_at(home: Path, connection: str, more: str = "") -> AsyncIterator[Stage]:
    """`more` are further sections of the configuration."""
    (home / "data").mkdir()
    conf = home / "intaglio.conf"
    conf.write_text(CONF.format(home=home, connection=connection) + more)
    settings = load(Sources(files=(conf,)))
    await upgrade(settings.database)
    parts = make_parts(settings)
    await prepare_parts(parts)
    stage = Stage(home, conf, parts)
    try:
        yield stage
    finally:
        stage.troupe.end()
        parts.door.close()
        await parts.stores.close()
        await parts.staging.close()
        await parts.database.close()
