"""Copying what a catalogue names into a mirror: what is right stays, the rest is fetched and verified."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Literal

import msgspec

from intaglio.base.errors import IntaglioError
from intaglio.domain.digests import Digest
from intaglio.manager.cache import Cache, Content
from intaglio.manager.definitions import Definition, Version
from intaglio.manager.mirror.layout import key_in, key_of
from intaglio.manager.mirror.place import SUM, Facts, Held, MirrorFailed, Place
from intaglio.manager.naming import shown
from intaglio.manager.progress import Meter, Progress
from intaglio.manager.upstream import signed
from intaglio.manager.upstream.unpack import packing
from intaglio.manager.upstream.web import PIECE, FetchFailed, Web

Result = Literal["there", "copied", "replaced", "fetched", "missing", "broken", "failed"]


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one build.

    `fetched`: it is in the cache, and was not to be stored. `missing` and `broken`: it would be copied, or replaced;
    nothing was done.
    """

    definition: str
    version: str
    key: str
    result: Result
    size: int = 0
    digest: str = ""
    message: str = ""


class Item(msgspec.Struct, frozen=True):
    """A build that the mirror should have, and where."""

    definition: Definition
    version: Version
    key: str


class Ways(msgspec.Struct, frozen=True, kw_only=True):
    """How a run goes.

    `dry`: change nothing. `again`: read and compare what is there. `store`: put files into the mirror, or only fetch
    them. `keep`: leave the downloads in the cache.
    """

    jobs: int = 4
    dry: bool = False
    again: bool = False
    unverified: bool = False
    store: bool = True
    keep: bool = False


def items(definitions: Sequence[Definition], base: str | None) -> list[Item]:
    """Every build of the definitions, with its key."""
    return [Item(each, version, key_of(each, version, base)) for each in definitions for version in each.versions]


def items_in(definitions: Sequence[Definition], bucket: str) -> list[Item]:
    """Builds that have a `mirror_url` in a bucket, with the keys that it says, as the original program copies them."""
    found = []
    for each in definitions:
        for version in each.versions:
            key = key_in(version.mirror_url, bucket) if version.mirror_url and each.shortname else None
            found += [Item(each, version, key)] if key else []
    return found


class Copier:
    """Copies builds into one place."""

    def __init__(self, place: Place, cache: Cache, web: Web, progress: Progress, ways: Ways) -> None:
        self._place = place
        self._cache = cache
        self._web = web
        self._progress = progress
        self._ways = ways
        self._stopping = Event()
        self._shared: Counter[str] = Counter()

    def copy(self, wanted: Sequence[Item]) -> Iterator[Copied]:
        """Copy builds, several at once; what became of each, in their order. One that fails stops no other."""
        first: dict[str, Item] = {}
        for each in wanted:
            first.setdefault(each.key, each)
        self._shared = Counter(str(each.version.checksum) for each in first.values())
        with ThreadPoolExecutor(max(1, self._ways.jobs)) as pool:
            try:
                done = {each.key: each for each in pool.map(self._one, first.values())}
            except BaseException:
                self._stopping.set()  # what has arrived and what was sent stay, and the next run goes on there
                pool.shutdown(wait=False, cancel_futures=True)
                raise

        yield from (_as(each, first[each.key], done[each.key]) for each in wanted)

    def _one(self, item: Item) -> Copied:
        told = _Told(item)
        try:
            return self._settle(item, told)
        except (IntaglioError, OSError) as error:
            self._progress.say(f"{told.name}: {error}")
            return told.said("failed", message=str(error))

    def _settle(self, item: Item, told: "_Told") -> Copied:
        digest = item.version.checksum or self._trusted(item)
        held = self._place.look(item.key)
        wrong = None if held is None else self._wrong(held, digest)
        if held is not None and wrong is None:
            return told.said("there", size=held.size, digest=held.facts.published if held.facts else "")
        if self._ways.dry:
            return told.said("missing" if held is None else "broken", message=wrong or "")
        content = self._fetched(item, self._trusted(item) or digest, told)
        facts = self._facts(item, content)
        if not self._ways.store:
            return told.said("fetched", size=content.path.stat().st_size, digest=facts.published)
        with self._progress.transfer(f"{told.name}: store") as meter:
            self._place.put(item.key, content.path, facts, self._stoppable(meter))
        name = item.key.rpartition("/")[2]
        self._place.put_text(item.key + SUM, f"{facts.sha256}  {name}\n")
        self._confirm(item.key, content.path, facts)
        size = content.path.stat().st_size
        self._progress.say(f"{told.name}: {'copied' if held is None else f'replaced, because {wrong}'}")
        if self._shared[str(item.version.checksum)] == 1 and not self._ways.keep:
            self._cache.forget(content)
        return told.said(
            "copied" if held is None else "replaced", size=size, digest=facts.published, message=wrong or ""
        )

    def _trusted(self, item: Item) -> Digest | None:
        """The digest that the upstream has signed, where the definition requires that, or else publishes."""
        version, demand = item.version, item.definition.signature
        if demand is not None and not version.signer:
            return signed.verified(version, demand, self._web).checksum
        return version.checksum or self._cache.published(version.url)

    def _fetched(self, item: Item, digest: Digest | None, told: "_Told") -> Content:
        """The file as it is to lie in the mirror: as it is published, unless the key is that of what it unpacks to."""
        unpacked = packing(item.version.url) is not None and packing(item.key) is None
        with self._progress.transfer(f"{told.name}: fetch") as meter:
            content = self._cache.obtain(
                [item.version.url],
                str(digest) if digest else None,
                self._stoppable(meter),
                unverified=self._ways.unverified,
                size=item.version.size,
                packed=not unpacked,
            )
        if unpacked and digest is not None and _digest(content.path, digest.algorithm) != digest.hex:
            raise FetchFailed(
                f"{shown(item.version.url)}: the digest is the archive's, and the mirror's address that of what it "
                "unpacks to, which nobody could verify by it"
            )
        return content

    def _facts(self, item: Item, content: Content) -> Facts:
        return Facts(
            sha256=_digest(content.path, "sha256"),
            published=content.digest,
            verified=content.verified,
            definition=item.definition.name,
            version=item.version.version,
        )

    def _wrong(self, held: Held, digest: Digest | None) -> str | None:
        """Why what is there cannot stay; None when it can. Without a published digest its own is believed."""
        if held.facts is None:
            return "it is not known what it is"
        if digest is not None and held.facts.published != str(digest):
            return f"it was {held.facts.published}, and {digest} is published"
        if self._ways.again:
            running = hashlib.sha256()
            with self._progress.transfer(f"{held.key}: compare") as meter:
                done = 0
                for piece in self._place.pieces(held.key):
                    running.update(piece)
                    done += len(piece)
                    meter(done, held.size)
            if running.hexdigest() != held.facts.sha256:
                return "its bytes are not those that were put there"
        return None

    def _confirm(self, key: str, path: Path, facts: Facts) -> None:
        held = self._place.look(key)
        if held is None or held.facts != facts or held.size != path.stat().st_size:
            raise MirrorFailed(f"{key}: it was written, and something else is there; is another mirror at work?")

    def _stoppable(self, meter: Meter) -> Meter:
        def arrived(count: int, total: int | None) -> None:
            if self._stopping.is_set():
                raise FetchFailed("the run was interrupted")
            meter(count, total)

        return arrived


class _Told:
    """Says of one build what became of it."""

    def __init__(self, item: Item) -> None:
        self._item = item
        self.name = f"{item.definition.name} {item.version.version}"

    def said(self, result: Result, *, size: int = 0, digest: str = "", message: str = "") -> Copied:
        item = self._item
        return Copied(
            definition=item.definition.name,
            version=item.version.version,
            key=item.key,
            result=result,
            size=size,
            digest=digest,
            message=message,
        )


def _as(item: Item, first: Item, done: Copied) -> Copied:
    """What became of a build whose key the first that has it was copied to."""
    if item.version.url != first.version.url:
        message = f"its key is also that of {shown(first.version.url)}; give one of them a shortname"
        return _Told(item).said("failed", message=message)
    return msgspec.structs.replace(done, definition=item.definition.name, version=item.version.version)


def _digest(path: Path, algorithm: str) -> str:
    running = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            running.update(piece)
    return running.hexdigest()
