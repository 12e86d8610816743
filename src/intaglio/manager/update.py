"""Finding the newest builds of a catalogue's definitions at their upstreams, and writing them into its files.

Definitions take part that have a `latest_url`, or else whose newest version's URL leads to an upstream that is known.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

import msgspec

from intaglio.base.errors import IntaglioError
from intaglio.manager import editing
from intaglio.manager.catalogue import checked, files, read
from intaglio.manager.definitions import Definition, Version
from intaglio.manager.discovery.base import Build, Wanted
from intaglio.manager.discovery.upstreams import UPSTREAMS, upstream_of
from intaglio.manager.naming import natural, shown
from intaglio.manager.streams import reading as simplestreams
from intaglio.manager.upstream import signed
from intaglio.manager.upstream.web import Web


class Updated(msgspec.Struct, frozen=True, kw_only=True):
    """What came out for one definition. `dropped`: versions not listed any more."""

    file: str
    definition: str
    result: Literal["new", "changed", "current", "unknown", "failed"]
    version: str = ""
    url: str = ""
    digest: str = ""
    dropped: tuple[str, ...] = ()
    message: str = ""


def update(path: Path, web: Web, *, only: re.Pattern[str], builds: int | None, dry: bool) -> Iterator[Updated]:
    """Look for a newer build of each definition whose name `only` finds, and list it; one after the other.

    `builds`: how many builds definitions list afterwards; None keeps the number. With `dry` nothing is written. A
    definition that fails keeps nothing from the others, and a file is written once, when all of it was looked at.

    Raises `CatalogueInvalid` before anything is asked, `CatalogueMissing`, `ManagerMissing`.
    """
    typed = {definition.name: definition for definition in checked(read(path)).definitions}
    for each in files(path):
        file = editing.File(each)
        wanted = [definition for definition in file.definitions() if only.search(str(definition["name"]))]
        found = [_updated(file.path, each, typed[str(each["name"])], web, builds) for each in wanted]
        if not dry:
            file.save()
        yield from found


def _updated(path: Path, definition: Any, typed: Definition, web: Web, builds: int | None) -> Updated:
    updated = partial(Updated, file=str(path), definition=str(definition["name"]))
    meta = definition.get("meta") or {}
    upstream = upstream_of(*(str(word or "") for word in (definition.get("shortname"), meta.get("os_distro"))))
    upstream = upstream or upstream_of(str(definition["name"]))
    wanted = _wanted(definition, meta)
    if wanted is not None and simplestreams.is_stream(wanted.hint):
        if "stream" not in definition:
            return updated(result="failed", message="a latest_url of simplestreams needs 'stream' with a 'product'")
        upstream = partial(simplestreams.newest, stream=_stream(path, definition["stream"]))
    if upstream is None:
        return updated(result="unknown", message=f"its upstream is none of {', '.join(UPSTREAMS)}")
    if wanted is None:
        return updated(result="unknown", message="it has neither a latest_url nor a version with a URL")
    try:
        build = upstream(web, wanted)
        _verify_signature(build, typed, web)
    except IntaglioError as error:
        return updated(result="failed", message=str(error))
    except (ValueError, IndexError):
        message = f"{shown(wanted.hint)} is not of a form that this upstream is known to have"
        return updated(result="failed", message=message)
    return _listed(definition, build, builds, updated)


def _verify_signature(build: Build, definition: Definition, web: Web) -> None:
    """Whether the build's digest is signed, where the definition requires that. Raises as `signed.verified` does."""
    if definition.signature is not None:
        version = Version(version=build.version, url=build.url, place=definition.place, checksum=build.digest)
        signed.verified(version, definition.signature, web)


def _listed(definition: Any, build: Build, builds: int | None, updated: "partial[Updated]") -> Updated:
    updated = partial(updated, version=build.version, url=build.url, digest=str(build.digest))
    versions = definition["versions"]
    same = [each for each in versions if str(each["version"]) == build.version]
    if same and (same[0].get("checksum"), same[0].get("url")) == (str(build.digest), build.url):
        return updated(result="current")
    if same:
        editing.describe(same[0], build)
        return updated(result="changed", message="the same version has another digest or place now")
    newest = editing.newest(versions)
    if newest is not None and natural(build.version) < natural(str(versions[newest]["version"])):
        message = f"the newest there is {build.version}, which is older"
        return updated(result="current", version=str(versions[newest]["version"]), message=message)
    return updated(result="new", dropped=tuple(editing.add(definition, build, builds=builds)))


def _stream(path: Path, said: Any) -> simplestreams.Stream:
    text = {name: str(value) for name, value in said.items() if value is not None}
    keys = path.parent / text.pop("keys") if "keys" in text else None
    return simplestreams.Stream(keys=keys, **text)


def _wanted(definition: Any, meta: Any) -> Wanted | None:
    versions = definition["versions"]
    newest = editing.newest(versions)
    hint = definition.get("latest_url") or (None if newest is None else versions[newest]["url"])
    if hint is None or not str(hint).startswith(("http://", "https://")):
        return None
    return Wanted(
        hint=str(hint),
        sums=definition.get("latest_checksum_url"),
        architecture=str(meta.get("architecture") or "x86_64"),
        os_version=str(meta.get("os_version") or ""),
    )
