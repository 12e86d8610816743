"""Imports in the operator's format, by the whole service: what comes out is what qemu-img makes, or the reason."""

import contextlib
import gzip
import hashlib
import random
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faults.client import stored_files
from tests.starters.base import wait_until
from tests.starters.images import image as real_image
from tests.starters.intaglio import Intaglio, intaglio
from tests.starters.signers import keep, signer

pytestmark = pytest.mark.real
MIB = 1 << 20
CONF = """[intaglio]
imports_at_once = 8
{more}
[DEFAULT]
image_size_cap = 67108864
[image_import_opts]
image_import_plugins = [image_decompression,image_conversion]
[image_conversion]
output_format = {output}
"""
DRIVERS = {"vhd": "vpc"}
TO_RAW = [
    "qcow2",
    "qcow2-compressed",
    "qcow2-v2",
    "vmdk-sparse",
    "vmdk-stream",
    "vdi",
    "vhd-dynamic",
    "vhd-fixed",
    "vhdx",
]


@contextlib.contextmanager
def converting(directory: Path, output: str, more: str = "") -> Iterator[Intaglio]:
    with intaglio(directory, auth="none", conf=CONF.format(output=output, more=more)) as running:
        yield running


@pytest.fixture(scope="module")
def to_raw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intaglio]:
    with converting(tmp_path_factory.mktemp("to-raw"), "raw") as service:
        yield service


def staged(service: Intaglio, data: bytes, **fields: str) -> str:
    wanted = {"name": "n", "disk_format": "raw", "container_format": "bare"} | fields
    image_id = str(httpx.post(f"{service.url}/v2/images", json=wanted).json()["id"])
    headers = {"Content-Type": "application/octet-stream"}
    path = f"{service.url}/v2/images/{image_id}/stage"
    assert httpx.put(path, content=data, headers=headers, timeout=60).status_code == 204
    return image_id


def begun(service: Intaglio, image_id: str) -> None:
    answer = httpx.post(f"{service.url}/v2/images/{image_id}/import", json={"method": {"name": "glance-direct"}})
    assert answer.status_code == 202, answer.text


def imported(service: Intaglio, image_id: str) -> dict[str, Any]:
    begun(service, image_id)
    return ended(service, image_id)


def ended(service: Intaglio, image_id: str) -> dict[str, Any]:
    path = f"{service.url}/v2/images/{image_id}"
    wait_until(lambda: not httpx.get(path).json().get("os_glance_import_task"), "the end of the import")
    found: dict[str, Any] = httpx.get(path).json()
    return found


def reason(service: Intaglio, image_id: str) -> str:
    return str(httpx.get(f"{service.url}/v2/images/{image_id}/tasks").json()["tasks"][0]["message"])


def content(service: Intaglio, image_id: str) -> bytes:
    return httpx.get(f"{service.url}/v2/images/{image_id}/file", timeout=60).content


def delete(service: Intaglio, image_id: str) -> None:
    assert httpx.delete(f"{service.url}/v2/images/{image_id}", timeout=60).status_code == 204


def driver(name: str) -> str:
    disk_format = name.partition("-")[0]
    return DRIVERS.get(disk_format, disk_format)


def raw_of(path: Path, name: str, work: Path) -> bytes:
    """What qemu-img makes of it."""
    subprocess.run(["qemu-img", "convert", "-f", driver(name), "-O", "raw", path, work / "raw"], check=True)
    return (work / "raw").read_bytes()


def test_to_raw(to_raw: Intaglio, tmp_path: Path) -> None:
    """Format, sizes and digests are the result's; the format and digest of what was sent are remembered."""
    data = {name: real_image(name).read_bytes() for name in TO_RAW}
    ids = {name: staged(to_raw, data[name], disk_format=name.partition("-")[0]) for name in TO_RAW}
    for image_id in ids.values():
        begun(to_raw, image_id)
    for name, image_id in ids.items():
        wanted = raw_of(real_image(name), name, tmp_path)
        image = ended(to_raw, image_id)
        assert image["status"] == "active", (name, reason(to_raw, image_id))
        assert (image["disk_format"], image["container_format"]) == ("raw", "bare")
        assert (image["size"], image["virtual_size"]) == (len(wanted), len(wanted))
        assert image["checksum"] == hashlib.md5(wanted, usedforsecurity=False).hexdigest()
        assert image["os_hash_value"] == hashlib.sha512(wanted).hexdigest()
        assert image["os_glance_source_format"] == name.partition("-")[0]
        assert image["os_glance_source_hash"] == f"sha512:{hashlib.sha512(data[name]).hexdigest()}"
        assert content(to_raw, image_id) == wanted
        delete(to_raw, image_id)
    assert stored_files(to_raw) == {}


@pytest.mark.parametrize("output", ["qcow2", "vmdk"])
def test_to_another_format(output: str, tmp_path: Path) -> None:
    (tmp_path / "service").mkdir()
    with converting(tmp_path / "service", output, "convert_signed = unsign") as service:
        names = [name for name in ("raw", "vdi", "vmdk-stream", "qcow2-compressed") if not name.startswith(output)]
        ids = {name: staged(service, real_image(name).read_bytes(), disk_format=driver(name)) for name in names}
        for image_id in ids.values():
            begun(service, image_id)
        for name, image_id in ids.items():
            image = ended(service, image_id)
            assert (image["status"], image["disk_format"]) == ("active", output), reason(service, image_id)
            result = tmp_path / f"{name}.{output}"
            result.write_bytes(content(service, image_id))
            command = ["qemu-img", "compare", "-f", driver(name), "-F", output, str(real_image(name)), str(result)]
            assert subprocess.run(command, check=False, capture_output=True).returncode == 0
            assert (image["size"], image["virtual_size"]) == (result.stat().st_size, 4 * MIB)
            delete(service, image_id)
        a_signed_image_loses_its_signature(service)
        assert stored_files(service) == {}
        assert list((service.data / "converting").iterdir()) == []


def test_what_was_packed_is_unpacked_first(to_raw: Intaglio, tmp_path: Path) -> None:
    path = real_image("vmdk-stream")
    packed = gzip.compress(path.read_bytes())
    image_id = staged(to_raw, packed, disk_format="vmdk")
    image = imported(to_raw, image_id)
    assert image["status"] == "active", reason(to_raw, image_id)
    assert content(to_raw, image_id) == raw_of(path, "vmdk", tmp_path)
    assert image["os_glance_source_hash"] == f"sha512:{hashlib.sha512(packed).hexdigest()}"
    delete(to_raw, image_id)


def test_what_stays_as_it_is(to_raw: Intaglio) -> None:
    """What has the format, what machines boot from as it is, and what is to stay packed."""
    raw = random.Random(5).randbytes(MIB)
    for data, disk_format, container in (
        (raw, "raw", "bare"),
        (real_image("iso-plain").read_bytes(), "iso", "bare"),
        (b"kernel" * 1000, "aki", "aki"),
        (gzip.compress(raw), "qcow2", "compressed"),
    ):
        image_id = staged(to_raw, data, disk_format=disk_format, container_format=container)
        image = imported(to_raw, image_id)
        assert image["status"] == "active", reason(to_raw, image_id)
        assert (image["disk_format"], image["container_format"]) == (disk_format, container)
        assert image["os_hash_value"] == hashlib.sha512(data).hexdigest()
        assert "os_glance_source_hash" not in image
        delete(to_raw, image_id)


def created(words: list[str]) -> Callable[[Path], bytes]:
    def make(work: Path) -> bytes:
        target = work / "made"
        subprocess.run(["qemu-img", "create", "-q", *words[:-1], target, words[-1]], check=True)
        return target.read_bytes()

    return make


def found(name: str) -> Callable[[Path], bytes]:
    return lambda _: real_image(name).read_bytes()


def nested(outer: str, inner: str) -> Callable[[Path], bytes]:
    """A disk on which an image is, where another tool would find it."""

    def make(work: Path) -> bytes:
        disk = work / "inner.raw"
        disk.write_bytes(real_image(inner).read_bytes().ljust(4 * MIB, b"\0"))
        target = work / "outer"
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", outer, disk, target], check=True)
        return target.read_bytes()

    return make


def patched(name: str, change: Callable[[bytearray], None]) -> Callable[[Path], bytes]:
    def make(_: Path) -> bytes:
        data = bytearray(real_image(name).read_bytes())
        change(data)
        return bytes(data)

    return make


def first_cluster(data: bytearray) -> int:
    """Where the entry of the first cluster is, in a qcow2 image with clusters of 64 KiB."""
    (l1,) = struct.unpack_from(">Q", data, 40)
    (l2,) = struct.unpack_from(">Q", data, l1)
    return int(l2 & 0x00FFFFFFFFFFFE00)


def bomb(data: bytearray) -> None:
    """Every part of a large disk is the same compressed cluster, which takes next to nothing."""
    entry = first_cluster(data)
    data[entry : entry + 8 * 8192] = data[entry : entry + 8] * 8192
    struct.pack_into(">Q", data, 24, 8192 * 65536)


def elsewhere(data: bytearray) -> None:
    struct.pack_into(">Q", data, first_cluster(data), (1 << 63) | (1 << 40))


def bad_deflate(data: bytearray) -> None:
    (entry,) = struct.unpack_from(">Q", data, first_cluster(data))
    offset = entry & ((1 << 54) - 1)
    data[offset : offset + 64] = bytes(range(1, 65))


HOSTILE = {
    # disk_format, how it is made, what the task says
    "qcow2 with a backing file": ("qcow2", found("qcow2-backing-file"), "backing file"),
    "qcow2 with external data": ("qcow2", found("qcow2-data-file"), "another file"),
    "qcow2 with unknown features": ("qcow2", found("qcow2-unknown-feature"), "unknown features"),
    "qcow2 of another version": ("qcow2", found("qcow2-version-9"), "unknown features"),
    "qcow2 cut off": ("qcow2", found("qcow2-truncated"), "qcow2"),
    "qcow2 that is a terabyte": ("qcow2", created(["-f", "qcow2", "1T"]), "67108864 at most"),
    "vhdx that is a terabyte": ("vhdx", created(["-f", "vhdx", "1T"]), "67108864 at most"),
    "vmdk that is 100 gigabytes": ("vmdk", created(["-f", "vmdk", "100G"]), "67108864 at most"),
    "qcow2 whose clusters are one": ("qcow2", patched("qcow2-compressed", bomb), "67108864 at most"),
    "qcow2 with a cluster outside": ("qcow2", patched("qcow2", elsewhere), "damaged"),
    "qcow2 with a broken cluster": ("qcow2", patched("qcow2-compressed", bad_deflate), "damaged"),
    "qcow2 that is encrypted": (
        "qcow2",
        created(
            ["-f", "qcow2", "--object", "secret,id=k,data=p", "-o", "encrypt.format=aes,encrypt.key-secret=k", "1M"]
        ),
        "encrypted",
    ),
    "vmdk with a foreign extent": ("vmdk", found("vmdk-foreign-extent"), "outside the image"),
    "vmdk that is text": ("vmdk", found("vmdk-flat"), "not vmdk"),
    "vmdk of another type": ("vmdk", found("vmdk-other-type"), "not safe"),
    "vhdx cut off": ("vhdx", found("vhdx-truncated"), "vhdx"),
    "raw said to be qcow2": ("qcow2", found("raw"), "not qcow2"),
    "qcow2 said to be vhd": ("vhd", found("qcow2"), "not vhd"),
    "raw said to be vhd": ("vhd", found("raw"), "not vhd"),
    "qcow2 in a vmdk": ("vmdk", nested("vmdk", "qcow2"), "nested"),
    "qcow2 with a backing file in a vmdk": ("vmdk", nested("vmdk", "qcow2-backing-file"), "backing file"),
    "vmdk in a qcow2": ("qcow2", nested("qcow2", "vmdk-stream"), "nested"),
    "iso in a qcow2": ("qcow2", nested("qcow2", "iso-plain"), "nested"),
}


def test_hostile_images(to_raw: Intaglio, tmp_path: Path) -> None:
    """Refused with the reason, and nothing is kept of them: other data can be sent."""
    ids = {}
    for row, (disk_format, make, _) in HOSTILE.items():
        work = tmp_path / row.replace(" ", "-")
        work.mkdir()
        ids[row] = staged(to_raw, make(work), disk_format=disk_format)
        begun(to_raw, ids[row])
    others = {}
    for row, image_id in ids.items():
        disk_format, _, why = HOSTILE[row]
        image, message = ended(to_raw, image_id), reason(to_raw, image_id)
        if (image["status"], image["size"], image["disk_format"]) != (
            "queued",
            None,
            disk_format,
        ) or why not in message:
            others[row] = (image["status"], image["size"], message)
        delete(to_raw, image_id)
    assert others == {}
    assert stored_files(to_raw) == {}


def test_what_cannot_be_converted_is_refused_at_once(to_raw: Intaglio) -> None:
    image_id = staged(to_raw, b"x" * 1000, disk_format="ploop")
    answer = httpx.post(f"{to_raw.url}/v2/images/{image_id}/import", json={"method": {"name": "glance-direct"}})
    assert (answer.status_code, "send one of" in answer.text) == (400, True)
    delete(to_raw, image_id)


SIGNED = {
    "img_signature": "c2lnbmF0dXJl",
    "img_signature_hash_method": "SHA-256",
    "img_signature_key_type": "RSA-PSS",
    "img_signature_certificate_uuid": "0a1b2c3d-0000-4000-8000-000000000000",
}


def a_signed_image_loses_its_signature(service: Intaglio) -> None:
    """As the operator said: it is converted, what cannot fit any more goes, and the image says that it was signed.

    What was sent has to be what was signed, though.
    """
    data, ann = real_image("vdi").read_bytes(), signer("Ann")
    keep(service.data / "certificates", ann)
    image_id = staged(service, data, disk_format="vdi", **ann.properties(data + b"!"))
    assert imported(service, image_id)["status"] == "queued"
    assert "not what was signed" in reason(service, image_id)
    delete(service, image_id)
    image_id = staged(service, data, disk_format="vdi", **ann.properties(data))
    image = imported(service, image_id)
    assert image["status"] == "active", reason(service, image_id)
    assert not any(name.startswith("img_signature") for name in image)
    assert image["os_glance_source_signed"] == "yes"
    delete(service, image_id)


def test_a_signed_image_is_refused(to_raw: Intaglio) -> None:
    image_id = staged(to_raw, real_image("qcow2").read_bytes(), disk_format="qcow2", **SIGNED)
    answer = httpx.post(f"{to_raw.url}/v2/images/{image_id}/import", json={"method": {"name": "glance-direct"}})
    assert (answer.status_code, "is signed" in answer.text) == (409, True)
    assert httpx.get(f"{to_raw.url}/v2/images/{image_id}").json()["status"] == "uploading"
    delete(to_raw, image_id)
