"""Names: of images, of the properties that tie them to their definitions, and the natural order of versions."""

import re
from urllib.parse import urlsplit, urlunsplit

from intaglio.manager.definitions import Definition

DEFINITION = "catalog_definition"
DIGEST = "catalog_digest"
OWNED = "catalog_owned"
RETIRED = "catalog_retired"
SIGNER = "catalog_signed_by"
STATE = "catalog_state"
SUPERSEDED = "catalog_superseded"
VERSION = "internal_version"
OURS = (DEFINITION, DIGEST, OWNED, RETIRED, SIGNER, STATE, SUPERSEDED, VERSION)
"""Properties that only the manager writes. `internal_version` is the original program's, and so are the next."""
DESCRIPTION = "image_description"
NAME = "image_name"
SOURCE = "image_source"
BUILD_DATE = "image_build_date"
USER = "image_original_user"
UPSTREAM_CHECKSUM = "upstream_checksum"
LONGEST = 255
"""Characters of an image's name, or of a property's."""


def natural(version: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts 1.9 before 1.10, and 20260101 before 20260101.1."""
    parts = re.findall(r"\d+|[^\d]+", version)
    return tuple((1, int(part), part) if part.isascii() and part.isdigit() else (0, 0, part) for part in parts)


def suffixed(definition: Definition, version: str) -> str:
    """The name of an image that is not, or not yet, the current one of its definition."""
    part = f"({version})" if definition.multi else version
    return f"{definition.name}{definition.separator}{part}"


def version_in(definition: Definition, name: str) -> str | None:
    """The version that an image's name ends with; None when it is no name of this definition with a version."""
    start = definition.name + definition.separator
    if not name.startswith(start):
        return None
    rest = name[len(start) :]
    if definition.multi:
        rest = rest[1:-1] if re.fullmatch(r"\(.+\)", rest) else ""
    return rest or None


def shown(url: str) -> str:
    """A URL without a user and password, as it may be shown and stored."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def source(url: str) -> str:
    """What `image_source` says: the URL, of a local file only its name."""
    return url.rpartition("/")[2].removeprefix("file:") if url.startswith("file:") else shown(url)
