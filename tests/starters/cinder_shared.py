"""One Cinder for all processes of a test run, see `tests.starters.sharing`, with a Keystone of its own.

Its volumes are in the Ceph of the test run. The catalogue is its own so that an image service can be put into it.
"""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.starters.ceph import Ceph, known
from tests.starters.cinder import Cinder, cinder
from tests.starters.environments import environment
from tests.starters.keystone import Keystone, keystone
from tests.starters.sharing import Facts, common_directory, hold, shared


class Block(NamedTuple):
    """A Cinder, and what it stands on."""

    volumes: Cinder
    identity: Keystone
    cluster: Ceph


@contextlib.contextmanager
def _server(directory: Path) -> Iterator[Facts]:
    with (
        _ceph(directory.parent) as cluster,
        keystone(directory / "keystone", expiration=24 * 3600) as identity,
        cinder(directory / "server", cluster, identity) as volumes,
    ):
        own = {name: getattr(volumes, name) for name in ("port", "region", "pool", "cluster_name")}
        yield {"cinder": own, "keystone": {"port": identity.port, "ids": dict(identity.ids)}}


@contextlib.contextmanager
def _ceph(common: Path) -> Iterator[Ceph]:
    with shared(common / "ceph", "tests.starters.ceph_shared", "Ceph") as facts:
        yield known(common / "ceph" / "server", Path(facts["data"]), facts["fsid"])


@pytest.fixture(scope="session")
def block(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Block]:
    """The real Cinder of this test run."""
    common = common_directory(tmp_path_factory)
    with (
        _ceph(common) as cluster,
        shared(common / "cinder", "tests.starters.cinder_shared", "Cinder") as facts,
    ):
        volumes = Cinder(common / "cinder" / "server", **facts["cinder"])
        known_keystone = facts["keystone"]
        binaries = environment("keystone")
        identity = Keystone(common / "cinder" / "keystone", known_keystone["port"], known_keystone["ids"], binaries)
        yield Block(volumes, identity, cluster)


if __name__ == "__main__":
    hold(Path(sys.argv[1]), _server(Path(sys.argv[1])))
