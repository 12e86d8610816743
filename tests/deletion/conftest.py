"""A site for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.deletion.site import Site, site_at
from tests.starters.databases import Databases


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    return Databases("sqlite", tmp_path_factory.mktemp("sqlite"), None)


@pytest.fixture
async def site(tmp_path: Path, sqlite_databases: Databases) -> AsyncIterator[Site]:
    async with site_at(tmp_path, (await sqlite_databases.ready()).connection) as made:
        yield made


@pytest.fixture
async def everywhere(tmp_path: Path, databases: Databases) -> AsyncIterator[Site]:
    """On a database of each kind in turn."""
    async with site_at(tmp_path, (await databases.ready()).connection) as made:
        yield made
