"""The starter of the real Glance gives a server that stores, survives a restart and leaves no process behind."""

from pathlib import Path

import httpx
import pytest

from tests.starters.base import Missing, listening, wait_until
from tests.starters.glance import Auth, FileStore, glance

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]

IDENTITY = {"X-Identity-Status": "Confirmed", "X-User-Id": "u", "X-Project-Id": "p", "X-Roles": "admin,member,reader"}


WANTED = {"name": "n", "disk_format": "raw", "container_format": "bare"}
BINARY = {"Content-Type": "application/octet-stream"}


@pytest.mark.parametrize("auth", ["none", "headers"])
def test_it_stores_and_survives_a_restart(tmp_path: Path, auth: Auth) -> None:
    stores = [FileStore("fast", tmp_path / "fast", 200), FileStore("slow", tmp_path / "slow", 100)]
    try:
        with glance(tmp_path / "peer", auth=auth, stores=stores if auth == "headers" else None) as peer:
            with httpx.Client(base_url=peer.url, headers=IDENTITY, timeout=60) as client:
                made = client.post("/v2/images", json=WANTED).json()
                path = f"/v2/images/{made['id']}/file"
                client.put(path, content=b"x" * 100_000, headers=BINARY).raise_for_status()
            assert made["owner"] == ("p" if auth == "headers" else None)
            peer.restart()
            assert httpx.get(peer.url + path, headers=IDENTITY).content == b"x" * 100_000
            folder = tmp_path / ("fast" if auth == "headers" else "peer/images")
            assert [path.name for path in folder.iterdir()] == [made["id"]]
    except Missing as missing:
        pytest.skip(f"real part missing: {missing}")
    wait_until(lambda: not listening(peer.port), "the port to be free again", 20)
