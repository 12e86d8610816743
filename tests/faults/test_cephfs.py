"""One file system that two machines share: each has its own mount of a real CephFS, and all else in one PostgreSQL.

A machine is a service with mounts of its own (a mount namespace), where the share has the same path as on the other.
"""

import dataclasses
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from intaglio.stores.drivers.file_marks import MARK
from tests.faults.client import MIB, content, create, get, put, show
from tests.starters.base import Missing, wait_until
from tests.starters.ceph import Ceph
from tests.starters.cephfs import CephFs, Mount, cephfs
from tests.starters.intaglio import Intaglio, intaglio
from tests.starters.postgresql import postgresql

pytestmark = [pytest.mark.real, pytest.mark.slow]

_CONF = """\
[DEFAULT]
enabled_backends = share:file
[glance_store]
default_backend = share
[share]
filesystem_store_datadir = {share}/images
[database]
connection = {database}
"""


@dataclasses.dataclass
class Machine:
    """A service, and its share, which is at the same place on every machine."""

    service: Intaglio
    share: Path
    mount: Mount

    @property
    def url(self) -> str:
        return self.service.url

    def images(self) -> set[str]:
        """The names of what lies in the store, as this machine has it mounted."""
        return {path.name for path in (self.mount.directory / "images").iterdir() if path.is_file()} - {MARK}

    def unmount(self) -> None:
        """The share goes away under the running service; its mount point stays, and is empty."""
        self._inside("umount", "--lazy", self.share)

    def remount(self) -> None:
        self._inside("mount", "--bind", self.mount.directory, self.share)

    def below(self) -> list[str]:
        """What the machine has at the share's place, mounted or not."""
        return self._inside("find", self.share, "-mindepth", "1").split()

    def health(self) -> httpx.Response:
        return httpx.get(f"{self.url}/healthcheck?detailed", timeout=30)

    def _inside(self, *command: str | Path) -> str:
        entered = ["nsenter", "--mount", f"--target={self.service.pid}", *command]
        return subprocess.run(entered, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def shared_files(tmp_path_factory: pytest.TempPathFactory, ceph_cluster: Ceph) -> Iterator[CephFs]:
    with cephfs(ceph_cluster, tmp_path_factory.mktemp("cephfs")) as made:
        yield made


@pytest.fixture
def machines(tmp_path: Path, shared_files: CephFs) -> Iterator[tuple[Machine, Machine]]:
    share = tmp_path / "share"
    share.mkdir()
    if subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode:
        raise Missing("two machines: a mount namespace needs root")
    with ExitStack() as stack:
        conf = _CONF.format(share=share, database=stack.enter_context(postgresql()).create("glance"))

        def machine(name: str) -> Machine:
            mount = stack.enter_context(shared_files.mounted(tmp_path / name / "mount"))
            (mount.directory / "images").mkdir(exist_ok=True)
            script = f'mount --bind "{mount.directory}" "{share}" && exec "$@"'
            within = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
            made = intaglio(tmp_path / name, auth="none", workers=1, conf=conf, within=within)
            return Machine(stack.enter_context(made), share, mount)

        yield machine("first"), machine("second")


def test_what_one_machine_writes_the_other_has(machines: tuple[Machine, Machine]) -> None:
    """Uploads and deletions of either are those of both, while both are at work."""
    first, second = machines
    data = content(3 * MIB + 17)
    image_id, other = create(first.url), create(second.url)
    assert put(first.url, image_id, data).status_code == 204
    assert put(second.url, other, data[:MIB]).status_code == 204
    assert (get(second.url, image_id).content, get(first.url, other).content) == (data, data[:MIB])
    part = httpx.get(f"{second.url}/v2/images/{image_id}/file", headers={"Range": "bytes=5-104"})
    assert (part.status_code, part.content) == (206, data[5:105])
    assert put(second.url, image_id, data).status_code == 409
    assert first.images() == second.images() == {image_id, other}
    assert httpx.delete(f"{second.url}/v2/images/{image_id}").status_code == 204
    assert get(first.url, image_id).status_code == 404
    assert httpx.delete(f"{first.url}/v2/images/{other}").status_code == 204
    wait_until(lambda: first.images() == second.images() == set(), "the data to go")


def test_one_machine_loses_its_mount(machines: tuple[Machine, Machine]) -> None:
    """It says so, writes nothing to the disk below, and takes nothing for lost; the other goes on; all heals."""
    first, second = machines
    data = content(MIB)
    before, refused, gone = create(first.url), create(second.url), create(first.url)
    for each in (before, gone):
        assert put(first.url, each, data).status_code == 204
    second.unmount()
    health = second.health()
    assert (health.status_code, health.json()["stores"]["share"]["healthy"]) == (503, False)
    assert put(second.url, refused, data).status_code == 503
    assert get(second.url, before).status_code == 503
    assert httpx.delete(f"{second.url}/v2/images/{gone}").status_code == 204
    assert second.below() == [], "nothing is written to the machine's own disk"
    assert first.health().status_code == 200
    assert get(first.url, before).content == data
    later = create(first.url)
    assert put(first.url, later, data).status_code == 204
    wait_until(lambda: first.images() == {before, later}, "the first machine to finish the deletion", 60)
    second.remount()
    wait_until(lambda: second.health().status_code == 200, "the second machine to find its share again")
    assert get(second.url, later).content == data
    assert show(second.url, refused)["status"] == "queued"
    assert put(second.url, refused, data).status_code == 204
    assert get(first.url, refused).content == data


def test_one_machines_client_dies(machines: tuple[Machine, Machine]) -> None:
    """Every access to the mount fails at once (ENOTCONN): an error that says so, and the other machine serves."""
    first, second = machines
    data = content(MIB)
    image_id, refused = create(first.url), create(second.url)
    assert put(first.url, image_id, data).status_code == 204
    assert get(second.url, image_id).content == data
    second.mount.die()
    answer = put(second.url, refused, data)
    assert (answer.status_code, "'share'" in answer.text) == (503, True)
    assert get(second.url, image_id).status_code == 503
    assert second.health().json()["stores"]["share"]["healthy"] is False
    assert get(first.url, image_id).content == data
