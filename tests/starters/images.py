"""Disk images as the world makes them (qemu-img, sfdisk, mkfs.fat, Debian's ISO files), and hostile variants of them.

Each is made once, into the cache, and found by its name: `image("qcow2")`. All are small and alike in every run.
"""

import random
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from tests.starters.base import CACHE, Missing, debian

MIB = 1 << 20
DISK_SIZE = 4 * MIB
_GRUB_ISO = "/usr/lib/grub-rescue/grub-rescue-cdrom.iso"
_IPXE_ISO = "/usr/lib/ipxe/ipxe.iso"
_SECRET = ("--object", "secret,id=key,data=correct horse battery staple")

Maker = Callable[[Path], None]
_MAKERS: dict[str, Maker] = {}


def image(name: str) -> Path:
    """The image called `name` (see `NAMES`), made when it is asked for the first time. Raises `Missing`."""
    folder = CACHE / "images"
    path = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    if path.exists():
        return path
    with FileLock(f"{path}.lock"):
        if not path.exists():
            work = folder / f"{name}.making"
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            _MAKERS[name](work / "image")
            (work / "image").rename(path)
            shutil.rmtree(work)
    return path


def _maker(name: str) -> Callable[[Maker], Maker]:
    def register(make: Maker) -> Maker:
        _MAKERS[name] = make
        return make

    return register


def _run(*command: str | Path, text: str | None = None) -> None:
    for _ in range(10):
        done = subprocess.run([str(word) for word in command], input=text, capture_output=True, text=True, check=False)
        if not done.returncode:
            return
        if "accurate CPU usage" not in done.stderr:  # LUKS measures the machine's speed, in vain while it is busy
            break
    raise Missing(f"{command[0]} failed: {done.stderr.strip()}")


def _qemu_img(*words: str | Path) -> None:
    debian(["qemu-utils"], "images are made with qemu-img", provides=["qemu-img"])
    _run("qemu-img", *words)


def _disk() -> bytes:
    """The contents of every converted image: some data, a hole, some data; no partition table."""
    dice = random.Random(20)
    return (
        bytes(512)
        + dice.randbytes(MIB - 512)
        + bytes(MIB)
        + dice.randbytes(64 * 1024)
        + bytes(DISK_SIZE - 2 * MIB - 64 * 1024)
    )


def _convert(target: Path, driver: str, *options: str) -> None:
    plain = target.with_name("plain")
    plain.write_bytes(_disk())
    _qemu_img("convert", "-f", "raw", "-O", driver, *options, plain, target)


def _converted(name: str, driver: str, *options: str) -> None:
    @_maker(name)
    def make(target: Path) -> None:
        _convert(target, driver, *options)


def _changed(name: str, original: str, change: Callable[[bytearray], None]) -> None:
    @_maker(name)
    def make(target: Path) -> None:
        data = bytearray(image(original).read_bytes())
        change(data)
        target.write_bytes(data)


def _written(name: str, content: Callable[[], bytes]) -> None:
    @_maker(name)
    def make(target: Path) -> None:
        target.write_bytes(content())


_converted("qcow2", "qcow2")
_converted("qcow2-compressed", "qcow2", "-c", "-o", "compression_type=zlib")
_converted("qcow2-v2", "qcow2", "-o", "compat=0.10")
_converted("vmdk-sparse", "vmdk", "-o", "subformat=monolithicSparse")
_converted("vmdk-stream", "vmdk", "-o", "subformat=streamOptimized")
_converted("vdi", "vdi")
_converted("vhd-dynamic", "vpc", "-o", "subformat=dynamic")
_converted("vhd-fixed", "vpc", "-o", "subformat=fixed")
_converted("vhdx", "vhdx")
_converted("qed", "qed")
_converted("parallels", "parallels")
_converted("luks", "luks", *_SECRET, "-o", "key-secret=key,iter-time=200")
_converted(
    "qcow2-luks",
    "qcow2",
    *_SECRET,
    "-o",
    "encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=200",
)

# plain contents
_written("raw", _disk)
_written("zeros", lambda: bytes(MIB))
_written("empty", lambda: b"")
_written("one-byte", lambda: b"x")
_written("short", lambda: b"KDMV" + bytes(36))
_written("sector-less-one", lambda: bytes(511))
_written("random", lambda: random.Random(7).randbytes(3 * MIB))
_written("text", lambda: b"just some text, no disk image at all\n" * 60_000)
_written("text-utf8", lambda: b"# plain words\n" * 100 + "und etwas Grün\n".encode() * 100)
_written(
    "script-with-payload", lambda: b"#!/bin/sh\n# unpacks what follows\n" * 60 + random.Random(8).randbytes(2 * MIB)
)


@_maker("gpt")
def _gpt(target: Path) -> None:
    _partitioned(target, "label: gpt\nlabel-id: 1B2B3B4B-0000-4000-8000-000000000001\nstart=2048, size=2048, type=L\n")


@_maker("mbr")
def _mbr(target: Path) -> None:
    _partitioned(target, "label: dos\nlabel-id: 0x1b2b3b4b\nstart=2048, size=2048, type=83, bootable\n")


def _partitioned(target: Path, script: str) -> None:
    debian(["fdisk"], "partition tables are made with sfdisk", provides=["/sbin/sfdisk"])
    target.write_bytes(bytes(DISK_SIZE))
    _run("/sbin/sfdisk", "--quiet", "--no-tell-kernel", target, text=script)


@_maker("fat")
def _fat(target: Path) -> None:
    debian(["dosfstools"], "a FAT file system is made with mkfs.fat", provides=["/sbin/mkfs.fat"])
    target.write_bytes(bytes(DISK_SIZE))
    _run("/sbin/mkfs.fat", "-i", "12345678", target)


@_maker("iso-hybrid")
def _iso_hybrid(target: Path) -> None:
    debian(["grub-rescue-pc"], "a real bootable ISO image", provides=[_GRUB_ISO])
    shutil.copyfile(_GRUB_ISO, target)


@_maker("iso-plain")
def _iso_plain(target: Path) -> None:
    debian(["ipxe"], "a second real bootable ISO image", provides=[_IPXE_ISO])
    shutil.copyfile(_IPXE_ISO, target)


# hostile: images that make the tool which opens them read or write something else
@_maker("qcow2-backing-file")
def _backing_file(target: Path) -> None:
    _qemu_img("create", "-q", "-f", "qcow2", "-u", "-F", "raw", "-b", "/etc/passwd", target, str(DISK_SIZE))


@_maker("qcow2-data-file")
def _data_file(target: Path) -> None:
    outside = target.with_name("outside")
    _qemu_img("create", "-q", "-f", "qcow2", "-o", f"data_file={outside},data_file_raw=on", target, str(DISK_SIZE))


@_maker("vmdk-flat")
def _vmdk_flat(target: Path) -> None:
    made = target.with_suffix(".vmdk")
    _convert(made, "vmdk", "-o", "subformat=monolithicFlat")
    made.rename(target)


def _set_features(bits: int) -> Callable[[bytearray], None]:
    def change(data: bytearray) -> None:
        struct.pack_into(">Q", data, 72, bits)

    return change


def _replace(old: bytes, new: bytes) -> Callable[[bytearray], None]:
    def change(data: bytearray) -> None:
        at = data.index(old)
        end = data.index(b"\n", at)
        line = new.ljust(end - at)[: end - at] if len(new) <= end - at else new
        data[at : at + len(line)] = line

    return change


def _footer(marker: int, fields: dict[str, int] | None = None) -> Callable[[bytearray], None]:
    """Turn a sparse VMDK into one whose grain directory is said to be named by a footer."""

    def change(data: bytearray) -> None:
        header = bytearray(data[:512])
        struct.pack_into("<Q", data, 56, 2**64 - 1)
        if fields:
            struct.pack_into("<Q", header, 28, fields["descriptor_sector"])
        data += struct.pack("<QII", 1, 0, marker).ljust(512, b"\0") + header + bytes(512)

    return change


_changed("qcow2-unknown-feature", "qcow2", _set_features(1 << 40))
_changed("qcow2-version-9", "qcow2", lambda data: struct.pack_into(">I", data, 4, 9))
_changed("qcow2-truncated", "qcow2", lambda data: data.__delitem__(slice(300, None)))
_changed("vmdk-foreign-extent", "vmdk-sparse", _replace(b"RW ", b'RW 1 FLAT "/etc/passwd" 0'))
_changed("vmdk-no-extent", "vmdk-sparse", _replace(b"RW ", b"#"))
_changed("vmdk-odd-line", "vmdk-sparse", _replace(b"RW ", b"include everything"))
_changed("vmdk-other-type", "vmdk-sparse", _replace(b"createType=", b'createType="custom"'))
_changed("vmdk-descriptor-elsewhere", "vmdk-sparse", lambda data: struct.pack_into("<Q", data, 28, 2))
_changed("vmdk-truncated", "vmdk-sparse", lambda data: data.__delitem__(slice(700, None)))
_changed("vmdk-with-footer", "vmdk-sparse", _footer(3))
_changed("vmdk-bad-footer", "vmdk-sparse", _footer(2))
_changed("vmdk-footer-elsewhere", "vmdk-sparse", _footer(3, {"descriptor_sector": 5}))
_changed("vhdx-truncated", "vhdx", lambda data: data.__delitem__(slice(200 * 1024, None)))
_changed("vhdx-no-regions", "vhdx", lambda data: data.__setitem__(slice(192 * 1024, 256 * 1024), bytes(64 * 1024)))
_changed("vdi-truncated", "vdi", lambda data: data.__delitem__(slice(200, None)))
_changed("luks-version-2", "luks", lambda data: struct.pack_into(">H", data, 6, 2))
_changed("mbr-bad-flag", "mbr", lambda data: data.__setitem__(446, 0x17))
_changed("mbr-no-partition", "mbr", lambda data: data.__setitem__(slice(446, 510), bytes(64)))
_changed("gpt-extra-partition", "gpt", lambda data: data.__setitem__(466, 0x83))
_changed("gpt-bad-start", "gpt", lambda data: data.__setitem__(454, 0x07))
# the header of one format in a place that another leaves free
_changed(
    "iso-with-qcow2", "iso-plain", lambda data: data.__setitem__(slice(0, 32768), image("qcow2").read_bytes()[:32768])
)
_changed("qcow2-with-mbr", "qcow2", lambda data: data.__setitem__(slice(446, 512), image("mbr").read_bytes()[446:512]))
_changed(
    "iso-with-vmdk", "iso-plain", lambda data: data.__setitem__(slice(0, 64), image("vmdk-sparse").read_bytes()[:64])
)


def _flat_descriptor(comment: bytes, padding: int) -> bytes:
    head = b"# Disk DescriptorFile\nversion=1\n" + b"# nothing to see here, move on\n" * padding
    return head + b'createType="monolithicFlat"\nRW 8 FLAT "/etc/passwd" 0\n' + comment


_written("vmdk-text-far", lambda: _flat_descriptor(b"", 10_000))
_written("vmdk-text-utf8", lambda: _flat_descriptor("# é\n".encode(), 100))

NAMES = tuple(_MAKERS)
