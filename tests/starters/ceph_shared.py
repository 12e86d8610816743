"""One Ceph for all processes of a test run, see `tests.starters.sharing`; each test module has pools of its own."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.starters.ceph import Ceph, ceph, known
from tests.starters.sharing import Facts, common_directory, hold, shared


@contextlib.contextmanager
def _server(directory: Path) -> Iterator[Facts]:
    with ceph(directory / "server") as cluster:
        yield {"data": str(cluster.data), "fsid": cluster.fsid}


@pytest.fixture(scope="session")
def ceph_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ceph]:
    """The real Ceph of this test run; who hurts its daemons starts one of his own."""
    directory = common_directory(tmp_path_factory) / "ceph"
    with shared(directory, "tests.starters.ceph_shared", "Ceph") as facts:
        yield known(directory / "server", Path(facts["data"]), facts["fsid"])


if __name__ == "__main__":
    hold(Path(sys.argv[1]), _server(Path(sys.argv[1])))
