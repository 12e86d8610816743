"""A site for each test, the command line on it, and objects that nobody knows of."""

import asyncio
import json
import os
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from intaglio.cli.main import run
from tests.deletion.site import Site, site_at
from tests.starters.databases import Databases


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    return Databases("sqlite", tmp_path_factory.mktemp("sqlite"), None)


@pytest.fixture
async def site(tmp_path: Path, template: Databases) -> AsyncIterator[Site]:
    async with site_at(tmp_path, (await template.ready()).connection) as made:
        yield made


class Commands:
    """The command line in this process, on a site's configuration."""

    def __init__(self, site: Site, captured: pytest.CaptureFixture[str]) -> None:
        self.site = site
        self._captured = captured

    async def __call__(self, *words: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(self._run, [*words, "--config-file", str(self.site.stage.conf)])
        return (code, *self._captured.readouterr())

    async def json(self, *words: str) -> tuple[int, Any]:
        code, out, err = await self(*words, "--format", "json")
        assert out, err
        return code, json.loads(out)

    def _run(self, words: list[str]) -> int:
        try:
            return run(words)
        except SystemExit as ended:
            return int(ended.code or 0)


@pytest.fixture
def ran(site: Site, capsys: pytest.CaptureFixture[str]) -> Commands:
    capsys.readouterr()
    return Commands(site, capsys)


def stray(site: Site, place: str, name: str | None = None, *, hours: float = 48, data: bytes = b"stray") -> str:
    """A file that no image knows of, made so long ago; its name."""
    name = name or str(uuid.uuid4())
    path = site.home / place / name
    path.write_bytes(data)
    then = time.time() - hours * 3600
    os.utime(path, (then, then))
    return name
