"""Every Debian package a test may need, in one place, and one apt call that brings those missing.

`make test` runs this module first. Nothing here is obligatory: without root, without apt, or with
INTAGLIO_TEST_NO_INSTALL=1 it says what is missing, and the tests that need it are skipped by name and counted.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping

from filelock import FileLock

from tests.starters.base import CACHE

PACKAGES: Mapping[str, str] = {
    "bubblewrap": "the sandbox of the tool that converts images",
    "busybox-static": "a real bootable disk",
    "ceph-common": "Ceph's own tools, the measure for transfers to RBD",
    "ceph-fuse": "CephFS, a file system that two machines share",
    "ceph-mds": "CephFS",
    "ceph-mgr": "Ceph, for its quotas",
    "ceph-mon": "Ceph, where most clouds keep images",
    "ceph-osd": "Ceph",
    "cpio": "a real bootable disk",
    "curl": "transfers in processes of their own",
    "dosfstools": "FAT file systems inside disk images",
    "e2fsprogs": "a small ext4 file system that fills up",
    "fdisk": "partition tables inside disk images",
    "fuse3": "a file system that fails on command",
    "gcc": "compiling uWSGI, under which the real Glance runs",
    "gnupg": "signatures as upstreams make them",
    "grub-rescue-pc": "a real bootable ISO to upload",
    "ipxe": "a second real bootable ISO",
    "isolinux": "a real bootable ISO of our own",
    "lhasa": "images packed by lha",
    "libc6-dev": "compiling uWSGI, under which the real Glance runs",
    "lxd-client": "reading what is exported as simplestreams",
    "mariadb-server": "MariaDB, the database of most Glance installations",
    "memcached": "the real Swift keeps tokens there",
    "memtest86+": "a real image that boots without an operating system",
    "mtools": "a real bootable disk",
    "nginx-light": "nginx, the measure for downloads",
    "openssl": "signatures by X.509 certificates as upstreams make them",
    "osinfo-db": "what libosinfo knows of operating systems",
    "postgresql-15": "PostgreSQL",
    "python3-rados": "Cinder, and volumes attached from it; the real Glance on RBD",
    "python3-rbd": "Cinder, and volumes attached from it; the real Glance on RBD",
    "qemu-block-extra": "Cinder, which converts images into RBD",
    "qemu-system-x86": "booting converted images",
    "qemu-utils": "real disk images in every format",
    "radosgw": "Ceph's own S3 server",
    "rabbitmq-server": "RabbitMQ, by which the parts of Cinder talk",
    "rclone": "the measure for transfers to object stores",
    "redis-server": "Redis, where several machines count calls together",
    "seabios": "booting converted images",
    "syslinux": "a real bootable disk",
    "syslinux-common": "a real bootable disk",
    "xorriso": "a real bootable ISO of our own",
}


def missing() -> list[str]:
    """The packages of `PACKAGES` that are not installed, by dpkg's own word; all of them where there is no dpkg."""
    if shutil.which("dpkg-query") is None:
        return list(PACKAGES)
    query = ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\\n", *PACKAGES]
    answer = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    installed = {line.split()[0] for line in answer.splitlines() if line.endswith(" installed")}
    return [package for package in PACKAGES if package not in installed]


def may_not_install() -> str | None:
    """Why nothing can be installed here, or None."""
    if os.environ.get("INTAGLIO_TEST_NO_INSTALL"):
        return "INTAGLIO_TEST_NO_INSTALL is set"
    if shutil.which("apt-get") is None:
        return "there is no apt-get"
    if os.geteuid() != 0:
        return "only root may install"
    return None


def install(packages: list[str]) -> bool:
    """One apt call for all of them; a second one after refreshing apt's lists. Whether all are there now."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    get = ["apt-get", "install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120", *packages]
    with (CACHE / "apt.log").open("ab") as log:
        for command in (get, ["apt-get", "update"], get):
            subprocess.run(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment, check=False)
            if not missing():
                return True
    return False


def main() -> None:
    wanted = missing()
    if not wanted:
        return
    lines = "\n".join(f"  {package}: {PACKAGES[package]}" for package in wanted)
    reason = may_not_install()
    if reason is not None:
        sys.stderr.write(f"Debian packages for tests that use real parts are missing, and {reason}:\n{lines}\n")
        sys.stderr.write("Tests that need them are skipped. To have them: apt install " + " ".join(wanted) + "\n")
        return
    sys.stderr.write(f"Installing Debian packages, so that tests can use the real parts:\n{lines}\n")
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / "apt.lock"):
        if not install(wanted):
            sys.stderr.write(f"Not all could be installed, see {CACHE / 'apt.log'}; the tests that need them skip.\n")


if __name__ == "__main__":
    main()
