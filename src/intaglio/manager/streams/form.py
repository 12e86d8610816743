"""The two documents of simplestreams: an index that names lists of products, and such a list with its files."""

from datetime import datetime
from email.utils import format_datetime

import msgspec

INDEX, PRODUCTS = "index:1.0", "products:1.0"
DOWNLOADS = "image-downloads"
ARCHITECTURES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "armhf",
    "i686": "i386",
    "ppc64le": "ppc64el",
    "risc-v": "riscv64",
}
"""Debian's names, which simplestreams uses; others are the same."""


class Item(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A file. The `combined` digests are those of the metadata and the disk behind each other: Incus's fingerprint."""

    ftype: str = ""
    path: str = ""
    size: int | None = None
    sha256: str | None = None
    combined_disk: str | None = msgspec.field(default=None, name="combined_disk1-img_sha256")


class Build(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One version of a product. `upstream_digest` is ours: what the disk was verified by."""

    items: dict[str, Item] = {}
    label: str = ""
    pubname: str = ""
    upstream_digest: str = ""


class Product(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One kind of image."""

    arch: str = ""
    os: str = ""
    release: str = ""
    release_title: str = ""
    version: str = ""
    variant: str = ""
    aliases: str = ""
    supported: bool = False
    support_eol: str = ""
    requirements: dict[str, str] = {}
    lxd_requirements: dict[str, str] = {}  # the same, as LXD calls it
    label: str = ""
    subarch: str = ""  # this and the next two are MAAS's
    subarches: str = ""
    kflavor: str = ""
    versions: dict[str, Build] = {}


class Products(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A list of products."""

    format: str
    content_id: str = ""
    datatype: str = ""
    updated: str = ""
    products: dict[str, Product] = {}


class Entry(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A list of products, as the index names it."""

    path: str
    datatype: str = ""
    format: str = ""
    updated: str = ""
    products: list[str] = []


class Index(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What a tree has."""

    format: str
    updated: str = ""
    index: dict[str, Entry] = {}


def architecture(name: str) -> str:
    """An architecture as simplestreams calls it."""
    return ARCHITECTURES.get(name, name)


def stamp(moment: datetime) -> str:
    """A time as these documents have it."""
    return format_datetime(moment)
