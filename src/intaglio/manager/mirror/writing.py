"""Writing the mirror's addresses into the files of definitions, of builds that it has."""

from collections.abc import Sequence
from pathlib import Path

from intaglio.manager import catalogue, editing
from intaglio.manager.definitions import LATEST
from intaglio.manager.mirror.copying import Copied
from intaglio.manager.mirror.layout import address

_IN_PLACE = ("there", "copied", "replaced")


def write(path: Path, base: str, outcomes: Sequence[Copied]) -> list[Path]:
    """Give each build that is in the mirror its `mirror_url`; the files that are changed by it.

    A version `latest` gets none: it is another build tomorrow. Raises `CatalogueInvalid`, `ManagerMissing`.
    """
    keys = {(each.definition, each.version): each.key for each in outcomes if each.result in _IN_PLACE}
    changed = []
    for each in catalogue.files(path):
        file = editing.File(each)
        for definition in file.definitions():
            for entry in definition["versions"]:
                key = keys.get((str(definition["name"]), str(entry["version"])))
                if key is not None and str(entry["version"]) != LATEST:
                    editing.put_before_url(entry, "mirror_url", address(base, key))
        if file.save():
            changed.append(each)
    return changed
