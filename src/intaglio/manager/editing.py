"""Changing files of definitions as a person would: comments, order and quotes stay, one version comes and one goes."""

import copy
import importlib
import io
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from intaglio.manager import shipped
from intaglio.manager.catalogue import CatalogueInvalid, read_text
from intaglio.manager.discovery.base import Build
from intaglio.manager.naming import natural
from intaglio.manager.upstream.web import ManagerMissing

_OF_ONE_BUILD = ("checksum_url", "checksums_url", "id")


class File:
    """One file of definitions, loaded so that it can be written again. Raises `ManagerMissing`, `ShippedReadOnly`."""

    def __init__(self, path: Path) -> None:
        self.path = shipped.writable(path)
        self._text = path.read_text(encoding="utf-8")
        try:
            yaml = importlib.import_module("ruamel.yaml")
            util = importlib.import_module("ruamel.yaml.util")
        except ImportError:
            raise ManagerMissing("This command needs ruamel.yaml: pip install 'intaglio[manager]'.") from None
        _, indent, offset = util.load_yaml_guess_indent(self._text)
        self._yaml = yaml.YAML()
        self._yaml.preserve_quotes = True
        self._yaml.width = 1 << 16
        self._yaml.explicit_start = self._text.startswith("---")
        self._yaml.indent(mapping=2, sequence=indent or 2, offset=offset or 0)
        self._document = self._yaml.load(self._text)

    def definitions(self) -> Iterator[Any]:
        """The definitions in their order; what is changed in them is written by `save`."""
        yield from self._document["images"]

    def save(self) -> bool:
        """Write the file if it is another now; whether it is. Never half of it, and never one with errors.

        Raises `CatalogueInvalid`.
        """
        out = io.StringIO()
        self._yaml.dump(self._document, out)
        text = out.getvalue()
        if text == self._text:
            return False
        problems = read_text(text, str(self.path)).errors
        if problems:
            raise CatalogueInvalid("\n".join(map(str, problems)))
        new = self.path.with_name(f".{self.path.name}.new")
        with new.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.chmod(self.path.stat().st_mode)
        new.replace(self.path)
        return True


def newest(versions: Sequence[Mapping[str, Any]]) -> int | None:
    """The position of the newest listed version, by the natural order of their names; None without any."""
    names = [natural(str(each["version"])) for each in versions]
    return max(range(len(names)), key=names.__getitem__) if names else None


def add(definition: Any, build: Build, *, builds: int | None) -> list[str]:
    """List a build in a definition, and drop the oldest so that there are `builds`, or as many as before (at least 1).

    The names of the versions dropped. The new one stands beside the newest before it: behind it, or in front of it in a
    list that begins with the newest.
    """
    versions = definition["versions"]
    wanted = builds or max(1, len(versions))
    before = newest(versions)
    if before is not None and len(versions) == wanted == 1:
        dropped = [str(versions[0]["version"])]
        describe(versions[0], build)
        return dropped
    entry = _like(versions[before] if before is not None else {}, build)
    if before == 0 and len(versions) > 1:
        versions.insert(0, entry)
    else:
        versions.append(entry)
        if len(versions) > 1:
            _move_tail(versions[-2], entry)
    dropped = []
    while len(versions) > wanted:
        names = [natural(str(each["version"])) for each in versions]
        dropped.append(_drop(versions, min(range(len(names)), key=names.__getitem__)))
    return dropped


def drop(definition: Any, names: Collection[str]) -> None:
    """List these versions of a definition no more."""
    versions = definition["versions"]
    for index in reversed(range(len(versions))):
        if str(versions[index]["version"]) in names:
            _drop(versions, index)


def _drop(versions: Any, index: int) -> str:
    """Take out one version; what is written behind the last one stays. The version's name."""
    if index == len(versions) - 1 and index > 0:
        _move_tail(versions[index], versions[index - 1])
    name = str(versions[index]["version"])
    del versions[index]
    return name


def _like(model: Mapping[str, Any], build: Build) -> Any:
    """A version with the model's keys in their order, without its comments."""
    comments = importlib.import_module("ruamel.yaml.comments")
    entry = comments.CommentedMap(model)
    entry.setdefault("version", "")
    describe(entry, build)
    return entry


def describe(entry: Any, build: Build) -> None:
    """Make a version that of the build. A mirror's address is kept when the version before is what it differs by."""
    before = str(entry["version"])
    mirror = str(entry.get("mirror_url", ""))
    if mirror and before and before in mirror and before != build.version:
        entry["mirror_url"] = _alike(entry["mirror_url"], mirror.replace(before, build.version))
    elif mirror and before != build.version:
        del entry["mirror_url"]
    for name in _OF_ONE_BUILD:
        entry.pop(name, None)
    entry["version"] = _alike(entry["version"], build.version)
    entry["url"] = _alike(entry.get("url"), build.url)
    entry["checksum"] = _alike(entry.get("checksum"), str(build.digest))
    if build.day is not None:
        entry["build_date"] = build.day
    else:
        entry.pop("build_date", None)


def _alike(old: Any, new: str) -> str:
    """The new text in the quotes of the old one."""
    return type(old)(new) if isinstance(old, str) else new


def _move_tail(old: Any, new: Any) -> None:
    """Lines that stand behind the last entry of a list belong to what comes after it."""
    tokens = old.ca.items.get(list(old)[-1])
    token = tokens[2] if tokens else None
    if token is None:
        return
    own, _, tail = token.value.partition("\n")
    moved = copy.copy(token)
    moved.value = f"\n{tail}"
    if own.strip():
        token.value = f"{own}\n"
    else:
        tokens[2] = None
    new.ca.items.setdefault(list(new)[-1], [None, None, None, None])[2] = moved


def put_before_url(entry: Any, name: str, value: str) -> None:
    """Set a key of a version; a new one stands before `url`, so that what stands behind the last key stays there."""
    if name in entry:
        entry[name] = _alike(entry[name], value)
    else:
        entry.insert(list(entry).index("url"), name, value)
