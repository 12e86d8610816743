"""Finding builds in simplestreams: a signed index that names lists of products, as Ubuntu publishes its images."""

import fnmatch
import importlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from intaglio.base.errors import Invalid
from intaglio.domain.digests import DigestInvalid, parse
from intaglio.manager.discovery.base import Build, NothingFound, Wanted, complete, day_in
from intaglio.manager.naming import natural, shown
from intaglio.manager.streams import form
from intaglio.manager.streams.form import DOWNLOADS, INDEX, PRODUCTS, Index, Product, Products
from intaglio.manager.upstream.web import FetchFailed, ManagerMissing, Web

FTYPES = ("disk1.img", "disk-kvm.img", "uefi1.img", "disk.img")
"""Kinds of files that are disks, the preferred first."""
LONGEST = 64 << 20
"""Bytes of the largest list of products that is read; Ubuntu's has some megabytes."""
_TRIED = 5
_SIGNED = b"-----BEGIN PGP SIGNED MESSAGE-----"
_DOCUMENT = re.compile(r"(?P<root>.*/)streams/v\d+/[^/]+\.(?P<ending>s?json)")
_Form = TypeVar("_Form", Index, Products)


class StreamNotTrusted(FetchFailed):
    """A stream is not signed by whom the definition says, or not at all."""

    code = "stream-not-trusted"


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """What a definition says of the stream that it follows. `keys`: a file of OpenPGP public keys."""

    product: str
    ftype: str | None = None
    label: str | None = None
    keys: Path | None = None
    fingerprint: str | None = None


def is_stream(url: str) -> bool:
    """Whether an address is that of a document of simplestreams."""
    return _DOCUMENT.fullmatch(urlsplit(url).path) is not None


def newest(web: Web, wanted: Wanted, stream: Stream) -> Build:
    """The newest complete build of a product. `wanted.hint` is an index, or a list of products.

    Raises `NothingFound`, `StreamNotTrusted`.
    """
    reader = _Reader(web, wanted.hint, stream)
    name, product = reader.product(form.architecture(wanted.architecture))
    serials = sorted(product.versions, key=natural, reverse=True)
    if stream.label is not None:
        serials = [each for each in serials if product.versions[each].label == stream.label]

    def look(serial: str) -> Callable[[], Build]:
        def build() -> Build:
            item = _item(product, serial, stream, name)
            try:
                digest = parse(f"sha256:{item.sha256 or ''}")
            except DigestInvalid:
                raise NothingFound(f"{name} {serial}: no sha256 is published") from None
            return Build(version=serial, url=reader.address(item.path), digest=digest, day=day_in(serial))

        return build

    return complete(web, map(look, serials[:_TRIED]), f"{wanted.hint}: {name}")


class _Reader:
    """Reads the documents of one tree, all of them as trusted as the first."""

    def __init__(self, web: Web, hint: str, stream: Stream) -> None:
        match = _DOCUMENT.fullmatch(urlsplit(hint).path)
        if match is None:
            raise NothingFound(f"{shown(hint)} is no document below streams/v1/ that ends in .json or .sjson")
        self._web = web
        self._hint = hint
        self._stream = stream
        self._root = urlsplit(hint)._replace(path=match["root"], query="", fragment="").geturl()

    def address(self, path: str) -> str:
        """The address of a path of the tree. Raises `NothingFound` for one that leads out of it."""
        if not path or path.startswith("/") or "\\" in path or ".." in path.split("/") or "://" in path:
            raise NothingFound(f"{shown(self._hint)} names '{path[:80]}', which is no path in its tree")
        return self._root + quote(path)

    def product(self, arch: str) -> tuple[str, Product]:
        """The one product that the definition means."""
        pattern = self._stream.product
        found: dict[str, Product] = {}
        for listing in self._listings():
            fitting = (name for name in listing.products if fnmatch.fnmatchcase(name, pattern))
            found |= {name: listing.products[name] for name in fitting if listing.products[name].arch in {"", arch}}
        if not found:
            raise NothingFound(f"{shown(self._hint)} has no product '{pattern}' for {arch}")
        if len(found) > 1:
            some = ", ".join(sorted(found)[:3])
            raise NothingFound(f"{shown(self._hint)} has several products '{pattern}' for {arch} ({some}, …); name one")
        return next(iter(found.items()))

    def _listings(self) -> Iterator[Products]:
        text = self._text(self._hint)
        if _kind(text) == PRODUCTS:
            yield self._decoded(text, Products, self._hint)
            return
        index = self._decoded(text, Index, self._hint)
        for entry in index.index.values():
            listed = any(fnmatch.fnmatchcase(name, self._stream.product) for name in entry.products)
            if listed and entry.datatype in {"", DOWNLOADS} and entry.format in {"", PRODUCTS}:
                url = self.address(entry.path)
                yield self._decoded(self._text(url), Products, url)

    def _text(self, url: str) -> bytes:
        """A document, when it is signed by whom it has to be. Nothing else of it was signed, or is read."""
        text = self._web.text(url, longest=LONGEST)
        if text is None:
            raise NothingFound(f"{shown(url)} is not there")
        data = text.encode()
        signed = data.lstrip().startswith(_SIGNED)
        if self._stream.keys is None:
            if signed:
                raise StreamNotTrusted(f"{shown(url)} is signed: name the file of public keys as 'keys' of 'stream'")
            return data
        if not signed:
            raise StreamNotTrusted(f"{shown(url)} is not signed, and has to be: it should end in .sjson")
        try:
            keys = [self._stream.keys.read_bytes()]
        except OSError as error:
            raise StreamNotTrusted(f"{self._stream.keys} cannot be read: {error.strerror}") from None
        try:
            openpgp = importlib.import_module("intaglio.signatures.openpgp")
        except ImportError:
            raise ManagerMissing("Signed streams need pysequoia: pip install 'intaglio[manager]'.") from None
        try:
            found: bytes = openpgp.verify_clear(data, keys, self._stream.fingerprint, longest=LONGEST).text
        except Invalid as error:
            raise StreamNotTrusted(f"{shown(url)}: {error}") from None
        return found

    def _decoded(self, text: bytes, kind: type[_Form], url: str) -> _Form:
        wanted = {"Products": PRODUCTS, "Index": INDEX}[kind.__name__]
        try:
            found = msgspec.json.decode(text, type=kind)
        except msgspec.DecodeError as error:
            raise NothingFound(f"{shown(url)} is no {wanted}: {error}") from None
        if found.format != wanted:
            raise NothingFound(f"{shown(url)} is {found.format[:40]}, and should be {wanted}")
        return found


class _Format(msgspec.Struct):
    format: str = ""


def _kind(text: bytes) -> str:
    try:
        return msgspec.json.decode(text, type=_Format).format
    except msgspec.DecodeError:
        return ""


def _item(product: Product, serial: str, stream: Stream, name: str) -> form.Item:
    items = product.versions[serial].items.values()
    for ftype in (stream.ftype,) if stream.ftype else FTYPES:
        for item in items:
            if item.ftype == ftype:
                return item
    wanted = stream.ftype or "disk of a known kind"
    there = ", ".join(sorted({item.ftype for item in items}))
    raise NothingFound(f"{name} {serial} has no {wanted}, only {there or 'nothing'}")
