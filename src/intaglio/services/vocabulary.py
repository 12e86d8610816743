"""Are an image's properties filled as the catalogue, and libosinfo's database, say? Told on request, or enforced."""

import logging
from collections.abc import Collection, Mapping

import msgspec

from intaglio.authz.engine import Caller
from intaglio.base.errors import Invalid
from intaglio.db.base import Connection
from intaglio.db.repos import metadef_vocabulary
from intaglio.domain.image import Image
from intaglio.domain.metadefs.vocabulary import Finding, Severity, Term, check, misspelt
from intaglio.domain.osinfo import OS_PROPERTIES, OsCatalogue, Suggestion
from intaglio.domain.properties import SERVICE_PREFIX
from intaglio.services.access import visible_image
from intaglio.services.parts import Parts
from intaglio.services.settings import Enforce

_log = logging.getLogger(__name__)


class PropertyNotAllowed(Invalid):
    """A property is not filled as the catalogue of metadata definitions says, and the operator requires that."""

    code = "property-not-allowed"


class Examination(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be said about one image's properties."""

    image: Image
    findings: tuple[Finding, ...]
    undefined: tuple[str, ...]  # properties that no namespace defines: free
    suggestions: tuple[Suggestion, ...]

    @property
    def valid(self) -> bool:
        """Whether nothing contradicts the catalogue."""
        return all(finding.severity is not Severity.ERROR for finding in self.findings)


async def examine(parts: Parts, caller: Caller, image_id: str) -> Examination:
    """Look at an image as the caller sees it, whatever `[metadefs] enforce` says. Raises `ImageNotFound`."""
    access = parts.protection.access(caller)
    systems = await parts.osinfo.get()

    async def work(conn: Connection) -> tuple[Image, list[Term]]:
        whole, _ = await visible_image(conn, parts.policy, caller, image_id)
        image = access.shown(whole)
        return image, await metadef_vocabulary.terms(conn, image.owner)

    image, terms = await parts.database.read(work)
    properties = _own(image.properties)
    known = {term.name for term in terms}
    found = (*check(terms, properties), *(systems.check(properties) if systems else ()), *misspelt(known, properties))
    return Examination(
        image=image,
        findings=found,
        undefined=tuple(sorted(name for name in properties if name not in known)),
        suggestions=tuple(each for each in systems.suggest(properties) if _is_news(image, each)) if systems else (),
    )


class Guard:
    """Refuses what the catalogue does not allow, where the operator requires that; made before the transaction."""

    def __init__(self, systems: OsCatalogue | None, *, required: bool) -> None:
        self._systems = systems
        self._required = required

    async def require(self, conn: Connection, image: Image, before: Mapping[str, str | None]) -> None:
        """Raise `PropertyNotAllowed` for what differs from `before` and is wrong; what was wrong before may stay."""
        if not self._required:
            return
        changed = {name for name, value in image.properties.items() if before.get(name) != value}
        errors = [each for each in await _find(conn, self._systems, image, changed) if each.severity is Severity.ERROR]
        if errors:
            raise PropertyNotAllowed(" ".join(error.message for error in errors))


async def make_guard(parts: Parts) -> Guard:
    """The guard for one request."""
    required = parts.metadef_settings.enforce is Enforce.REQUIRE
    return Guard(await parts.osinfo.get() if required else None, required=required)


async def remarks(parts: Parts, image: Image, names: Collection[str]) -> tuple[Finding, ...]:
    """What there is to say about the properties `names` of an image just written, unless enforcing is off."""
    if parts.metadef_settings.enforce is Enforce.OFF:
        return ()
    systems = await parts.osinfo.get()

    async def work(conn: Connection) -> tuple[Finding, ...]:
        return await _find(conn, systems, image, names)

    found = await parts.database.read(work)
    for finding in found:
        _log.warning("image %s: %s", image.id, finding.message)
    return found


async def _find(
    conn: Connection, systems: OsCatalogue | None, image: Image, names: Collection[str]
) -> tuple[Finding, ...]:
    properties = {name: value for name, value in _own(image.properties).items() if name in names}
    if not properties:
        return ()
    found = check(await metadef_vocabulary.terms(conn, image.owner, sorted(properties)), properties)
    if systems is None or not OS_PROPERTIES & properties.keys():
        return found
    return (*found, *systems.check(_own(image.properties)))


def _own(properties: Mapping[str, str | None]) -> dict[str, str]:
    """Properties that people set and that have a value."""
    return {
        name: value for name, value in properties.items() if value is not None and not name.startswith(SERVICE_PREFIX)
    }


def _is_news(image: Image, suggestion: Suggestion) -> bool:
    least = {"min_ram": image.min_ram, "min_disk": image.min_disk}.get(suggestion.name)
    if least is not None:
        return int(suggestion.value) > least
    return image.properties.get(suggestion.name) != suggestion.value
