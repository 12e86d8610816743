"""Reading a catalogue: files of definitions into values, with every problem of every file. It needs no network."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from intaglio.base.errors import Invalid, NotFound
from intaglio.manager import shipped, standards
from intaglio.manager.definitions import LATEST, Catalogue, Definition, Place, Problem, Retention, Signature, Version
from intaglio.manager.fields import IMAGE, RETENTION, SIGNATURE, STREAM, VERSION
from intaglio.manager.naming import LONGEST, suffixed
from intaglio.manager.reading import Reader

_LIST = "a file of definitions is a mapping with one key 'images', a list of definitions"


class CatalogueMissing(NotFound):
    """There are no definitions where the catalogue should be."""

    code = "catalogue-missing"


class CatalogueInvalid(Invalid):
    """A catalogue has errors; each is said with file, line and column."""

    code = "catalogue-invalid"


def read(path: Path) -> Catalogue:
    """The catalogue in a file, or in the files of a directory that end in .yml or .yaml, by name.

    Raises `CatalogueMissing`.
    """
    definitions: list[Definition] = []
    problems: list[Problem] = []
    for file in files(path):
        found, wrong = _read_file(file)
        definitions += found
        problems += wrong
    problems += _clashes(definitions)
    return Catalogue(tuple(definitions), tuple(problems))


def checked(catalogue: Catalogue) -> Catalogue:
    """The catalogue, if it has no errors. Raises `CatalogueInvalid` that names all of them."""
    if catalogue.errors:
        count = len(catalogue.errors)
        said = "\n".join(map(str, catalogue.errors))
        raise CatalogueInvalid(f"{said}\n{count} error{'s' * (count > 1)} in the definitions; nothing was done.")
    return catalogue


def usable(catalogue: Catalogue) -> Catalogue:
    """The catalogue without definitions that have errors. Their names stay known by the problems."""
    wrong = {problem.definition for problem in catalogue.errors}
    kept = tuple(definition for definition in catalogue.definitions if definition.name not in wrong)
    return Catalogue(kept, catalogue.problems)


def files(path: Path) -> Sequence[Path]:
    """The files of a catalogue, or of the one that comes with the package. Raises `CatalogueMissing`, `NotShipped`."""
    path = shipped.located(path)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise CatalogueMissing(f"There is no file or directory {path}. Name the definitions with --images.")
    found = sorted(each for each in path.iterdir() if each.suffix in {".yml", ".yaml"} and each.is_file())
    if not found:
        raise CatalogueMissing(f"No file in {path} ends in .yml or .yaml.")
    return found


def read_text(text: str, file: str) -> Catalogue:
    """The catalogue in the text of one file, called `file` where something is wrong."""
    definitions, problems = _read_text(text, Path(file))
    return Catalogue(tuple(definitions), tuple(problems))


def _read_file(file: Path) -> tuple[list[Definition], list[Problem]]:
    try:
        return _read_text(file.read_text(encoding="utf-8-sig"), file)
    except OSError as error:
        raise CatalogueMissing(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        return [], [_at(file, 1, 1, "the file is not UTF-8 text")]


def _read_text(text: str, file: Path) -> tuple[list[Definition], list[Problem]]:
    reader = Reader(str(file))
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        return [], [_syntax(file, error)]
    if root is None:
        return [], [_at(file, 1, 1, f"the file is empty; {_LIST}")]
    return list(_definitions(reader, root)), reader.problems


def _syntax(file: Path, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    said = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return _at(file, line, column, f"this is not YAML: {said}")


def _at(file: Path, line: int, column: int, message: str) -> Problem:
    return Problem(place=Place(str(file), line, column), severity="error", message=message)


def _definitions(reader: Reader, root: yaml.Node) -> Iterator[Definition]:
    if not isinstance(root, yaml.MappingNode):
        reader.say(root, _LIST)
        return
    found = {name: (key, node) for name, key, node in reader.pairs(root, "the file")}
    for name, (key, _) in found.items():
        if name != "images":
            reader.say(key, f"the file has no key '{name}'; {_LIST}")
    if "images" not in found:
        reader.say(root, _LIST)
        return
    items = reader.items(found["images"][1], "'images'")
    if items == []:
        reader.say(found["images"][1], "'images' is empty; it lists at least one definition")
    for item in items or []:
        yield from _definition(reader, item)
        reader.definition = ""


def _definition(reader: Reader, node: yaml.Node) -> Iterator[Definition]:
    if isinstance(node, yaml.MappingNode):
        names = [value.value for key, value in node.value if key.value == "name"]
        reader.definition = names[0] if names and isinstance(names[0], str) else ""
    values, nodes = reader.record(node, IMAGE, "a definition")
    versions = [version for item in values.pop("versions", []) for version in _version(reader, item)]
    if "retention" in values:
        values["retention"] = _retention(reader, values["retention"])
    if "signature" in values:
        values["signature"] = _signature(reader, values["signature"])
    if "stream" in values:  # for `update` alone
        reader.record(values.pop("stream"), STREAM, "'stream'")
    for unsent in ("password", "latest_url", "latest_checksum_url"):
        values.pop(unsent, None)
    if "name" not in values or "format" not in values:
        return
    definition = Definition(place=reader.place(node), versions=tuple(versions), **values)
    _check(reader, nodes, definition)
    for rule, message in standards.findings(definition):
        reader.say(nodes.get("meta", node), f"'{definition.name}': {message}", "warning", rule)
    yield definition


def _version(reader: Reader, node: yaml.Node) -> Iterator[Version]:
    values, nodes = reader.record(node, VERSION, "a version")
    values.pop("image_description", None)
    values.pop("source", None)
    if "version" not in values or "url" not in values:
        return
    version = Version(place=reader.place(node), **values)
    if version.version == LATEST and bool(version.checksum_url) == bool(version.checksums_url):
        reader.say(
            nodes["version"],
            "a version 'latest' needs 'checksum_url' (a file with nothing but the digest) or 'checksums_url' (a file "
            "with a line for each file), and not both: only the digest says which build it is",
        )
    yield version


def _retention(reader: Reader, node: yaml.Node) -> Retention:
    values, nodes = reader.record(node, RETENTION, "'retention'")
    retention = Retention(**values)
    if isinstance(retention.kept, int) and retention.visible and retention.visible > retention.kept:
        reader.say(nodes["kept"], "'kept' counts the visible ones, too: it cannot be less than 'visible'")
    return retention


def _signature(reader: Reader, node: yaml.Node) -> Signature | None:
    values, nodes = reader.record(node, SIGNATURE, "'signature'")
    here = Path(reader.place(node).file).parent
    files_ = tuple(str(here / name) for name in values.pop("keys", ()))
    missing = [name for name in files_ if not Path(name).is_file()]
    for name in missing:
        reader.say(nodes["keys"], f"there is no file {name}; 'keys' names files of OpenPGP certificates")
    if "keys" in nodes and not files_:
        reader.say(nodes["keys"], "'keys' is empty: without certificates no signature can be verified")
    return Signature(keys=files_, **values) if files_ else None


def _check(reader: Reader, nodes: dict[str, yaml.Node], definition: Definition) -> None:
    if not definition.name.strip():
        reader.say(nodes["name"], "a definition needs a name")
    seen: dict[str, Version] = {}
    for version in definition.versions:
        if version.version in seen:
            _report(reader, version.place, f"the version '{version.version}' stands twice in '{definition.name}'")
        seen[version.version] = version
        if len(suffixed(definition, version.version)) > LONGEST:
            _report(reader, version.place, f"the name of the image would have more than {LONGEST} characters")
    if definition.login is None:
        reader.say(nodes["name"], f"'{definition.name}' has no 'login': nobody can tell how to sign in", "warning")


def _report(reader: Reader, place: Place, message: str) -> None:
    reader.problems.append(Problem(place=place, severity="error", message=message, definition=reader.definition))


def _clashes(definitions: Iterable[Definition]) -> Iterator[Problem]:
    """Definitions that would fight for the same name of an image."""
    taken: dict[str, tuple[str, Place]] = {}
    for definition in definitions:
        for name in dict.fromkeys(_names(definition)):
            owner = taken.setdefault(name, (definition.name, definition.place))
            if owner[1] != definition.place:
                same = "this name" if owner[0] == definition.name == name else f"an image named '{name}'"
                yield _clash(definition, f"{owner[1]} defines {same}, too; names are unique in a catalogue")


def _clash(definition: Definition, message: str) -> Problem:
    return Problem(place=definition.place, severity="error", message=message, definition=definition.name)


def _names(definition: Definition) -> Iterator[str]:
    if definition.multi:
        yield definition.name
    yield from (suffixed(definition, version.version) for version in definition.versions)


def summary(catalogue: Catalogue) -> dict[str, Any]:
    """Counts, for who wants to know what was read."""
    return {
        "definitions": len(catalogue.definitions),
        "enabled": sum(each.enable for each in catalogue.definitions),
        "versions": sum(len(each.versions) for each in catalogue.definitions),
        "errors": len(catalogue.errors),
        "warnings": len(catalogue.problems) - len(catalogue.errors),
    }
