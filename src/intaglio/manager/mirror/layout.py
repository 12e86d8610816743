"""Under which key the mirror has a build, and where `--to` says that the mirror is."""

import re
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from intaglio.domain.sums import name_in
from intaglio.manager.definitions import Definition, Version
from intaglio.manager.mirror.bucket import Bucket, connect
from intaglio.manager.mirror.directory import Directory
from intaglio.manager.mirror.place import MirrorInvalid, Place


def open_place(to: str, endpoint: str | None = None, region: str | None = None) -> Place:
    """The place that an address means: `s3://BUCKET/PREFIX`, or a directory.

    Raises `MirrorInvalid`, `ManagerMissing`.
    """
    if to.startswith("s3://"):
        bucket, _, prefix = to.removeprefix("s3://").partition("/")
        if not bucket:
            raise MirrorInvalid(f"'{to}' names no bucket; write s3://BUCKET or s3://BUCKET/PREFIX.")
        return Bucket(connect(endpoint, region), bucket, prefix)
    if "://" in to:
        raise MirrorInvalid(f"'{to}' is neither s3://BUCKET/PREFIX nor a directory.")
    return Directory(Path(to))


def key_of(definition: Definition, version: Version, base: str | None) -> str:
    """The key of a build's file: what its `mirror_url` says below `base`, or else DEFINITION/VERSION/FILE."""
    if base is not None and version.mirror_url and version.mirror_url.startswith(f"{base.rstrip('/')}/"):
        said = unquote(urlsplit(version.mirror_url[len(base.rstrip("/")) + 1 :]).path)
        if _harmless(said):
            return said
    parts = ((definition.shortname or definition.name).lower(), version.version, name_in(version.url))
    return "/".join(map(slug, parts))


def key_in(url: str, bucket: str) -> str | None:
    """The key that an address in a bucket has, as the original program's definitions write them; None without one."""
    _, found, key = unquote(urlsplit(url).path).partition(f"/{bucket}/")
    if not found:  # the bucket is part of the host's name
        key = unquote(urlsplit(url).path).lstrip("/")
    return key if _harmless(key) else None


def address(base: str, key: str) -> str:
    """The address of a key below a base."""
    return f"{base.rstrip('/')}/{quote(key)}"


def slug(text: str) -> str:
    """A text as a part of a key: letters, digits, dots, dashes and underscores."""
    return re.sub(r"[^\w.]+", "-", text, flags=re.ASCII).strip("-.") or "unnamed"


def _harmless(key: str) -> bool:
    return bool(key) and all(part and not part.startswith(".") for part in key.split("/"))
