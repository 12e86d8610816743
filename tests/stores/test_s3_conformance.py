"""The S3 store keeps the contract on real servers: whole, in parts, with checksums; SeaweedFS and Ceph's radosgw."""

from pathlib import Path
from typing import ClassVar

import pytest

from intaglio.stores.base import Store
from intaglio.stores.conformance import StoreConformance
from intaglio.stores.conformance_sources import PIECE
from intaglio.stores.drivers.s3 import S3Store
from tests.starters.radosgw import RadosGateway
from tests.starters.s3 import S3, Served
from tests.stores.s3_stores import bucket_name, options, unfinished_keys


@pytest.mark.real
class S3Conformance(StoreConformance):
    most_connections = 64
    examples = 6
    others: ClassVar[dict[str, object]] = {}
    server: ClassVar[Served]
    bucket: ClassVar[str]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _bucket(cls, s3_server: S3) -> None:
        """One for all tests of a class: each leaves it empty, and making many costs the server."""
        cls.server, cls.bucket = s3_server, bucket_name()

    def make(self, workspace: Path) -> Store:
        return S3Store("s3", options(self.server, self.bucket, **self.others))

    def leftovers(self, workspace: Path) -> list[str]:
        return unfinished_keys(self.server, self.bucket)


class TestWhole(S3Conformance):
    """Everything the suite writes is shorter than a part."""


class TestParts(S3Conformance):
    """The suite's larger objects have several parts, and checksums."""

    size = 11 * PIECE + 17
    others: ClassVar = {
        "s3_store_large_object_chunk_size": 5,
        "s3_store_enable_data_integrity_protection": True,
        "s3_store_request_checksum_calculation": "when_supported",
        "s3_store_response_checksum_validation": "when_supported",
    }


class TestRadosgw(S3Conformance):
    """Ceph's own server; the larger objects have two parts."""

    size = 6 * PIECE + 17
    examples = 1
    others: ClassVar = {"s3_store_large_object_chunk_size": 5}

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _bucket(cls, gateway: RadosGateway) -> None:
        """The same bucket for all tests."""
        cls.server, cls.bucket = gateway, bucket_name()
