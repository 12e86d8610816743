"""Services that may be hurt: each test has its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.starters.intaglio import Intaglio, intaglio


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Intaglio]:
    """A service of the test's own, without authentication, on one directory."""
    with intaglio(tmp_path, auth="none", workers=2) as running:
        yield running
