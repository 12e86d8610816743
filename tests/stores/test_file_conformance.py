"""The file store keeps the contract: with unnamed files, with named ones, sparse, and over several directories."""

from pathlib import Path
from typing import ClassVar

from intaglio.stores.base import Store
from intaglio.stores.conformance import StoreConformance
from intaglio.stores.drivers.file import FileStore
from intaglio.stores.drivers.file_places import HIDDEN


class FileConformance(StoreConformance):
    options: ClassVar[dict[str, object]] = {}

    def make(self, workspace: Path) -> Store:
        return FileStore("file", {"filesystem_store_datadir": str(workspace), **self.options})

    def leftovers(self, workspace: Path) -> list[str]:
        return [path.name for path in workspace.rglob("*") if path.is_file() and path.name != "lock"]


class TestUnnamed(FileConformance):
    pass


class TestNamed(FileConformance):
    """As on a file system without O_TMPFILE; the real one (FUSE) is in test_file_faults."""

    def make(self, workspace: Path) -> Store:
        store = FileStore("file", {"filesystem_store_datadir": str(workspace)})
        for place in store._places:
            place.unnamed = False
        return store


class TestThin(FileConformance):
    options: ClassVar[dict[str, object]] = {"filesystem_thin_provisioning": True}


class TestSeveralDirectories(FileConformance):
    def make(self, workspace: Path) -> Store:
        directories = [f"{workspace}/a:10", f"{workspace}/b:10", f"{workspace}/c"]
        return FileStore("file", {"filesystem_store_datadirs": directories})


def test_the_hidden_directory_can_never_be_a_key() -> None:
    assert HIDDEN.startswith(".")
