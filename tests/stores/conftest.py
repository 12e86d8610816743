"""Servers that the tests of several drivers share."""

from collections.abc import Iterator

import pytest

from tests.starters.ceph import Ceph
from tests.starters.keystone import Keystone
from tests.starters.radosgw import RadosGateway, radosgw
from tests.starters.s3 import S3, s3
from tests.starters.swift import Swift, swift


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """A real S3 server; whoever uses it takes a bucket of his own."""
    with s3(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory, ceph_cluster: Ceph) -> Iterator[RadosGateway]:
    """Ceph's S3 server on the cluster of this test run; whoever uses it takes a bucket of his own."""
    with radosgw(ceph_cluster, tmp_path_factory.mktemp("radosgw")) as server:
        yield server


@pytest.fixture(scope="session")
def swift_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    """A real Swift whose people tempauth knows; whoever uses it takes a container of his own."""
    with swift(tmp_path_factory.mktemp("swift")) as server:
        yield server


@pytest.fixture(scope="session")
def swift_behind_keystone(tmp_path_factory: pytest.TempPathFactory, identity: Keystone) -> Iterator[Swift]:
    """A real Swift whose people a real Keystone knows."""
    with swift(tmp_path_factory.mktemp("swift-keystone"), identity) as server:
        yield server
