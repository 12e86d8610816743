"""What imports learn of images: from their data, from an OVA's description, and by plug-ins that packages bring."""

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.client import stored_files
from tests.formats.test_facts import ovf
from tests.imports.client import Client
from tests.starters.images import image as real_image
from tests.starters.intaglio import Intaglio, User, intaglio

ADMIN = User("ada", "alpha", ("admin",))
MEMBER = User("mia", "alpha", ("member",))
CONF = """[image_import_opts]
image_import_plugins = image_decompression,image_introspection,counts-zeros
"""
PLUGIN = """
from intaglio.imports.plugins import PluginRefused

class CountsZeros:
    def look(self, image):
        return Look(image)

class Look:
    def __init__(self, image):
        self.image, self.zeros, self.seen = image, 0, b""

    def update(self, data):
        self.zeros += bytes(data).count(0)
        if b"EICAR" in bytes(data):
            raise PluginRefused("It is infected.")
        if b"TYPHOON" in bytes(data):
            raise KeyError("typhoon")

    def properties(self):
        return {"zeros": str(self.zeros), "os_glance_x" if self.image.name == "bad" else "partition_table": "mine"}
"""
ENTRY = "[intaglio.import_plugins]\ncounts-zeros = counts_zeros:CountsZeros\n"


def install(directory: Path) -> Path:
    """A package as pip would leave it."""
    packages = directory / "packages"
    described = packages / "counts_zeros-1.dist-info"
    described.mkdir(parents=True)
    (packages / "counts_zeros.py").write_text(PLUGIN)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: counts-zeros\nVersion: 1\n")
    (described / "entry_points.txt").write_text(ENTRY)
    return packages


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intaglio]:
    directory = tmp_path_factory.mktemp("introspection")
    (directory / "ovf-metadata.json").write_text(json.dumps({"cim_pasd": ["InstructionSet"]}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(install(directory)))
        with intaglio(directory, conf=CONF, users=[ADMIN, MEMBER]) as running:
            yield running


@pytest.fixture(scope="module")
def client(service: Intaglio) -> Iterator[Client]:
    made = Client(service, MEMBER)
    yield made
    made.close()


@pytest.fixture(scope="module")
def administrator(service: Intaglio) -> Iterator[Client]:
    made = Client(service, ADMIN)
    yield made
    made.close()


def packed(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.real
def test_a_disk_of_vmware(client: Client) -> None:
    image_id = client.staged(real_image("vmdk-stream").read_bytes(), disk_format="vmdk", vmware_adaptertype="ide?")
    image = client.imported(image_id)
    assert image["status"] == "active", client.reason(image_id)
    told = {name: image[name] for name in ("vmware_disktype", "vmware_adaptertype", "detected_format")}
    assert told == {"vmware_disktype": "streamOptimized", "vmware_adaptertype": "ide", "detected_format": "vmdk"}
    client.delete(image_id)


def test_an_administrator_knows_better(administrator: Client) -> None:
    client = administrator
    image_id = client.staged(
        real_image("vmdk-stream").read_bytes(), disk_format="vmdk", vmware_adaptertype="paraVirtual"
    )
    image = client.imported(image_id)
    assert (image["vmware_adaptertype"], image["vmware_disktype"]) == ("paraVirtual", "streamOptimized")
    client.delete(image_id)


@pytest.mark.real
def test_an_ova(client: Client) -> None:
    """The disk in it is inspected and stored as such; what the operator lists of its description is kept."""
    disk = real_image("vmdk-stream").read_bytes()
    description = ovf("<p:InstructionSet>DMTF:x86:64</p:InstructionSet><p:Limit>4</p:Limit>")
    data = packed(("a.ovf", description), ("a-disk1.vmdk", disk), ("a.mf", b"SHA256(a.ovf)= 0"))
    image_id = client.staged(data, disk_format="vmdk", container_format="ova")
    image = client.imported(image_id)
    assert image["status"] == "active", client.reason(image_id)
    assert (image["container_format"], image["size"], image["vmware_disktype"]) == (
        "bare",
        len(disk),
        "streamOptimized",
    )
    assert {name: value for name, value in image.items() if name.startswith("cim_")} == {
        "cim_pasd_InstructionSet": "DMTF:x86:64"
    }
    client.delete(image_id)
    hostile = packed(("a.ovf", description), ("a-disk1.vmdk", real_image("vmdk-foreign-extent").read_bytes()))
    image_id = client.staged(hostile, disk_format="vmdk", container_format="ova")
    image = client.imported(image_id)
    assert (image["status"], image["container_format"]) == ("queued", "ova")
    assert "not safe" in client.reason(image_id)
    client.delete(image_id)


def test_a_plugin_of_another_package(client: Client) -> None:
    """It sees the bytes unpacked, and what it says is preferred."""
    image_id = client.staged(real_image("gpt").read_bytes())
    image = client.imported(image_id)
    assert image["zeros"] == str(real_image("gpt").read_bytes().count(0))
    assert image["partition_table"] == "mine"
    client.delete(image_id)


@pytest.mark.parametrize(
    ("data", "name", "said", "kept"),
    [
        (b"EICAR", "n", "It is infected.", False),
        (b"TYPHOON", "n", "'counts-zeros' failed: KeyError('typhoon')", True),
        (b"fine", "bad", "the service's own", True),
    ],
    ids=["refuses", "fails", "names-what-is-not-its"],
)
def test_what_a_plugin_does_not_let_in(client: Client, data: bytes, name: str, said: str, kept: bool) -> None:
    """Of data that it refuses nothing is kept; an accident of its own leaves them for another attempt."""
    image_id = client.staged(data, name=name)
    image = client.imported(image_id)
    assert image["status"] == ("uploading" if kept else "queued")
    assert said in client.reason(image_id)
    assert image["size"] == (len(data) if kept else None)
    assert stored_files(client.service) == {}
    client.delete(image_id)
