"""One Keystone for all processes of a test run, see `tests.starters.sharing`."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.starters.environments import environment
from tests.starters.keystone import Keystone, keystone
from tests.starters.sharing import Facts, common_directory, hold, shared


@contextlib.contextmanager
def _server(directory: Path) -> Iterator[Facts]:
    with keystone(directory / "server") as identity:
        yield {"port": identity.port, "ids": dict(identity.ids)}


@contextlib.contextmanager
def shared_keystone(directory: Path) -> Iterator[Keystone]:
    """The Keystone that all who name this directory share; nobody may stop it. Raises `Missing`."""
    binaries = environment("keystone")
    with shared(directory, "tests.starters.keystone_shared", "Keystone") as facts:
        yield Keystone(directory / "server", facts["port"], facts["ids"], binaries)


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keystone]:
    """The real Keystone of this test run, with the people of `tests/starters/keystone_people.py`."""
    with shared_keystone(common_directory(tmp_path_factory) / "keystone") as found:
        yield found


if __name__ == "__main__":
    hold(Path(sys.argv[1]), _server(Path(sys.argv[1])))
