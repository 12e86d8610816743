"""How old managed images are beside the newest build that the definitions list."""

from collections.abc import Iterator, Sequence
from datetime import date

from intaglio.manager import naming
from intaglio.manager.definitions import Definition
from intaglio.manager.state import Cloud, build_of


def too_old(definitions: Sequence[Definition], cloud: Cloud, days: int) -> Iterator[str]:
    """A sentence for each image that is older than its definition's newest build by more than some days."""
    known = {definition.name: definition for definition in definitions}
    for image in cloud.images:
        build = build_of(image, definitions)
        definition = known.get(build.definition) if build else None
        built = _day(image.properties.get(naming.BUILD_DATE))
        if definition is None or build is None or built is None:
            continue
        versions = [v for v in definition.versions if definition.multi or v.version == build.version]
        newest = max(filter(None, (_day(version.build_date) for version in versions)), default=None)
        if newest is not None and (newest - built).days > days:
            age = (newest - built).days
            yield f"'{image.name}' was built on {built}, {age} days before the newest build of '{definition.name}'"


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat((text or "")[:10])
    except ValueError:
        return None
