"""What the lock file has to do with definitions: what differs, definitions as they are pinned, and pinning anew."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from intaglio.base.errors import Conflict, IntaglioError
from intaglio.domain import sums
from intaglio.domain.digests import Digest, parse
from intaglio.manager import lockfile
from intaglio.manager.actions import Import, Plan
from intaglio.manager.cache import Cache, NothingPublished
from intaglio.manager.catalogue import checked, read
from intaglio.manager.definitions import Definition, Version
from intaglio.manager.lockfile import Lock, Locked
from intaglio.manager.naming import shown
from intaglio.manager.upstream import pointer, signed
from intaglio.manager.upstream.web import PIECE, FetchFailed, Web


class LockDiffers(Conflict):
    """The definitions, or a plan, are not what the lock file says."""

    code = "lock-differs"


class Pinned(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one version of the lock file."""

    definition: str
    version: str
    result: Literal["kept", "new", "changed", "dropped", "failed"]
    digest: str = ""
    signed_by: str = ""
    message: str = ""


def pinned(definitions: Iterable[Definition], lock: Lock) -> list[Definition]:
    """The definitions with every version as it is pinned; upstreams need not be asked any more.

    Raises `LockDiffers` with all that differs.
    """
    known = lock.by_key()
    differences: list[str] = []
    found = []
    for definition in definitions:
        versions = []
        for version in definition.versions:
            entry = known.get((definition.name, version.version))
            why = "it is not in the lock file" if entry is None else difference(entry, definition, version)
            if entry is not None and why is None:
                versions.append(_as_pinned(version, entry))
            else:
                differences.append(f"{version.place}: '{definition.name}' {version.version}: {why}")
        found.append(msgspec.structs.replace(definition, versions=tuple(versions)))
    _refuse(differences)
    return found


def check_plan(plan: Plan, lock: Lock) -> None:
    """Whether a saved plan imports nothing but what is pinned. Raises `LockDiffers`."""
    pins = {(each.definition, each.build or each.version): each for each in lock.builds}
    differences = []
    for action in plan.actions:
        if isinstance(action, Import):
            entry = pins.get((action.definition, action.version))
            if entry is None:
                differences.append(f"'{action.definition}' {action.version} is not in the lock file")
            elif (action.digest, action.sources[-1]) != (entry.digest, entry.url):
                differences.append(f"'{action.definition}' {action.version}: the plan has another digest or URL")
    _refuse(differences)


def _refuse(differences: Sequence[str]) -> None:
    if differences:
        end = "This is not what the lock file pins: look, then `intaglio catalog lock`. Nothing was done."
        raise LockDiffers("\n".join([*differences, end]))


def difference(entry: Locked, definition: Definition, version: Version) -> str | None:
    """Why an entry is not about this version as it is defined now; None when it is. Raises `KeysUnusable`."""
    if entry.url != version.url:
        return f"its url is {shown(version.url)}, and {shown(entry.url)} is pinned"
    if entry.mirror_url != version.mirror_url:
        return "its mirror_url is not the one that is pinned"
    if version.checksum is not None and str(version.checksum) != entry.digest:
        return f"its checksum is {version.checksum}, and {entry.digest} is pinned"
    return _signature_differs(entry, definition)


def _signature_differs(entry: Locked, definition: Definition) -> str | None:
    if definition.signature is None:
        return "it was signed when it was pinned, and no signature is required now" if entry.signed_by else None
    if entry.signed_by is None:
        return "a signature is required, and it was pinned without one"
    if entry.signed_by not in signed.keyring(definition.signature).fingerprints:
        return f"it was signed by {entry.signed_by}, which is not among the keys now"
    return None


def _as_pinned(version: Version, entry: Locked) -> Version:
    return msgspec.structs.replace(
        version,
        version=entry.build or version.version,
        checksum=parse(entry.digest),
        checksum_url=None,
        checksums_url=None,
        build_date=version.build_date or entry.build_date,
        size=entry.size,
        signer=entry.signed_by,
    )


def pin_catalogue(
    path: Path, web: Web, *, renew: bool, force: bool, home: Path | None = None, dry: bool = False
) -> list[Pinned]:
    """Write the lock file of a catalogue; what became of each version. `home`: of a cache, if versions may be fetched.

    Raises `CatalogueInvalid`, `CatalogueMissing`, `LockInvalid`.
    """
    definitions = [each for each in checked(read(path)).definitions if each.enable or force]
    file = lockfile.beside(path)
    lock, outcomes = pin(
        definitions, _before(file), web, renew=lambda _: renew, fetch=_fetching(home, web) if home else None
    )
    if not dry:
        lockfile.save(file, lock)
    return outcomes


def pin_again(path: Path, web: Web, *, only: re.Pattern[str]) -> list[Pinned]:
    """After the definitions changed, bring a lock file that is there up to date; the versions that failed.

    Of definitions whose name `only` finds, pointers are followed again. Raises as `pin_catalogue` does.
    """
    file = lockfile.beside(path)
    if not file.exists():
        return []
    definitions = checked(read(path)).definitions
    before = lockfile.load(file)
    known = {each.definition for each in before.builds}
    wanted = [each for each in definitions if each.enable or each.name in known]
    lock, outcomes = pin(wanted, before, web, renew=lambda each: bool(only.search(each.name)) and _points(each))
    lockfile.save(file, lock)
    return [each for each in outcomes if each.result == "failed"]


def _points(definition: Definition) -> bool:
    return any(version.needs_asking for version in definition.versions)


def _before(file: Path) -> Lock:
    """What was pinned; nothing that could be trusted in a file that a merge has broken."""
    try:
        return lockfile.load(file)
    except (lockfile.LockMissing, lockfile.LockInvalid):
        return lockfile.EMPTY


def _fetching(home: Path, web: Web) -> Callable[[Version], str]:
    """Fetches what nobody publishes a digest of; the digest of what came."""

    def fetch(version: Version) -> str:
        sources = [each for each in (version.mirror_url, version.url) if each]
        return Cache(home, web).obtain(sources, None, lambda _count, _total: None, unverified=True).digest

    return fetch


def pin(
    definitions: Sequence[Definition],
    before: Lock,
    web: Web,
    *,
    renew: Callable[[Definition], bool] = lambda _: False,
    fetch: Callable[[Version], str] | None = None,
) -> tuple[Lock, list[Pinned]]:
    """The lock for these definitions, and what became of each version. What was pinned and still fits is not asked for.

    `renew` says of which definitions everything is asked for again. `fetch` gives the digest of a version that nobody
    publishes one of, by fetching it; without it such a version fails. A version that fails keeps its old entry.
    """
    known = dict(before.by_key())
    outcomes: list[Pinned] = []
    entries: list[Locked] = []
    for definition in definitions:
        for version in definition.versions:
            old = known.pop((definition.name, version.version), None)
            entry, outcome = _pin(definition, version, old, web, fetch, again=renew(definition))
            entries += [entry] if entry is not None else []
            outcomes.append(outcome)
    outcomes += [Pinned(definition=each.definition, version=each.version, result="dropped") for each in known.values()]
    return Lock(format=lockfile.FORMAT, builds=tuple(entries)), outcomes


def _pin(
    definition: Definition,
    version: Version,
    old: Locked | None,
    web: Web,
    fetch: Callable[[Version], str] | None,
    *,
    again: bool,
) -> tuple[Locked | None, Pinned]:
    try:
        if old is not None and not again and difference(old, definition, version) is None:
            return old, _outcome(old, "kept")
        entry = _asked(definition, version, web, fetch)
    except IntaglioError as error:
        message = str(error)
        return old, Pinned(definition=definition.name, version=version.version, result="failed", message=message)
    return entry, _outcome(entry, "new" if old is None else "kept" if entry == old else "changed")


def _outcome(entry: Locked, result: Literal["kept", "new", "changed"]) -> Pinned:
    return Pinned(
        definition=entry.definition,
        version=entry.version,
        result=result,
        digest=entry.digest,
        signed_by=entry.signed_by or "",
        message=f"it is {entry.build}" if entry.build else "",
    )


def _asked(definition: Definition, version: Version, web: Web, fetch: Callable[[Version], str] | None) -> Locked:
    """What the upstream says now. Raises `FetchFailed` and others of the kind."""
    found = pointer.resolved(version, definition.signature, web)
    if definition.signature is not None and found.signer is None:
        found = signed.verified(found, definition.signature, web)
    digest = str(found.checksum) if found.checksum else _published(found, web, fetch)
    return Locked(
        definition=definition.name,
        version=version.version,
        build=found.version if found.version != version.version else None,
        url=version.url,
        mirror_url=version.mirror_url,
        digest=digest,
        size=_size(version, web),
        build_date=found.build_date if found.build_date != version.build_date else None,
        signed_by=found.signer,
    )


def _published(version: Version, web: Web, fetch: Callable[[Version], str] | None) -> str:
    if version.url.startswith("file:"):
        return _of_file(_local(version.url))
    found = sums.discover(version.url, web.text)
    if found is not None:
        return str(found[0])
    if fetch is None:
        raise NothingPublished(
            f"{shown(version.url)}: nobody publishes a digest of it. Add 'checksum', or give --allow-unverified: then "
            "it is fetched once, and what came is pinned."
        )
    return fetch(version)


def _size(version: Version, web: Web) -> int | None:
    if version.url.startswith("file:"):
        return _local(version.url).stat().st_size
    return web.size(version.url)


def _local(url: str) -> Path:
    path = Path(url.removeprefix("file://").removeprefix("file:"))
    if not path.is_file():
        raise FetchFailed(f"{url}: there is no such file")
    return path


def _of_file(path: Path) -> str:
    running = Digest("sha256", "").start()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            running.update(piece)
    return str(Digest("sha256", running.hexdigest()))
