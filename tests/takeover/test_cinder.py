"""In Cinder, too, there and back: what Glance wrote Intaglio reads and deletes, and the other way round."""

import os
from pathlib import Path

import httpx
import pytest

from tests.starters.ceph import bind
from tests.starters.cinder_shared import Block
from tests.starters.environments import environment
from tests.starters.glance import CinderStore, glance
from tests.starters.intaglio import intaglio
from tests.stores.cinder_stores import load_ceph, options, until_gone, until_idle, volumes
from tests.takeover.transfers import delete, locations, read, upload

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]

SIZES = (100_000, 9 << 20)


@pytest.fixture(scope="module", autouse=True)
def _bindings() -> None:
    """Glance's environment and ours get Ceph's own Python modules, which Debian has for Debian's Python."""
    bind(environment("glance") / "python")
    load_ceph()


@pytest.mark.parametrize("several", [False, True], ids=["one-store", "several-stores"])
def test_there_and_back(tmp_path: Path, block: Block, several: bool) -> None:
    chosen = {name: value for name, value in options(block, tmp_path).items() if name != "lock_path"}
    lines = "".join(f"{name} = {value}\n" for name, value in chosen.items())
    helper = f"[privsep_osbrick]\nhelper_command = {environment('glance') / 'privsep-helper'}\n"
    login = {"X-Auth-Token": block.identity.token("mia", project="alpha")}  # Glance's driver needs a project
    stores = (
        [CinderStore("cloud", chosen)]
        if several
        else f"[glance_store]\nstores = cinder\ndefault_store = cinder\n{lines}"
    )
    with (
        glance(
            tmp_path / "peer", stores=stores, auth="keystone", conf=helper + block.identity.section(), started=False
        ) as peer,
        intaglio(tmp_path / "ours", auth="keystone", workers=1, conf=peer.conf, started=False) as ours,
    ):
        data = [os.urandom(size) for size in SIZES]
        peer.start()
        theirs = [upload(peer.url, each, login=login) for each in data]
        theirs.append(upload(peer.url, data[0], chunked=True, login=login))
        peer.stop()
        ours.start()
        assert [read(ours.url, image_id, login=login) for image_id in theirs] == [*data, data[0]]
        path = f"{ours.url}/v2/images/{theirs[1]}/file"
        part = httpx.get(path, headers={"Range": "bytes=5000000-5000099", **login}, timeout=60)
        assert part.content == data[1][5_000_000:5_000_100]
        made = [upload(ours.url, each, login=login) for each in data]
        until_idle(block, made[1])
        assert _form(block, made[1]) == _form(block, theirs[1])
        delete(ours.url, theirs[1], login=login)
        until_gone(block, theirs[1])
        ours.stop()
        rows = locations(peer.directory / "glance.sqlite")
        assert set(rows) == {theirs[0], theirs[2], *made}
        for image_id, (place, beside) in rows.items():
            [volume] = volumes(block, glance_image_id=image_id)
            assert place == ("cinder://cloud/" if several else "cinder://") + volume["id"]
            assert beside == ('{"store": "cloud"}' if several else "{}")
            assert volume["status"] == "available"
        peer.start()
        found = [read(peer.url, image_id, login=login) for image_id in (theirs[0], *made)]
        assert found == [data[0], *data]
        for image_id in (theirs[0], theirs[2], *made):
            delete(peer.url, image_id, login=login)
            until_gone(block, image_id)


def _form(block: Block, image_id: str) -> dict[str, object]:
    """What an image's volume is like, but for names and times and what only one of the two says."""
    [volume] = volumes(block, glance_image_id=image_id)
    told = {
        name: value for name, value in volume["metadata"].items() if name in {"image_owner", "image_size", "readonly"}
    }
    same = {name: volume[name] for name in ("size", "status", "volume_type", "multiattach", "attachments")}
    return same | told | {"named": volume["name"] == f"image-{image_id}"}
