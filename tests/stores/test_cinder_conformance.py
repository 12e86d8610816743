"""The Cinder store keeps the contract on a real Cinder: with fewer rounds than others, since a volume takes seconds."""

import uuid
from pathlib import Path
from typing import ClassVar

import pytest

from intaglio.stores.base import Store
from intaglio.stores.conformance import StoreConformance
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
    rounds = 2
    many = 4
    listed = 2
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
