"""The Cinder store keeps the contract on a real Cinder: with fewer rounds than others, since a volume takes seconds."""

import uuid
from pathlib import Path
from typing import ClassVar

import pytest

from intaglio.stores.base import Store
from intaglio.stores.conformance import SIZE, StoreConformance
from intaglio.stores.conformance_sources import PIECE
from intaglio.stores.drivers.cinder import CinderStore
from tests.starters.cinder_shared import Block
from tests.stores.cinder_stores import Named, load_ceph, options


@pytest.mark.real
class TestCinder(StoreConformance):
    size = 5 * PIECE + 17
    most_connections = 64
    keys_in_locations = False
    examples = 1
    steps = 8
    rounds = 1
    many = 3
    listed = 1
    edges = (0, 4095, PIECE + 1, 5 * PIECE + 17)
    moments = (0, 1, 5, 20, 100)
    block: ClassVar[Block]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _cinder(cls, block: Block) -> None:
        load_ceph()
        cls.block = block

    def make(self, workspace: Path) -> Store:
        """A store of its own name, so that nothing of another test is in it."""
        chosen = options(self.block, workspace)
        return Named(CinderStore(f"test-{uuid.uuid4().hex}", chosen, linger=0.3))

    # Of tests that differ in a size alone those that differ in what Cinder is asked for

    @pytest.mark.parametrize("size", [0, SIZE])
    async def test_what_is_put_comes_back(self, writable: Store, size: int) -> None:
        await super().test_what_is_put_comes_back(writable, size)

    @pytest.mark.parametrize(("size", "chunk"), [(9 * PIECE + 1, 10 * PIECE)])
    async def test_chunks_of_any_size(self, writable: Store, size: int, chunk: int) -> None:
        await super().test_chunks_of_any_size(writable, size, chunk)

    @pytest.mark.parametrize("chunk", [300_000])
    async def test_buffers_are_the_producers_again(self, writable: Store, chunk: int) -> None:
        await super().test_buffers_are_the_producers_again(writable, chunk)

    @pytest.mark.parametrize("run", [PIECE])
    async def test_runs_of_zeros_come_back(self, writable: Store, run: int) -> None:
        await super().test_runs_of_zeros_come_back(writable, run)

    @pytest.mark.parametrize("hint", [2 * SIZE])
    async def test_the_announced_size_may_be_a_lie(self, writable: Store, hint: int | None) -> None:
        await super().test_the_announced_size_may_be_a_lie(writable, hint)

    @pytest.mark.parametrize("size", [5 * PIECE])
    async def test_a_source_that_dies_leaves_nothing(self, writable: Store, size: int) -> None:
        await super().test_a_source_that_dies_leaves_nothing(writable, size)

    @pytest.mark.parametrize(("offset", "length"), [(50, 51)])
    async def test_no_byte_of_a_range_outside(self, writable: Store, offset: int, length: int | None) -> None:
        await super().test_no_byte_of_a_range_outside(writable, offset, length)

    @pytest.mark.parametrize("key", ["a" * 255, "d9e2f8a4-4b7e-4e31-8f4c-6d8c7c1f2a3b"])
    async def test_keys_of_every_form(self, writable: Store, key: str) -> None:
        await super().test_keys_of_every_form(writable, key)
