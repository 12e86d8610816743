"""The starter of the real Glance gives a server that stores, survives a restart and leaves no process behind."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.starters.base import Missing, listening
from tests.starters.glance import Auth, FileStore, Glance, glance

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]

IDENTITY = {"X-Identity-Status": "Confirmed", "X-User-Id": "u", "X-Project-Id": "p", "X-Roles": "admin,member,reader"}


def _call(peer: Glance, method: str, path: str, body: bytes | None = None, kind: str = "application/json") -> bytes:
    request = urllib.request.Request(peer.url + path, body, {"Content-Type": kind, **IDENTITY}, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        content: bytes = answer.read()
        return content


def _image(peer: Glance) -> dict[str, Any]:
    wanted = {"name": "n", "disk_format": "raw", "container_format": "bare"}
    made: dict[str, Any] = json.loads(_call(peer, "POST", "/v2/images", json.dumps(wanted).encode()))
    return made


@pytest.mark.parametrize("auth", ["none", "headers"])
def test_it_stores_and_survives_a_restart(tmp_path: Path, auth: Auth) -> None:
    stores = [FileStore("fast", tmp_path / "fast", 200), FileStore("slow", tmp_path / "slow", 100)]
    try:
        with glance(tmp_path / "peer", auth=auth, stores=stores if auth == "headers" else None) as peer:
            made = _image(peer)
            assert made["owner"] == ("p" if auth == "headers" else None)
            _call(peer, "PUT", f"/v2/images/{made['id']}/file", b"x" * 100_000, "application/octet-stream")
            peer.restart()
            assert _call(peer, "GET", f"/v2/images/{made['id']}/file") == b"x" * 100_000
            folder = tmp_path / ("fast" if auth == "headers" else "peer/images")
            assert [path.name for path in folder.iterdir()] == [made["id"]]
    except Missing as missing:
        pytest.skip(f"real part missing: {missing}")
    assert not listening(peer.port)
