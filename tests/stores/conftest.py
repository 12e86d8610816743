"""Servers that the tests of several drivers share."""

from collections.abc import Iterator

import pytest

from tests.starters.s3 import S3, s3


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """A real S3 server; whoever uses it takes a bucket of his own."""
    with s3(tmp_path_factory.mktemp("s3")) as server:
        yield server
