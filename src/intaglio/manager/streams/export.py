"""Exporting a catalogue as simplestreams: each build as a disk that Incus and LXD start, and that other tools find."""

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

import msgspec

from intaglio.base.errors import IntaglioError
from intaglio.domain.digests import Digest
from intaglio.manager import locking, pinning, plan
from intaglio.manager.cache import Cache
from intaglio.manager.definitions import Definition, Version
from intaglio.manager.discovery.base import day_in
from intaglio.manager.lockfile import Lock
from intaglio.manager.mirror.layout import slug
from intaglio.manager.policy import Policy
from intaglio.manager.progress import Progress
from intaglio.manager.streams import disks, form
from intaglio.manager.streams.form import Build, Item, Product
from intaglio.manager.streams.metadata import tarball
from intaglio.manager.streams.tree import Tree
from intaglio.manager.upstream import pointer, signed
from intaglio.manager.upstream.web import PIECE, Web

_DISK, _META, _MAAS = "disk1.img", "metadata.tar.xz", "root-dd.gz"
_META_TYPES = ("incus.tar.xz", "lxd.tar.xz")
"""The same file by two names: Incus looks for the one, LXD for the other."""


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one build."""

    definition: str
    version: str
    product: str
    result: Literal["there", "exported", "skipped", "failed"]
    fingerprint: str = ""
    message: str = ""


class Outcome(msgspec.Struct, frozen=True):
    """What a run did."""

    builds: tuple[Exported, ...]
    published: bool
    removed: tuple[str, ...]

    @property
    def failed(self) -> bool:
        """Whether a build is not in the tree that should be."""
        return any(each.result == "failed" for each in self.builds)


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is about. `key` names a key of gpg's; with `maas` each disk is there as MAAS takes it, too."""

    filter: str = ""
    force: bool = False
    key: str | None = None
    maas: bool = False
    jobs: int = 4
    unverified: bool = False
    lock: Lock | None = None


class _Place(msgspec.Struct, frozen=True):
    """A build's place among the products."""

    definition: Definition
    version: Version
    product: str
    serial: str
    day: date

    @property
    def directory(self) -> str:
        return f"images/{self.product.replace(':', '/')}/{self.serial}"


def export(
    definitions: Sequence[Definition],
    root: Path,
    choices: Choices,
    home: Path,
    web: Web,
    progress: Progress,
) -> Outcome:
    """Write the builds of definitions as a tree, and name them when all files are there.

    A build that fails is told, and the one that was there for it stays named. Files are removed one run after they were
    last named. Raises `AnotherRun`, `FilterInvalid`, `LockDiffers`, `NotSigned`.
    """
    with locking.alone(home / "locks", str(root.resolve()), "export"):
        chosen = plan.selected(definitions, Policy(filter=choices.filter))
        chosen = [each for each in chosen if each.enable or choices.force]
        if choices.lock is not None:
            chosen = pinning.pinned(chosen, choices.lock)
        resolved, unresolved = pointer.resolve(chosen, web)
        tree = Tree(root)
        before = tree.products()
        cache = Cache(home, web)
        exporter = _Exporter(tree, before, cache, web, progress, choices)
        usable = [(each, version) for each in resolved if each.name not in unresolved for version in each.versions]
        with ThreadPoolExecutor(max(1, choices.jobs)) as pool:
            done = list(pool.map(lambda each: exporter.one(*each), usable))
        told = [told for told, _ in done]
        told += [
            Exported(definition=name, version="", product="", result="failed", message=why)
            for name, why in unresolved.items()
        ]
        products = _products(done)
        if choices.filter or any(each.result == "failed" for each in told):
            products = _with_the_old(products, before)
        published = tree.publish(products, datetime.now(UTC), choices.key)
        return Outcome(tuple(told), published, tuple(tree.sweep(products, before)))


class _Exporter:
    def __init__(
        self,
        tree: Tree,
        before: dict[str, Product],
        cache: Cache,
        web: Web,
        progress: Progress,
        choices: Choices,
    ) -> None:
        self._tree = tree
        self._before = before
        self._cache = cache
        self._web = web
        self._progress = progress
        self._choices = choices

    def one(self, definition: Definition, version: Version) -> tuple[Exported, tuple[_Place, Build] | None]:
        """One build; where it stands, unless it was skipped or failed."""
        name = f"{definition.name} {version.version}"
        product = product_name(definition, version)
        told = Exported(definition=definition.name, version=version.version, product=product, result="skipped")
        if definition.format not in {"qcow2", "raw"}:
            return msgspec.structs.replace(
                told, message=f"the format {definition.format} is no disk that they start"
            ), None
        try:
            place = _Place(definition, version, product, *self._serial(version))
            build, new = self._build(place, name)
        except (IntaglioError, OSError) as error:
            self._progress.say(f"{name}: {error}")
            return msgspec.structs.replace(told, result="failed", message=str(error)), None
        mark = build.items[_META_TYPES[0]].combined_disk or ""
        told = msgspec.structs.replace(told, result="exported" if new else "there", fingerprint=mark)
        return told, (place, build)

    def _serial(self, version: Version) -> tuple[str, date]:
        """The name of a version, which must begin with a day."""
        day = day_in(version.version) or day_in(version.build_date or "")
        if day is None and version.url.startswith("http"):
            day = self._web.modified(version.url)
        day = day or date(1970, 1, 1)
        digits = day.strftime("%Y%m%d")
        own = slug(version.version)
        return (own if own.startswith(digits) else f"{digits}_{own}"), day

    def _build(self, place: _Place, name: str) -> tuple[Build, bool]:
        digest = place.version.checksum or self._trusted(place)
        old = self._old(place)
        if old is not None and digest is not None and old.upstream_digest == str(digest):
            return old, False
        sources = tuple(dict.fromkeys(filter(None, (place.version.mirror_url, place.version.url))))
        with self._progress.transfer(f"{name}: fetch") as meter:
            digest = self._trusted(place) or digest
            said = str(digest) if digest else None
            content = self._cache.obtain(
                sources, said, meter, unverified=self._choices.unverified, size=place.version.size
            )
        kind = place.definition.format
        items = self._for_machines(place, content.path, kind)
        if self._choices.maas:
            path = f"{place.directory}/{_MAAS}"
            items[_MAAS] = self._put(path, _MAAS, lambda part: disks.as_packed(content.path, part, kind))
        self._cache.forget(content)
        return Build(items=items, label="release", pubname=slug(name), upstream_digest=content.digest), True

    def _trusted(self, place: _Place) -> Digest | None:
        """The digest that the upstream has signed, where the definition requires that, or else publishes."""
        version, demand = place.version, place.definition.signature
        if demand is not None and not version.signer:
            return signed.verified(version, demand, self._web).checksum
        return version.checksum or self._cache.published(version.url)

    def _for_machines(self, place: _Place, source: Path, kind: str) -> dict[str, Item]:
        """The disk and its metadata, as Incus and LXD take them."""
        path = f"{place.directory}/{slug(place.version.version)}.qcow2"
        disk = self._put(path, _DISK, lambda part: disks.as_qcow2(source, part, kind))
        architecture = place.definition.meta.get("architecture") or "x86_64"
        meta = tarball(architecture, place.day, properties(place.definition, place))
        combined = hashlib.sha256(meta)
        with (self._tree.root / path).open("rb") as file:
            while piece := file.read(PIECE):
                combined.update(piece)
        said = Item(
            path=f"{place.directory}/{_META}",
            size=len(meta),
            sha256=hashlib.sha256(meta).hexdigest(),
            combined_disk=combined.hexdigest(),
        )
        self._tree.put(said.path, meta)
        return {_DISK: disk} | {name: msgspec.structs.replace(said, ftype=name) for name in _META_TYPES}

    def _put(self, path: str, ftype: str, make: Callable[[Path], None]) -> Item:
        """A file that `make` writes, whole or not at all."""
        part = self._tree.part(path)
        try:
            make(part)
            running, size = hashlib.sha256(), 0
            with part.open("rb") as file:
                while piece := file.read(PIECE):
                    running.update(piece)
                    size += len(piece)
                os.fsync(file.fileno())
            part.chmod(0o644)
            part.replace(self._tree.root / path)
        finally:
            part.unlink(missing_ok=True)
        return Item(ftype=ftype, path=path, size=size, sha256=running.hexdigest())

    def _old(self, place: _Place) -> Build | None:
        """The build as it was exported before, if its files are still there."""
        product = self._before.get(place.product)
        build = product.versions.get(place.serial) if product else None
        if build is None or (self._choices.maas and _MAAS not in build.items):
            return None
        if not all(self._tree.has(each.path, each.size) for each in build.items.values()):
            return None
        return build


def product_name(definition: Definition, version: Version) -> str:
    """`OS:RELEASE:ARCHITECTURE:NAME`. Versions side by side are products, builds of one image are its versions."""
    system = definition.meta.get("os_distro") or "linux"
    arch = form.architecture(definition.meta.get("architecture") or "x86_64")
    parts = (system, release_of(definition, version), arch, (definition.shortname or definition.name).lower())
    return ":".join(map(slug, parts))


def release_of(definition: Definition, version: Version) -> str:
    """The release of the operating system that a build is of."""
    if not definition.multi:
        return version.version
    return version.os_version or definition.meta.get("os_version") or "current"


def properties(definition: Definition, place: _Place) -> dict[str, str]:
    """What Incus shows of an image."""
    release = release_of(definition, place.version)
    return {
        "architecture": form.architecture(definition.meta.get("architecture") or "x86_64"),
        "description": f"{definition.description} ({place.serial})",
        "name": slug(f"{definition.name}-{place.serial}"),
        "os": definition.meta.get("os_distro") or "linux",
        "release": release,
        "serial": place.serial,
        "variant": slug((definition.shortname or definition.name).lower()),
    }


def _products(done: Sequence[tuple[Exported, tuple[_Place, Build] | None]]) -> dict[str, Product]:
    found: dict[str, Product] = {}
    aliases: set[tuple[str, str]] = set()
    for _, each in done:
        if each is None:
            continue
        place, build = each
        if place.product not in found:
            found[place.product] = _product(place, aliases)
        found[place.product].versions[place.serial] = build
    return {name: found[name] for name in sorted(found)}


def _product(place: _Place, aliases: set[tuple[str, str]]) -> Product:
    definition = place.definition
    system, release = definition.meta.get("os_distro") or "linux", release_of(definition, place.version)
    arch = form.architecture(definition.meta.get("architecture") or "x86_64")
    own = [f"{slug(system)}/{slug(release)}", place.product.rpartition(":")[2]]
    if not definition.multi:
        own[1] += f"/{slug(release)}"
    free = [name for name in own if (name, arch) not in aliases]  # of two, the first in the files has the short name
    aliases.update((name, arch) for name in free)
    until = (definition.meta.get("provided_until") or "")[:10]
    needed = {"secureboot": "false"} if _never_secure(definition) else {}
    return Product(
        arch=arch,
        os=system,
        release=release,
        release_title=release,
        version=release,
        variant=place.product.rpartition(":")[2],
        aliases=",".join(free),
        supported=True,
        support_eol=until if day_in(until) else "",
        requirements=needed,
        lxd_requirements=needed,
        label="release",
        subarch="generic",
        subarches="generic",
        kflavor="generic",
    )


def _never_secure(definition: Definition) -> bool:
    """Whether the definition says that it does not start with Secure Boot."""
    said = (definition.meta.get("os_secure_boot") or "").lower()
    return said in {"disabled", "false", "no"} or definition.meta.get("hw_firmware_type") == "bios"


def _with_the_old(products: dict[str, Product], before: dict[str, Product]) -> dict[str, Product]:
    """After a failure, or of a part of the catalogue, what was named stays named."""
    for name, old in before.items():
        if name not in products:
            products[name] = old
        else:
            products[name].versions = old.versions | products[name].versions
    return {name: products[name] for name in sorted(products)}
