"""The RBD store keeps the contract on a real Ceph."""

from pathlib import Path

import pytest

from intaglio.stores.base import Store
from intaglio.stores.conformance import StoreConformance
from intaglio.stores.drivers.rbd import RbdStore
from tests.starters.ceph import Ceph
import types

@pytest.mark.real
class TestTry(StoreConformance):
    most_connections = 64
    examples = 6

    def make(self, workspace: Path) -> Store:
        d=Path('/tmp/rbd/current').read_text()
        return RbdStore("rbd", {"rbd_store_ceph_conf": d+"/ceph.conf", "rbd_store_user": "images"})
