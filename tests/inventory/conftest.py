"""A site for each test, and objects that nobody knows of."""

import os
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.deletion.site import Site, site_at
from tests.starters.databases import Databases


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    return Databases("sqlite", tmp_path_factory.mktemp("sqlite"), None)


@pytest.fixture
async def site(tmp_path: Path, template: Databases) -> AsyncIterator[Site]:
    async with site_at(tmp_path, (await template.ready()).connection) as made:
        yield made


def stray(site: Site, place: str, name: str | None = None, *, hours: float = 48, data: bytes = b"stray") -> str:
    """A file that no image knows of, made so long ago; its name."""
    name = name or str(uuid.uuid4())
    path = site.home / place / name
    path.write_bytes(data)
    then = time.time() - hours * 3600
    os.utime(path, (then, then))
    return name
