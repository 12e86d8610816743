"""CephFS, a real file system that machines share: on a cluster of the tests, mounted by FUSE where one likes.

with cephfs(cluster, directory) as share, share.mounted(first) as mount:
    files in mount.directory ...
    mount.leave()           # the mount point is there, and empty
"""

import contextlib
import dataclasses
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.starters.base import Missing, debian, process, wait_until
from tests.starters.ceph import Ceph, CommandFailed

PACKAGES = ("ceph-mds", "ceph-fuse")
_NAME = "shared"


@dataclasses.dataclass
class Mount:
    """One machine's view of the share."""

    directory: Path
    client: int

    def leave(self) -> None:
        """Unmount it, whoever uses it: what is left is an empty directory of the machine's own disk."""
        subprocess.run(["umount", "--lazy", str(self.directory)], check=True, capture_output=True)

    def die(self) -> None:
        """The client is gone and the mount stays: every access fails (ENOTCONN)."""
        os.kill(self.client, signal.SIGKILL)


@dataclasses.dataclass
class CephFs:
    """A file system that may be mounted any number of times."""

    cluster: Ceph
    keyring: Path
    log: Path

    @contextlib.contextmanager
    def mounted(self, target: Path) -> Iterator[Mount]:
        """Mount it there until the block ends, as another machine would. Raises `Missing`."""
        target.mkdir(parents=True, exist_ok=True)
        login = ["--conf", str(self.cluster.conf), "-n", "client.share", "--keyring", str(self.keyring)]
        command = ["ceph-fuse", *login, "-f", str(target), "--client-mount-timeout=20"]
        with process(command, log=self.log) as running:

            def ready() -> bool:
                if running.poll() is not None:
                    raise Missing(f"CephFS: ceph-fuse ended, see {self.log}")
                return target.is_mount()

            try:
                wait_until(ready, "CephFS's mount")
                yield Mount(target, running.pid)
            finally:
                subprocess.run(["umount", "--lazy", str(target)], check=False, capture_output=True)


@contextlib.contextmanager
def cephfs(cluster: Ceph, directory: Path) -> Iterator[CephFs]:
    """The file system until the block ends. Needs root and FUSE. Raises `Missing`."""
    if os.geteuid() != 0 or not os.access("/dev/fuse", os.R_OK | os.W_OK):
        raise Missing("CephFS: needs root and /dev/fuse")
    debian(PACKAGES, "CephFS", provides=["ceph-mds", "ceph-fuse"])
    (directory / "mds").mkdir(parents=True)
    keyring, mds = directory / "share.keyring", directory / "mds.keyring"
    try:
        allowed = ["mon", "profile mds", "osd", "allow rw tag cephfs *=*", "mgr", "profile mds", "mds", "allow"]
        mds.write_text(cluster.run("ceph", "auth", "get-or-create", "mds.a", *allowed))
        for pool in (f"{_NAME}-meta", f"{_NAME}-data"):
            cluster.ask("osd", "pool", "create", pool, "4", "4")
        cluster.ask("fs", "new", _NAME, f"{_NAME}-meta", f"{_NAME}-data")
        allowed = ["mon", "allow r", "mds", "allow rw", "osd", f"allow rw tag cephfs data={_NAME}"]
        keyring.write_text(cluster.run("ceph", "auth", "get-or-create", "client.share", *allowed))
    except CommandFailed as error:
        raise Missing(f"CephFS: {error}") from error
    command = ["ceph-mds", "--conf", str(cluster.conf), "-i", "a", "-f", "--keyring", str(mds)]
    command += [f"--mds-data={directory}/mds", f"--log-file={directory}/mds.log", "--mds-reconnect-timeout=2"]
    with process(command, log=directory / "mds.out", stop=signal.SIGKILL) as running:

        def ready() -> bool:
            if running.poll() is not None:
                raise Missing(f"CephFS: ceph-mds ended while starting, see {directory}/mds.out")
            ranks = cluster.ask("fs", "get", _NAME)["mdsmap"]["info"].values()
            return any(rank["state"] == "up:active" for rank in ranks)

        wait_until(ready, "CephFS's metadata server", seconds=90)
        yield CephFs(cluster, keyring, directory / "fuse.log")
