"""Runs the conformance suite on stores that are in use, with objects of its own beside theirs, and keeps the score.

Like the suite, it needs pytest, anyio's pytest plugin and hypothesis, which the service itself does not.
"""

import hashlib
import os
import secrets
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest

from intaglio.stores.base import Chunk, NotFound, Stat, Store, checked_key
from intaglio.stores.conformance import StoreConformance

_MODULE = """
import pytest
from intaglio.stores.conformance_run import Configured

class TestStore(Configured):
    pass

@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"
"""
_LONGEST_KEY = 255
_CONNECTIONS = 64  # that a store may keep open for its next call


class Score(msgspec.Struct, kw_only=True):
    """What became of one test on one store: how often it passed, and why it was skipped or failed."""

    passed: int = 0
    skipped: list[str] = []
    failed: list[str] = []


class Scratch:
    """A store as if it were empty: every key begins with a prefix that nobody sees."""

    def __init__(self, inner: Store, prefix: str) -> None:
        self._inner = inner
        self._prefix = prefix
        self._long: dict[str, str] = {}
        self.abilities = inner.abilities

    def _there(self, key: str) -> str:
        name = self._prefix + checked_key(key)
        if len(name) > _LONGEST_KEY:
            name = f"{self._prefix}{hashlib.sha256(key.encode()).hexdigest()}"
            self._long[name] = key
        return name

    def _here(self, stat: Stat) -> Stat:
        return Stat(key=self._key(stat.key), size=stat.size)

    def _key(self, name: str) -> str:
        return self._long.get(name) or name.removeprefix(self._prefix)

    async def prepare(self) -> None:
        """Nothing: a store in use is there."""

    async def put(self, key: str, chunks: AsyncIterator[Chunk], size_hint: int | None = None) -> Stat:
        """As the store does."""
        return self._here(await self._inner.put(self._there(key), chunks, size_hint))

    async def open(self, key: str, offset: int = 0, length: int | None = None) -> AsyncGenerator[bytes, None]:
        """As the store does."""
        async with aclosing(self._inner.open(self._there(key), offset, length)) as pieces:
            async for piece in pieces:
                yield piece

    async def stat(self, key: str) -> Stat:
        """As the store does."""
        return self._here(await self._inner.stat(self._there(key)))

    async def delete(self, key: str) -> None:
        """As the store does."""
        await self._inner.delete(self._there(key))

    async def list(self, prefix: str = "") -> AsyncGenerator[Stat, None]:
        """The objects of this run."""
        async with aclosing(self._inner.list(self._prefix)) as found:
            async for stat in found:
                if self._key(stat.key).startswith(prefix):
                    yield self._here(stat)

    async def sweep(self) -> int:
        """As the store does."""
        return await self._inner.sweep()

    def uri(self, key: str) -> str:
        """As the store does."""
        return self._inner.uri(self._there(key))

    def metadata(self, key: str) -> Mapping[str, str]:
        """As the store does."""
        return self._inner.metadata(self._there(key))

    def adopt(self, uri: str) -> str:
        """The key of an object of this run."""
        name = self._inner.adopt(uri)
        if not name.startswith(self._prefix):
            raise NotFound("the location is of no object of this run")
        return self._key(name)

    async def path(self, key: str) -> Path:
        """As the store does."""
        return await self._inner.path(self._there(key))

    async def direct_url(self, key: str, ttl: int) -> str:
        """As the store does."""
        return await self._inner.direct_url(self._there(key), ttl)

    async def check(self) -> None:
        """As the store does."""
        await self._inner.check()

    async def close(self) -> None:
        """As the store does."""
        await self._inner.close()


class Configured(StoreConformance):
    """The suite on a store from a configuration."""

    build: ClassVar[Callable[[], Store]]
    examples = 5
    most_connections = _CONNECTIONS

    def make(self, workspace: Path) -> Store:  # noqa: ARG002 - the suite's signature
        return Scratch(type(self).build(), f"conformance-{secrets.token_hex(6)}-")


class _Scores:
    """Listens to pytest."""

    def __init__(self, told: Callable[[str], None]) -> None:
        self.of: dict[str, Score] = {}
        self._told = told

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid.rpartition("::")[2]
        score = self.of.setdefault(name.partition("[")[0], Score())
        if report.failed:
            score.failed.append(f"{name}: {report.longreprtext.strip().rpartition(chr(10))[2]}")
        elif report.skipped:
            score.skipped.append(str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr))
        elif report.when == "call":
            score.passed += 1
            self._told(name)


def run(build: Callable[[], Store], told: Callable[[str], None]) -> Mapping[str, Score]:
    """The score of every test of the suite on the store that `build` makes, each time anew; `told` hears of each.

    The store may be in use: only objects of its own are written and removed. An object whose name begins with
    `conformance-` stays when this process is killed. Not to be called where an event loop runs.
    """
    scores = _Scores(told)
    Configured.build = staticmethod(build)
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "test_store.py").write_text(_MODULE)
        options = ["-c", os.devnull, "--rootdir", directory, "-p", "no:cacheprovider", "-p", "no:terminal"]
        os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(Path(directory) / "hypothesis"))
        ended = pytest.main([*options, "--import-mode=importlib", directory], plugins=[scores])
    if ended not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
        raise RuntimeError(f"the suite could not be run: pytest ended with {ended}")
    return scores.of
