"""Imports through the operator's plug-ins, by the whole service: unpacked, given properties, or left as they are."""

import gzip
import hashlib
import io
import lzma
import tarfile
from collections.abc import Iterator

import pytest

from intaglio.imports.settings import INJECT, PluginSettings
from intaglio.stores.conformance_sources import noise
from tests.faults.client import stored_files
from tests.imports.client import Client
from tests.starters.images import image as real_image
from tests.starters.intaglio import Intaglio, intaglio

MIB = 1 << 20
CONF = """[DEFAULT]
user_storage_quota = 64MB
[image_import_opts]
image_import_plugins = [image_decompression,inject_image_metadata,no_op]
[inject_metadata_properties]
inject = "imported":"yes", os_glance_x:never
ignore_user_roles = auditor
[intaglio]
unpack_free_gib = 0
unpack_ratio = 2000
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intaglio]:
    with intaglio(tmp_path_factory.mktemp("plugins"), auth="none", conf=CONF) as running:
        yield running


@pytest.fixture(scope="module")
def client(service: Intaglio) -> Iterator[Client]:
    made = Client(service)
    yield made
    made.close()


def tarred(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.real
@pytest.mark.parametrize("name", ["qcow2", "vmdk-stream", "vhdx"])
def test_a_packed_disk_is_what_is_inside(client: Client, name: str) -> None:
    """Size, digests and the format's own facts are those of the disk, which was never kept as a file beside."""
    data = real_image(name).read_bytes()
    disk_format = name.partition("-")[0]
    image_id = client.staged(gzip.compress(data), disk_format=disk_format)
    image = client.imported(image_id)
    assert (image["status"], image["size"]) == ("active", len(data)), client.reason(image_id)
    assert image["os_hash_value"] == hashlib.sha512(data).hexdigest()
    assert image["virtual_size"]
    assert client.content(image_id) == data
    client.delete(image_id)


def test_an_archive_within(client: Client) -> None:
    data = noise(3 * MIB) + b"the end"
    image_id = client.staged(lzma.compress(tarred("../../disk.raw", data)))
    image = client.imported(image_id)
    assert (image["status"], image["size"]) == ("active", len(data))
    assert client.content(image_id) == data
    client.delete(image_id)


def test_plain_data_and_those_to_stay_packed(client: Client) -> None:
    packed = gzip.compress(b"data" * 1000)
    for data, fields in ((b"plain" * 1000, {}), (packed, {"container_format": "compressed"})):
        image_id = client.staged(data, **fields)
        assert client.imported(image_id)["size"] == len(data)
        assert client.content(image_id) == data
        client.delete(image_id)


def test_what_cannot_be_unpacked(client: Client) -> None:
    """The reason is told, and nothing is kept: other data can be sent."""
    packed = gzip.compress(b"data" * 100_000)[:-9]
    image_id = client.staged(packed)
    image = client.imported(image_id)
    assert (image["status"], image["size"]) == ("queued", None)
    assert "end in the middle" in client.reason(image_id)
    assert stored_files(client.service) == {}
    client.delete(image_id)


def test_what_is_inside_is_judged(client: Client) -> None:
    image_id = client.staged(gzip.compress(b"no disk" * 1000), disk_format="qcow2")
    assert client.imported(image_id)["status"] == "queued"
    assert "raw, not qcow2" in client.reason(image_id)
    client.delete(image_id)


def test_a_quota_counts_what_comes_out(client: Client) -> None:
    packed = gzip.compress(bytes(80 * MIB))
    image_id = client.staged(packed)
    image = client.imported(image_id)
    assert (image["status"], image["size"]) == ("uploading", len(packed))
    assert "quota" in client.reason(image_id).lower()
    assert stored_files(client.service) == {}
    client.delete(image_id)


def test_a_trap(client: Client) -> None:
    image_id = client.staged(lzma.compress(bytes(48 * MIB)))
    assert client.imported(image_id)["status"] == "queued"
    assert "more than 2000 times" in client.reason(image_id)
    client.delete(image_id)


def test_properties_are_given(client: Client) -> None:
    image_id = client.staged(b"data")
    image = client.imported(image_id)
    assert image["imported"] == "yes"
    assert "os_glance_x" not in image
    client.delete(image_id)


@pytest.mark.parametrize(
    ("ignored", "roles", "given"),
    [
        (("admin",), {"member"}, True),
        (("admin",), {"admin", "member"}, False),
        (("Admin",), {"admin"}, False),
        (("administrator",), {"admin"}, True),
        ((), {"admin"}, True),
    ],
    ids=["another", "named", "other-case", "part-of-another", "none"],
)
def test_roles_that_are_left_out(ignored: tuple[str, ...], roles: set[str], given: bool) -> None:
    settings = PluginSettings(order=(INJECT,), inject={"a": "b"}, ignore_user_roles=ignored)
    assert settings.injected(frozenset(roles)) == ({"a": "b"} if given else {})
