"""The starter of nginx serves a directory, whole files and ranges."""

from pathlib import Path

import httpx
import pytest

from tests.starters.base import Missing, listening, wait_until
from tests.starters.nginx import nginx

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


def test_it_serves_a_directory(tmp_path: Path) -> None:
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "file").write_bytes(b"0123456789")
    try:
        with nginx(tmp_path / "served", tmp_path / "work") as server:
            assert httpx.get(f"{server.url}/file").content == b"0123456789"
            part = httpx.get(f"{server.url}/file", headers={"Range": "bytes=2-4"})
            assert (part.status_code, part.content) == (206, b"234")
    except Missing as missing:
        pytest.skip(f"real part missing: {missing}")
    wait_until(lambda: not listening(server.port), "the port to be free again", 20)
