"""The service that each file of fuzz tests has for itself."""

from collections.abc import Iterator

import pytest

from tests.fuzz.service import Fuzzed, fuzzed


@pytest.fixture(scope="module")
def fuzz(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    with fuzzed(tmp_path_factory.mktemp("fuzzed")) as made:
        yield made
        made.require_whole()


@pytest.fixture(autouse=True)
def sound(fuzz: Fuzzed) -> Iterator[None]:
    """After each test nothing is broken, and the test that broke it is the one that fails."""
    yield
    fuzz.require_sound()
