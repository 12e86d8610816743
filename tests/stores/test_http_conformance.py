"""The HTTP store keeps what of the contract a store keeps that is never written to."""

from pathlib import Path

from intaglio.stores.base import Store
from intaglio.stores.conformance import StoreConformance
from tests.stores.http_stores import http_store


class TestHttp(StoreConformance):
    def make(self, workspace: Path) -> Store:
        return http_store()

    def test_like_a_dictionary(self, workspace: Path) -> None:
        """Nothing can be put in."""
