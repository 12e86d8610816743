"""Reads libosinfo's database of operating systems (Debian's package `osinfo-db`), when it is first asked for.

All of it takes a seventh of a second and a few megabytes; it is read in a thread, once a process.
"""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from intaglio.domain.osinfo import Os, OsCatalogue

_log = logging.getLogger(__name__)


class OsinfoDatabase:
    """The database in these directories, of which later ones override earlier ones, as libosinfo has it."""

    def __init__(self, paths: tuple[Path, ...]) -> None:
        self.paths = paths
        self._reading: asyncio.Task[OsCatalogue] | None = None

    async def get(self) -> OsCatalogue | None:
        """The catalogue; None when none of the directories holds one."""
        if not any((path / "os").is_dir() for path in self.paths):
            return None
        if self._reading is None:
            self._reading = asyncio.create_task(asyncio.to_thread(read, self.paths))
        catalogue = await asyncio.shield(self._reading)
        return catalogue if len(catalogue) else None


def read(paths: tuple[Path, ...]) -> OsCatalogue:
    """Every system in the directories. A file that cannot be read is said in the log and left out."""
    return OsCatalogue(system for path in paths for system in _systems(path))


def _systems(path: Path) -> Iterator[Os]:
    for file in sorted((path / "os").rglob("*.xml")):
        try:
            root = ET.parse(file).getroot()  # noqa: S314 - as above
        except (ET.ParseError, OSError) as error:
            _log.warning("libosinfo: %s cannot be read: %s", file, error)
            continue
        for element in root.iter("os"):
            yield _system(element)


def _system(element: ET.Element) -> Os:
    return Os(
        id=element.get("id", ""),
        short_ids=tuple(short.text for short in element.findall("short-id") if short.text),
        name=element.findtext("name") or "",
        version=element.findtext("version") or "",
        distro=element.findtext("distro") or "",
        parents=tuple(parent.get("id", "") for kind in ("derives-from", "clones") for parent in element.findall(kind)),
        devices={each.get("id", ""): each.get("supported") != "false" for each in element.findall("devices/device")},
        firmware={
            (each.get("arch", ""), each.get("type", "")): each.get("supported") != "false"
            for each in element.findall("firmware")
        },
        ram=_resource(element, "ram"),
        storage=_resource(element, "storage"),
    )


def _resource(element: ET.Element, name: str) -> int | None:
    for level in ("recommended", "minimum"):
        text = element.findtext(f"resources/{level}/{name}")
        if text is not None and text.strip().isdigit():
            return int(text)
    return None
