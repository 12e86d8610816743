"""A tree of simplestreams in a directory: files first, then what names them; what nothing names any more goes."""

import contextlib
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from intaglio.manager.streams import signing
from intaglio.manager.streams.form import DOWNLOADS, INDEX, PRODUCTS, Entry, Index, Product, Products, stamp

HERE = Path("streams/v1")
_FILES = "images"
_LIST = HERE / "images.json"
_INDEX = HERE / "index.json"
_FORMER = HERE / ".former.json"


class Tree:
    """A directory that a web server shows."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / HERE).mkdir(parents=True, exist_ok=True)

    def products(self) -> dict[str, Product]:
        """What the tree has now; nothing when it is new or not readable."""
        try:
            return msgspec.json.decode((self.root / _LIST).read_bytes(), type=Products).products
        except (OSError, msgspec.DecodeError):
            return {}

    def has(self, path: str, size: int | None) -> bool:
        """Whether a file is there, whole."""
        with contextlib.suppress(OSError):
            return (self.root / path).stat().st_size == size
        return False

    def put(self, path: str, data: bytes) -> None:
        """A file, whole or not at all."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        part = self.part(path)
        with part.open("wb") as out:
            out.write(data)
            os.fchmod(out.fileno(), 0o644)
            os.fsync(out.fileno())
        part.replace(target)

    def part(self, path: str) -> Path:
        """Where a file is made before it gets its name."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        return target.with_name(f".{target.name}.part")

    def publish(self, products: dict[str, Product], now: datetime, key: str | None) -> bool:
        """Name the products, signed when there is a key; whether that changed anything. Raises `NotSigned`.

        A tree that is not signed any more has no signed documents any more: they would say what was.
        """
        before = self.products()
        signed = (self.root / _INDEX.with_suffix(".sjson")).exists()
        if before == products and signed == (key is not None) and (self.root / _INDEX).exists():
            return False
        listing = Products(
            format=PRODUCTS, content_id="images", datatype=DOWNLOADS, updated=stamp(now), products=products
        )
        documents = dict(_documents(listing, key))  # all of them, before the first is seen
        for path, data in documents.items():
            self.put(path, data)
        for each in (_INDEX, _LIST):
            for ending in (".sjson", ".json.gpg"):
                if each.with_suffix(ending).as_posix() not in documents:
                    (self.root / each.with_suffix(ending)).unlink(missing_ok=True)
        return True

    def sweep(self, products: dict[str, Product], before: dict[str, Product]) -> list[str]:
        """Remove files that were named once, and are named neither now nor were in the list before; which.

        What never was named by this tree is somebody else's, and stays.
        """
        now, old, former = _paths(products), _paths(before), self._former()
        gone = sorted(former - now - old)
        for path in gone:
            (self.root / path).unlink(missing_ok=True)
            for parent in (self.root / path).parents:
                if parent == self.root:
                    break
                with contextlib.suppress(OSError):
                    parent.rmdir()
        left = sorted((old | former) - now - set(gone))
        if set(left) != former:
            self.put(_FORMER.as_posix(), msgspec.json.encode(left))
        return gone

    def _former(self) -> set[str]:
        """The files that were named and are not any more."""
        try:
            found = msgspec.json.decode((self.root / _FORMER).read_bytes(), type=list[str])
        except (OSError, msgspec.DecodeError):
            return set()
        return {path for path in found if _inside(path)}


def _documents(listing: Products, key: str | None) -> Iterator[tuple[str, bytes]]:
    """Each document and its bytes, what is named before what names it."""
    for ending in (".json", ".sjson") if key else (".json",):
        path = _LIST.with_suffix(ending).as_posix()
        entry = Entry(
            path=path,
            datatype=DOWNLOADS,
            format=PRODUCTS,
            updated=listing.updated,
            products=sorted(listing.products),
        )
        index = Index(format=INDEX, updated=listing.updated, index={"images": entry})
        for at, value in ((_LIST, listing), (_INDEX, index)):
            text = msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=1) + b"\n"
            if ending == ".sjson" and key:
                yield at.with_suffix(".sjson").as_posix(), signing.clear_signed(text, key)
                continue
            if key:
                yield at.with_suffix(".json.gpg").as_posix(), signing.detached(text, key)
            yield at.with_suffix(".json").as_posix(), text


def _paths(products: dict[str, Product]) -> set[str]:
    items = (item for each in products.values() for build in each.versions.values() for item in build.items.values())
    return {item.path for item in items if _inside(item.path)}


def _inside(path: str) -> bool:
    return path.startswith(f"{_FILES}/") and ".." not in path.split("/")
