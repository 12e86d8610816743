"""A database of each kind, really running, for every test that asks for one: empty, ready, or made by real Glance."""

import itertools
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from sqlalchemy import delete

from intaglio.db.base import Connection, Database
from intaglio.db.engine import open_database
from intaglio.db.migrations import upgrade
from intaglio.db.settings import DatabaseSettings
from intaglio.db.tables import METADATA
from tests.starters.environments import environment
from tests.starters.mariadb import mariadb
from tests.starters.postgresql import postgresql

KINDS = ("sqlite", "postgresql", "mariadb")


class Server(Protocol):
    def create(self, name: str) -> str: ...

    def start(self) -> None: ...

    def kill(self) -> None: ...


class Databases:
    """Where databases of one kind come from."""

    def __init__(self, kind: str, home: Path, server: Server | None) -> None:
        self.kind = kind
        self.home = home
        self.server = server
        self._numbers = itertools.count(1)
        self._ready: str | None = None

    def empty(self) -> DatabaseSettings:
        """A new database with nothing in it."""
        name = f"test_{next(self._numbers)}"
        if self.server is not None:
            return DatabaseSettings(connection=self.server.create(name), max_retries=0)
        return DatabaseSettings(connection=f"sqlite:///{self.home / name}.sqlite", max_retries=0)

    def glance_made(self) -> DatabaseSettings:
        """A new database that the real Glance 33 made."""
        settings = self.empty()
        glance_manage(settings, self.home, "db", "sync")
        return settings

    async def ready(self) -> DatabaseSettings:
        """A database with our schema and no rows: on a server always the same one, emptied."""
        if self._ready is None:
            self._ready = (await self.upgraded()).connection
        if self.kind == "sqlite":
            fresh = self.empty()
            shutil.copyfile(_path(self._ready), _path(fresh.connection))
            return fresh
        settings = DatabaseSettings(connection=self._ready, max_retries=1)
        database = open_database(settings)
        await database.write(_empty_tables)
        await database.close()
        return settings

    async def upgraded(self) -> DatabaseSettings:
        """A new database with our schema and no rows."""
        settings = self.empty()
        await upgrade(settings)
        return settings


def glance_manage(settings: DatabaseSettings, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the real `glance-manage` on a database."""
    config = home / "glance-manage.conf"
    config.write_text(f"[database]\nconnection = {settings.connection}\n")
    command = [str(environment("glance") / "glance-manage"), "--config-file", str(config), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=100)


async def opened(settings: DatabaseSettings) -> Database:
    database = open_database(settings)
    await database.check()
    return database


def _path(url: str) -> str:
    return url.removeprefix("sqlite:///")


async def _empty_tables(conn: Connection) -> None:
    for table in reversed(METADATA.sorted_tables):
        await conn.execute(delete(table))


@pytest.fixture(scope="session", params=KINDS)
def databases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    home = tmp_path_factory.mktemp("databases")
    if request.param == "postgresql":
        with postgresql() as server:
            yield Databases("postgresql", home, server)
    elif request.param == "mariadb":
        with mariadb() as maria:
            yield Databases("mariadb", home, maria)
    else:
        yield Databases("sqlite", home, None)


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[Database]:
    """With our schema and no rows."""
    database = await opened(await databases.ready())
    yield database
    await database.close()
