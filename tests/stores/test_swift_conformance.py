"""The Swift store keeps the contract on a real server: whole, in segments, in folded manifests, behind Keystone."""

from pathlib import Path
from typing import ClassVar

import pytest

from intaglio.stores.base import Store
from intaglio.stores.conformance import StoreConformance
from intaglio.stores.conformance_sources import PIECE
from intaglio.stores.drivers.swift import SwiftStore
from intaglio.stores.drivers.swift_tenants import SwiftTenants
from tests.starters.swift import Swift
from tests.stores.swift_stores import Bystander, container_name, containers, options, tenant_options


@pytest.mark.real
class SwiftConformance(StoreConformance):
    most_connections = 64
    examples = 3
    others: ClassVar[dict[str, object]] = {}
    most_segments: ClassVar[int] = 1000
    server: ClassVar[Swift]
    container: ClassVar[str]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _container(cls, swift_server: Swift) -> None:
        """One for all tests of a class: each leaves it empty."""
        cls.server, cls.container = swift_server, container_name()

    def make(self, workspace: Path) -> Store:
        chosen = options(self.server, self.container, **self.others)
        return SwiftStore("swift", chosen, most_segments=self.most_segments)

    def leftovers(self, workspace: Path) -> list[str]:
        return Bystander(self.server).names(self.container)


class TestWhole(SwiftConformance):
    """Everything the suite writes is shorter than a part."""


class TestSegments(SwiftConformance):
    """The suite's objects have several segments, and manifests of manifests."""

    size = 3 * PIECE + 17
    others: ClassVar = {"swift_store_large_object_chunk_size": 1}
    most_segments = 3


class TestTenants(SwiftConformance):
    """Each object has a container of its own, which goes with it; here all are the service's own."""

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _container(cls, swift_behind_keystone: Swift) -> None:
        cls.server, cls.container = swift_behind_keystone, container_name()

    def make(self, workspace: Path) -> Store:
        return SwiftTenants("swift", tenant_options(self.server, self.container))

    def leftovers(self, workspace: Path) -> list[str]:
        return containers(self.server, "service", f"{self.container}_")
