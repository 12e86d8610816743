"""In S3, too, there and back: what Glance wrote Intaglio reads and deletes, and the other way round."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.starters.glance import S3Store, glance
from tests.starters.intaglio import intaglio
from tests.starters.s3 import S3, s3
from tests.stores.s3_stores import bucket_name, keys_and_sizes, unfinished_keys
from tests.takeover.transfers import delete, locations, read, upload

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]

SIZES = (0, 100_000, 13 << 20)
"""Glance sends the last in parts."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with s3(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.mark.parametrize("several", [False, True], ids=["one-store", "several-stores"])
def test_there_and_back(tmp_path: Path, server: S3, several: bool) -> None:
    bucket = bucket_name()
    options = {
        "s3_store_host": server.url,
        "s3_store_access_key": server.access,
        "s3_store_secret_key": server.secret,
        "s3_store_bucket": bucket,
        "s3_store_create_bucket_on_put": True,
        "s3_store_large_object_size": 10,
        "s3_store_large_object_chunk_size": 5,
    }
    one = "[glance_store]\nstores = s3\ndefault_store = s3\n" + "".join(f"{k} = {v}\n" for k, v in options.items())
    stores = [S3Store("cloud", options)] if several else one
    data = [os.urandom(size) for size in SIZES]
    with (
        glance(tmp_path / "peer", stores=stores, started=False) as peer,
        intaglio(tmp_path / "ours", auth="none", workers=1, conf=peer.conf, started=False) as ours,
    ):
        peer.start()
        theirs = [upload(peer.url, each) for each in data]
        peer.stop()
        ours.start()
        assert [read(ours.url, image_id) for image_id in theirs] == data
        delete(ours.url, theirs[2])
        assert theirs[2] not in keys_and_sizes(server, bucket)
        made = [upload(ours.url, each) for each in data]
        ours.stop()
        rows = locations(peer.directory / "glance.sqlite")
        plain = {image_id: (place.replace(image_id, "ID"), beside) for image_id, (place, beside) in rows.items()}
        assert set(plain) == {*theirs[:2], *made}
        assert set(plain.values()) == {
            (f"s3://127.0.0.1:{server.port}/{bucket}/ID", '{"store": "cloud"}' if several else "{}")
        }
        peer.start()
        assert [read(peer.url, image_id) for image_id in (*theirs[:2], *made)] == [*data[:2], *data]
        for image_id in (*theirs[:2], *made):
            delete(peer.url, image_id)
    assert (keys_and_sizes(server, bucket), unfinished_keys(server, bucket)) == ({}, [])
