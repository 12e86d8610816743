"""The catalogue and the files operators keep it in: a JSON document a namespace, in Glance's format.

For commands, which speak to the database: nobody's rights are asked. Whatever is loaded is loaded whole or not at all.
"""

import re
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path

import msgspec

from intaglio.base.clock import utcnow
from intaglio.base.errors import Invalid, Unavailable
from intaglio.db.base import Connection, Database
from intaglio.db.repos import metadef_catalogue
from intaglio.domain.metadefs.changes import Changes, Mode, Outcome, differences, document, load_over
from intaglio.domain.metadefs.model import Definition
from intaglio.domain.metadefs.reading import file_definition

SHIPPED = "shipped_metadefs"  # the directory beside this module


class MetadefFileInvalid(Invalid):
    """A file holds no definition of a namespace, or one that was in another file."""

    code = "metadef-file-invalid"


class MetadefFilesMissing(Invalid):
    """There is no such file, or no *.json file in the directory."""

    code = "metadef-files-missing"


class MetadefFileUnwritable(Unavailable):
    """The catalogue cannot be written there."""

    code = "metadef-file-unwritable"


class Exported(msgspec.Struct, frozen=True):
    """One namespace's file, and whether it was written or said the same already."""

    namespace: str
    file: str
    written: bool


def read(path: Path) -> list[Definition]:
    """The definitions in a file, or in the *.json files of a directory.

    Raises `MetadefFilesMissing`, `MetadefFileInvalid` naming the file and what is wrong.
    """
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise MetadefFilesMissing(f"There are no *.json files in {path}.")
    found: dict[str, Path] = {}
    definitions = []
    for file in files:
        definition = _read_file(file)
        if definition.name in found:
            raise MetadefFileInvalid(f"{file} and {found[definition.name]} both define '{definition.name}'.")
        found[definition.name] = file
        definitions.append(definition)
    return definitions


def shipped() -> list[Definition]:
    """The definitions that come with the service."""
    directory = resources.files("intaglio.services") / SHIPPED
    files = sorted((file for file in directory.iterdir() if file.name.endswith(".json")), key=lambda file: file.name)
    return [file_definition(msgspec.json.decode(file.read_bytes())) for file in files]


async def load(database: Database, definitions: Sequence[Definition], mode: Mode) -> list[Changes]:
    """Put definitions into the catalogue; what happened to each. Doing it again changes nothing."""

    async def work(conn: Connection) -> list[Changes]:
        present = {each.name: each for each in await metadef_catalogue.everything(conn)}
        pairs, report = [], []
        for file in definitions:
            before = present.get(file.name)
            after = file if before is None else load_over(before, file, mode)
            changes = differences(before, after)
            if before is not None and mode is Mode.SKIP:
                changes = Changes(namespace=file.name, outcome=Outcome.SKIPPED)
            elif changes.outcome is not Outcome.UNCHANGED:
                pairs.append((before, after))
            report.append(changes)
        if pairs:
            await metadef_catalogue.write(conn, pairs, utcnow())
        return report

    return await database.write(work)


async def unload(database: Database, names: Iterable[str] | None) -> list[Changes]:
    """Remove these namespaces, or with None everything, protected or not; what was there of them."""
    wanted = None if names is None else set(names)

    async def work(conn: Connection) -> list[Changes]:
        present = await metadef_catalogue.everything(conn)
        gone = present if wanted is None else [each for each in present if each.name in wanted]
        if wanted is None:
            await metadef_catalogue.clear(conn)
        else:
            await metadef_catalogue.remove(conn, gone)
        return [differences(each, None) for each in gone]

    return await database.write(work)


async def everything(database: Database) -> list[Definition]:
    """The whole catalogue."""
    return await database.read(metadef_catalogue.everything)


def export(definitions: Iterable[Definition], directory: Path) -> list[Exported]:
    """Write definitions into a directory, a file a namespace; other files there are left alone.

    Raises `MetadefFileUnwritable`.
    """
    taken: set[str] = set()
    report = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for definition in definitions:
            file = directory / _file_name(definition.name, taken)
            report.append(Exported(definition.name, str(file), _write(file, definition)))
    except OSError as error:
        raise MetadefFileUnwritable(f"{error.filename or directory} cannot be written: {error.strerror}.") from error
    return report


async def compare(database: Database, definitions: Sequence[Definition]) -> list[Changes]:
    """What it would take to make the catalogue exactly what the files say, namespace by namespace."""
    present = {each.name: each for each in await database.read(metadef_catalogue.everything)}
    wanted = {each.name: each for each in definitions}
    names = sorted({*present, *wanted})
    return [differences(present.get(name), wanted.get(name)) for name in names]


def _read_file(file: Path) -> Definition:
    try:
        return file_definition(msgspec.json.decode(file.read_bytes()))
    except FileNotFoundError:
        raise MetadefFilesMissing(f"There is no file {file}.") from None
    except OSError as error:
        raise MetadefFileInvalid(f"{file} cannot be read: {error.strerror}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MetadefFileInvalid(f"{file} is not JSON: {error}.") from None
    except Invalid as error:
        raise MetadefFileInvalid(f"{file}: {error}") from None


def _write(file: Path, definition: Definition) -> bool:
    text = msgspec.json.format(msgspec.json.encode(document(definition)), indent=4) + b"\n"
    if file.exists() and file.read_bytes() == text:
        return False
    file.write_bytes(text)
    return True


def _file_name(name: str, taken: set[str]) -> str:
    """A name that every file system can hold, made from the namespace's."""
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "namespace"
    unique, number = stem, 1
    while unique in taken:
        number += 1
        unique = f"{stem}-{number}"
    taken.add(unique)
    return f"{unique}.json"
