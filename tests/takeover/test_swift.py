"""In Swift, too, there and back: what Glance wrote Intaglio reads and deletes, and the other way round."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.starters.glance import SwiftStore, glance
from tests.starters.intaglio import intaglio
from tests.starters.keystone import Keystone
from tests.starters.keystone_people import PASSWORD
from tests.starters.swift import Swift, swift
from tests.stores.swift_stores import accounts_file, asked, container_name, containers, keystone_options, tenant_options
from tests.takeover.transfers import Login, delete, locations, read, upload

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]

MB = 1000 * 1024
SIZES = (0, 100_000, 2 * MB, 5 * MB + 17)
"""Glance segments the last two. It is told the length of the third, which has whole segments, not that of the last."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, identity: Keystone) -> Iterator[Swift]:
    with swift(tmp_path_factory.mktemp("swift"), identity) as running:
        yield running


@pytest.mark.parametrize("several", [False, True], ids=["one-store", "several-stores"])
def test_there_and_back(tmp_path: Path, server: Swift, several: bool) -> None:
    """One of several stores with its account in the options; one store with a file of accounts."""
    assert server.keystone is not None
    container = container_name()
    options = keystone_options(
        server, container, swift_store_large_object_size=2, swift_store_large_object_chunk_size=1
    )
    place = server.keystone.url.removeprefix("http://")
    before = f"swift+http://alpha%3Amia:{quote(PASSWORD)}@{place}"
    if not several:
        account = {name: str(options.pop(f"swift_store_{name}")) for name in ("user", "key", "auth_address")}
        options["swift_store_config_file"] = accounts_file(tmp_path, ref1=account)
        before = "swift+config://ref1"
    one = "[glance_store]\nstores = swift\ndefault_store = swift\n"
    one += "".join(f"{name} = {value}\n" for name, value in options.items())
    data = [os.urandom(size) for size in SIZES]
    with (
        glance(tmp_path / "peer", stores=[SwiftStore("cloud", options)] if several else one, started=False) as peer,
        intaglio(tmp_path / "ours", auth="none", workers=1, conf=peer.conf, started=False) as ours,
    ):
        peer.start()
        theirs = [upload(peer.url, each, chunked=len(each) > 2 * MB) for each in data]
        peer.stop()
        ours.start()
        assert [read(ours.url, image_id) for image_id in theirs] == data
        delete(ours.url, theirs[3])
        made = [upload(ours.url, each) for each in data]
        ours.stop()
        rows = locations(peer.directory / "glance.sqlite")
        plain = {image_id: (place.replace(image_id, "ID"), beside) for image_id, (place, beside) in rows.items()}
        assert set(plain) == {*theirs[:3], *made}
        assert set(plain.values()) == {(f"{before}/{container}/ID", '{"store": "cloud"}' if several else "{}")}
        peer.start()
        assert [read(peer.url, image_id) for image_id in (*theirs[:3], *made)] == [*data[:3], *data]
        for image_id in (*theirs[:3], *made):
            delete(peer.url, image_id)
    assert server.names("alpha", container) == []


def test_tenants_there_and_back(tmp_path: Path, server: Swift) -> None:
    """With images in the accounts of their projects; and who may read them there is what Glance makes of it."""
    identity = server.keystone
    assert identity is not None
    container = container_name()
    sizes = {"swift_store_large_object_size": 2, "swift_store_large_object_chunk_size": 1}
    options = tenant_options(server, container, swift_store_use_trusts=False, **sizes)
    ann, stan = identity.token("mia", project="alpha"), identity.token("stan", project="beta")
    data = [os.urandom(size) for size in (100_000, 2 * MB)]
    with (
        glance(
            tmp_path / "peer",
            stores=[SwiftStore("cloud", options)],
            auth="keystone",
            conf=identity.section(),
            started=False,
        ) as peer,
        intaglio(tmp_path / "ours", auth="keystone", workers=1, conf=peer.conf, started=False) as ours,
    ):
        peer.start()
        theirs = [upload(peer.url, each, login=by(ann)) for each in data]
        _share(peer.url, theirs[0], identity.ids["project/beta"], ann)
        acl = _readers(server, container, theirs[0])
        peer.stop()
        ours.start()
        assert [read(ours.url, image_id, login=by(ann)) for image_id in theirs] == data
        assert read(ours.url, theirs[0], login=by(stan)) == data[0]
        delete(ours.url, theirs[1], login=by(ann))
        made = [upload(ours.url, each, login=by(ann)) for each in data]
        _share(ours.url, made[0], identity.ids["project/beta"], ann)
        assert _readers(server, container, made[0]) == acl == f"{identity.ids['project/beta']}:*"
        _make_community(ours.url, made[1], ann)
        assert _readers(server, container, made[1]) == "*:*"
        ours.stop()
        rows = locations(peer.directory / "glance.sqlite")
        plain = {image_id: (place.replace(image_id, "ID"), beside) for image_id, (place, beside) in rows.items()}
        account = f"swift+http://127.0.0.1:{server.port}/v1/AUTH_{identity.ids['project/alpha']}"
        assert set(plain) == {*theirs[:1], *made}
        assert set(plain.values()) == {(f"{account}/{container}_ID/ID", '{"store": "cloud"}')}
        peer.start()
        assert [read(peer.url, image_id, login=by(ann)) for image_id in (*theirs[:1], *made)] == [data[0], *data]
        assert read(peer.url, made[0], login=by(stan)) == data[0], "Glance reads it as the one who asks"
        for image_id in (*theirs[:1], *made):
            delete(peer.url, image_id, login=by(ann))
    assert containers(server, "alpha", container) == []


def by(token: str) -> Login:
    return {"X-Auth-Token": token}


def _share(url: str, image_id: str, project: str, token: str) -> None:
    path = f"{url}/v2/images/{image_id}/members"
    httpx.post(path, json={"member": project}, headers={"X-Auth-Token": token}, timeout=60).raise_for_status()


def _make_community(url: str, image_id: str, token: str) -> None:
    headers = {"X-Auth-Token": token, "Content-Type": "application/openstack-images-v2.1-json-patch"}
    patch = [{"op": "replace", "path": "/visibility", "value": "community"}]
    httpx.patch(f"{url}/v2/images/{image_id}", json=patch, headers=headers, timeout=60).raise_for_status()


def _readers(server: Swift, container: str, image_id: str) -> str:
    return str(asked(server, "alpha", "HEAD", f"/{container}_{image_id}").headers.get("x-container-read", ""))
