"""The memory store keeps the contract, and is its reference."""

from pathlib import Path

import pytest

from intaglio.stores.base import Full, Store
from intaglio.stores.conformance import StoreConformance
from intaglio.stores.conformance_sources import noise, pieces
from intaglio.stores.drivers.memory import MemoryStore


class TestMemory(StoreConformance):
    def make(self, workspace: Path) -> Store:
        return MemoryStore("memory")


@pytest.mark.anyio
async def test_capacity_is_given_back_after_failure() -> None:
    store = MemoryStore("memory", capacity=1000)
    for _ in range(3):
        with pytest.raises(Full):
            await store.put("a", pieces(noise(1001), 100))
        await store.put("a", pieces(noise(1000), 100))
        await store.delete("a")
