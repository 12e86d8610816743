"""The RBD store keeps the contract on a real Ceph: in several objects, and without those that are all zeros."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from intaglio.stores.base import Store
from intaglio.stores.conformance import StoreConformance
from intaglio.stores.conformance_sources import PIECE
from tests.starters.ceph import Ceph
from tests.stores.rbd_stores import objects, store


@pytest.mark.real
class TestRbd(StoreConformance):
    size = 5 * PIECE + 17
    most_connections = 64
    examples = 3
    cluster: ClassVar[Ceph]
    pool: ClassVar[str]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _pool(cls, ceph_cluster: Ceph) -> Iterator[None]:
        """One for all tests: each leaves it empty, and making many costs the cluster. Nothing at all stays in it."""
        cls.cluster = ceph_cluster
        cls.pool = ceph_cluster.make_pool(f"test-{uuid.uuid4().hex}")
        yield
        assert objects(cls.cluster, cls.pool) == []

    def make(self, workspace: Path) -> Store:
        return store(self.cluster, self.pool, rbd_store_chunk_size=1, rbd_thin_provisioning=True)
