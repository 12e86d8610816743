"""A real bootable Linux disk in the formats of the world, and a machine that boots it to its first words.

The kernel is Debian's for clouds, the rest is busybox: on its serial port the disk says `GREETING`, and powers off. No
mounts, no loop devices; of root's rights only those that install what is missing.
"""

import gzip
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from filelock import FileLock

from tests.starters.base import CACHE, Missing, debian, process, wait_until

MIB = 1 << 20
DISK_SIZE = 48 * MIB
_START = 1 * MIB  # of the partition
GREETING = "intaglio-test-disk is up"
SECONDS = 240
"""For a boot without hardware's help on a machine that is busy with other things."""

_INIT = f"""#!/bin/busybox sh
/bin/busybox mkdir -p /proc /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
echo "{GREETING}, Linux $(/bin/busybox uname -r)" > /dev/ttyS0
/bin/busybox poweroff -f
"""
_BOOT = "default l\nprompt 0\ntimeout 1\nlabel l\n kernel /vmlinuz\n append initrd=/initrd.gz console=ttyS0 quiet\n"
_KERNEL = "linux-image-cloud-amd64"
_TOOLS = ("syslinux", "mcopy", "/sbin/mkfs.fat", "/sbin/sfdisk", "cpio", "/bin/busybox", "xorriso", "qemu-img")
_PACKAGES = (
    *("syslinux", "syslinux-common", "isolinux", "mtools", "dosfstools", "fdisk", "cpio", "busybox-static"),
    *("xorriso", "qemu-utils"),
)

FORMATS: Mapping[str, tuple[str, Sequence[str]]] = {
    "raw": ("raw", ()),
    "qcow2": ("qcow2", ()),
    "qcow2-zlib": ("qcow2", ("-c",)),
    "qcow2-zstd": ("qcow2", ("-c", "-o", "compression_type=zstd")),
    "vmdk-sparse": ("vmdk", ("-o", "subformat=monolithicSparse")),
    "vmdk-stream": ("vmdk", ("-o", "subformat=streamOptimized")),
    "vdi": ("vdi", ()),
    "vhd-dynamic": ("vpc", ("-o", "subformat=dynamic,force_size=on")),
    "vhd-fixed": ("vpc", ("-o", "subformat=fixed,force_size=on")),
    "vhdx": ("vhdx", ()),
}
"""By name: how qemu-img calls the format, and with what options it makes it. Beside them there is `iso`."""


def bootable(name: str) -> Path:
    """The disk in the format of that name, one of `FORMATS` or `iso`, made when it is asked for first.

    Raises `Missing`.
    """
    folder = CACHE / "bootable"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    with FileLock(folder / "lock"):
        if not path.exists():
            work = folder / "making"
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            _make(name, folder, work)
            (work / "image").rename(path)
            shutil.rmtree(work)
    return path


def _make(name: str, folder: Path, work: Path) -> None:
    if name == "iso":
        _with_parts(work, _iso)
    elif name == "raw":
        _with_parts(work, _disk)
    else:
        raw = folder / "raw"
        if not raw.exists():
            _with_parts(work, _disk)
            (work / "image").rename(raw)
        driver, options = FORMATS[name]
        _run("qemu-img", "convert", "-f", "raw", "-O", driver, *options, raw, work / "image")


def _with_parts(work: Path, make: Callable[[Path], None]) -> None:
    """Put kernel, first file system and boot loader's configuration into `work`, and `make` an image of them."""
    debian(_PACKAGES, "a bootable disk", provides=_TOOLS)
    _kernel(work)
    root = work / "root"
    (root / "bin").mkdir(parents=True)
    shutil.copyfile("/bin/busybox", root / "bin/busybox")
    (root / "bin/busybox").chmod(0o755)
    (root / "init").write_text(_INIT)
    (root / "init").chmod(0o755)
    names = b"\0".join([b".", b"bin", b"bin/busybox", b"init"])
    packed = subprocess.run(
        ["cpio", "--create", "--format=newc", "--null", "--quiet", "--reproducible"],
        input=names,
        cwd=root,
        capture_output=True,
        check=True,
    )
    (work / "initrd.gz").write_bytes(gzip.compress(packed.stdout, mtime=0))
    (work / "syslinux.cfg").write_text(f"serial 0 115200\n{_BOOT}")
    make(work)


def _kernel(work: Path) -> None:
    """Debian's newest kernel for clouds, taken out of its package."""
    depends = _run("apt-cache", "depends", _KERNEL)
    package = next((line.split()[-1] for line in depends.splitlines() if "Depends: linux-image" in line), None)
    if package is None:
        raise Missing(f"apt does not know of a kernel ({_KERNEL}) for the bootable disk")
    work.chmod(0o777)  # apt fetches as nobody
    _run("apt-get", "download", "-qq", package, cwd=work)
    [fetched] = work.glob("*.deb")
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", fetched], stdout=subprocess.PIPE) as unpacking:
        wanted = ["tar", "--extract", "--wildcards", "./boot/vmlinuz*"]
        subprocess.run(wanted, stdin=unpacking.stdout, cwd=work, check=True)
    [kernel] = (work / "boot").glob("vmlinuz*")
    kernel.rename(work / "vmlinuz")


def _disk(work: Path) -> None:
    """An MBR with one FAT partition, from which syslinux boots."""
    image, part = work / "image", work / "part"
    for file, size in ((image, DISK_SIZE), (part, DISK_SIZE - _START)):
        with file.open("wb") as made:
            made.truncate(size)
    _run(
        "/sbin/sfdisk", "-q", image, text=f"label: dos\nlabel-id: 0x696e7461\nstart={_START // 512}, type=c, bootable\n"
    )
    _run("/sbin/mkfs.fat", "-h", str(_START // 512), "-n", "INTAGLIO", "-i", "696e7461", part)
    _run("mcopy", "-i", part, work / "vmlinuz", work / "initrd.gz", work / "syslinux.cfg", "::/")
    _run("syslinux", "--install", part)
    code = Path("/usr/lib/syslinux/mbr/mbr.bin").read_bytes()[:440]
    with image.open("r+b") as disk, part.open("rb") as filled:
        disk.write(code)
        disk.seek(_START)
        while piece := filled.read(MIB):
            if piece.strip(b"\0"):
                disk.write(piece)
            else:
                disk.seek(len(piece), 1)


def _iso(work: Path) -> None:
    """A disc that boots by isolinux, also when it is written onto a disk."""
    tree = work / "iso"
    (tree / "isolinux").mkdir(parents=True)
    for name in ("vmlinuz", "initrd.gz"):
        shutil.copyfile(work / name, tree / name)
    shutil.copyfile(work / "syslinux.cfg", tree / "isolinux/isolinux.cfg")
    for file in ("/usr/lib/ISOLINUX/isolinux.bin", "/usr/lib/syslinux/modules/bios/ldlinux.c32"):
        shutil.copy(file, tree / "isolinux")
    loader = ("-b", "isolinux/isolinux.bin", "-c", "isolinux/boot.cat", "-no-emul-boot", "-boot-load-size", "4")
    hybrid = ("-boot-info-table", "-isohybrid-mbr", "/usr/lib/ISOLINUX/isohdpfx.bin")
    _run("xorriso", "-as", "mkisofs", "-quiet", "-o", work / "image", *loader, *hybrid, tree)


def console(path: Path, work: Path, driver: str = "raw", *, wanted: str = GREETING) -> str:
    """What a machine says on its serial port that boots the image, up to the words `wanted`; the image stays as it is.

    Raises `Missing`, and TimeoutError when it does not say them.
    """
    program = "qemu-system-x86_64"
    debian(["qemu-system-x86", "seabios"], "a machine that boots images", provides=[program])
    said = work / "console"
    said.write_bytes(b"")
    kind = ("-cdrom", path) if driver == "iso" else ("-drive", f"file={path},format={driver},if=ide,snapshot=on")
    machine = (program, "-machine", "pc,accel=tcg", "-m", "192", "-display", "none", "-nic", "none", "-no-reboot")
    command = [*machine, "-serial", f"file:{said}", *kind]
    with process(command, log=work / "machine.log") as running:

        def ready() -> bool:
            over = running.poll() is not None
            found = wanted in said.read_text(errors="replace")
            if over and not found:
                raise AssertionError(f"it did not boot: {said.read_text(errors='replace')[-2000:]}")
            return found

        wait_until(ready, f"{path.name}, booting up to {wanted!r} (see {said}),", SECONDS)
    return said.read_text(errors="replace")


def _run(*words: str | Path, text: str | None = None, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [str(word) for word in words], input=text, capture_output=True, text=True, check=False, cwd=cwd
    )
    if done.returncode:
        raise Missing(f"{words[0]} failed: {done.stderr.strip()[-500:]}")
    return done.stdout
