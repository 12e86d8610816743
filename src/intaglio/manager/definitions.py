"""What a catalogue says: definitions of images, their versions, and how long superseded ones are kept. Values only."""

from typing import Literal

import msgspec

from intaglio.domain.digests import Digest

Visibility = Literal["public", "private", "community", "shared"]
Status = Literal["active", "deactivated"]
LATEST = "latest"
"""The version that is a pointer: which build it is, its digest says."""


class Place(msgspec.Struct, frozen=True):
    """Where in which file something is written; lines and columns are counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Retention(msgspec.Struct, frozen=True):
    """What becomes of superseded images. None is what `uuid_validity` and the defaults say."""

    visible: int | None = None
    """How many images, with the current one, keep the definition's visibility."""
    kept: int | Literal["all"] | None = None
    """How many images, with the current one, may not be deleted."""
    grace_days: int = 0
    """Days after an image was superseded in which it may not be deleted."""
    retire: Literal["community", "private", "shared", "hidden"] | None = None
    """What is done to those that are not visible any more: another visibility, or os_hidden."""
    deactivate: bool = False
    """Whether those that may be deleted are deactivated."""


class Signature(msgspec.Struct, frozen=True):
    """Whose OpenPGP signature over the upstream's list of digests makes a build worth importing."""

    keys: tuple[str, ...]
    """Files of certificates; nobody else's signature counts."""
    fingerprints: tuple[str, ...] = ()
    """Of these certificates, the only ones that count; lower case, without spaces. None given: all of them."""
    sums: str | None = None
    """The list, relative to the URL of the image; `{version}` stands for the version. None: looked for."""
    detached: str | None = None
    """The signature, relative to the list. None: in the list itself, or beside it by the usual endings."""


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One build of a definition. `meta` values of None stand for properties that shall not be there."""

    version: str
    url: str
    place: Place
    mirror_url: str | None = None
    checksum: Digest | None = None
    checksum_url: str | None = None
    checksums_url: str | None = None
    build_date: str | None = None
    os_version: str | None = None
    visibility: Visibility | None = None
    hidden: bool | None = None
    id: str | None = None
    meta: dict[str, str | None] = {}
    size: int | None = None
    """Bytes of the published file, where the lock file says it."""
    signer: str | None = None
    """Fingerprint of the certificate that has signed the digest, once that is verified."""

    @property
    def needs_asking(self) -> bool:
        """Whether only the upstream can say which build this is, or what its digest is."""
        return self.version == LATEST or (self.checksum is None and bool(self.checksum_url or self.checksums_url))


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of image, of which there is a current build and superseded ones."""

    name: str
    format: str
    place: Place
    enable: bool = True
    login: str | None = None
    shortname: str | None = None
    min_disk: int = 0
    min_ram: int = 0
    status: Status = "active"
    visibility: Visibility = "private"
    multi: bool = False
    keep: bool = False
    separator: str = " "
    tags: tuple[str, ...] = ()
    meta: dict[str, str | None] = {}
    versions: tuple[Version, ...] = ()
    retention: Retention = Retention()
    signature: Signature | None = None

    @property
    def description(self) -> str:
        """The property by which the original program ties an image to its definition."""
        return self.meta.get("image_description") or self.name


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong with a file. `rule` names the standard that says so, if one does."""

    place: Place
    severity: Literal["error", "warning"]
    message: str
    rule: str = ""
    definition: str = ""

    def __str__(self) -> str:
        about = f" [{self.rule}]" if self.rule else ""
        return f"{self.place}: {self.severity}: {self.message}{about}"


class Catalogue(msgspec.Struct, frozen=True):
    """All definitions of some files that could be read, and the problems of all of them."""

    definitions: tuple[Definition, ...]
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Those that keep a definition from being used."""
        return tuple(problem for problem in self.problems if problem.severity == "error")
