"""`intaglio metadef`: the catalogue of metadata definitions, and the files it is kept in."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from cyclopts import App, Parameter

from intaglio.cli.options import FormatOption
from intaglio.cli.sources import ConfigOptions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from intaglio.bootstrap.settings import Settings
    from intaglio.db.base import Database
    from intaglio.domain.metadefs.changes import Changes
    from intaglio.domain.metadefs.model import Definition

app = App(name="metadef", help="Load, compare and export the catalogue of metadata definitions.")

T = TypeVar("T")

ModeOption = Annotated[
    Literal["skip", "merge", "prefer-new", "overwrite"],
    Parameter(
        help="What to do with a namespace that is there already. skip: leave it. merge: add what it lacks. "
        "prefer-new: also change what differs. overwrite: make it exactly what the file says."
    ),
]
Source = Annotated[
    Path | None,
    Parameter(help="A JSON file, or a directory of them. [default: metadata_source_path, or what comes with Intaglio]"),
]
_NOWHERE = ConfigOptions()


@app.command
def load(
    path: Source = None,
    /,
    *,
    mode: ModeOption = "skip",
    options: ConfigOptions = _NOWHERE,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> None:
    """Load definitions from files, all of them or, when one is wrong, none; say what changed.

    Doing it again changes nothing. The files are those that `glance-manage db load_metadefs` reads.

    For example:

        intaglio metadef load

        intaglio metadef load /etc/glance/metadefs --mode prefer-new
    """
    from intaglio.domain.metadefs.changes import Mode
    from intaglio.services import metadef_files

    settings = _settings(options)
    definitions = _definitions(settings, path)
    report = _run(settings, lambda database: metadef_files.load(database, definitions, Mode(mode)))
    _print_changes(report, format)


@app.command
def unload(
    path: Annotated[Path | None, Parameter(help="Remove the namespaces that this file or directory defines.")] = None,
    /,
    *,
    all_: Annotated[bool, Parameter(name="--all", help="Remove everything there is.", negative="")] = False,
    options: ConfigOptions = _NOWHERE,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> None:
    """Remove namespaces with all they hold, protected ones too.

    For example:

        intaglio metadef unload our-definitions.json

        intaglio metadef unload --all
    """
    from intaglio.base.errors import Invalid
    from intaglio.services import metadef_files

    if (path is None) != all_:
        raise Invalid("Say which: the PATH of files that name the namespaces, or --all.")
    settings = _settings(options)
    names = None if path is None else [each.name for each in metadef_files.read(path)]
    _print_changes(_run(settings, lambda database: metadef_files.unload(database, names)), format)


@app.command
def export(
    path: Annotated[
        Path | None, Parameter(help="The directory; it is made if need be. [default: metadata_source_path]")
    ] = None,
    /,
    *,
    options: ConfigOptions = _NOWHERE,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> None:
    """Write the catalogue into a directory, a JSON file a namespace. Other files there are left alone.

    For example:

        intaglio metadef export ./metadefs
    """
    from intaglio.base.errors import Invalid
    from intaglio.services import metadef_files

    settings = _settings(options)
    directory = path or settings.metadefs.source_path
    if directory is None:
        raise Invalid("Say where to: a directory, here or as [DEFAULT] metadata_source_path.")
    report = metadef_files.export(_run(settings, metadef_files.everything), directory)
    if format == "json":
        _print_json([{"namespace": each.namespace, "file": each.file, "written": each.written} for each in report])
        return
    for each in report:
        sys.stdout.write(f"{'written' if each.written else 'unchanged':9}  {each.file}  {each.namespace}\n")
    sys.stdout.write(f"{len(report)} namespaces, {sum(each.written for each in report)} files written.\n")


@app.command
def diff(
    path: Source = None,
    /,
    *,
    options: ConfigOptions = _NOWHERE,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> int:
    """Say what would make the catalogue exactly what the files say; exit code 0 when it is so, 1 when not.

    For example:

        intaglio metadef diff /etc/glance/metadefs
    """
    from intaglio.domain.metadefs.changes import Outcome
    from intaglio.services import metadef_files

    settings = _settings(options)
    definitions = _definitions(settings, path)
    report = _run(settings, lambda database: metadef_files.compare(database, definitions))
    differing = [each for each in report if each.outcome is not Outcome.UNCHANGED]
    _print_changes(differing, format, nothing="The catalogue is what the files say.")
    return 1 if differing else 0


def _settings(options: ConfigOptions) -> "Settings":
    from intaglio.bootstrap.load import load as configured

    return configured(options.sources())


def _definitions(settings: "Settings", path: Path | None) -> "Sequence[Definition]":
    from intaglio.services import metadef_files

    source = path or settings.metadefs.source_path
    return metadef_files.shipped() if source is None else metadef_files.read(source)


def _run(settings: "Settings", use: "Callable[[Database], Awaitable[T]]") -> T:
    import asyncio

    from intaglio.db.engine import open_database

    async def main() -> T:
        database = open_database(settings.database)
        try:
            await database.check()
            return await use(database)
        finally:
            await database.close()

    return asyncio.run(main())


def _print_changes(report: "Sequence[Changes]", format_: str, nothing: str = "Nothing to do.") -> None:
    if format_ == "json":
        _print_json([_plain(each) for each in report])
        return
    for each in report:
        sys.stdout.write(f"{each.outcome:9}  {each.namespace}\n")
        if each.outcome == "changed":
            for sign, names in (("+", each.added), ("~", each.changed), ("-", each.removed)):
                sys.stdout.writelines(f"           {sign} {name}\n" for name in names)
    counts = {outcome: sum(each.outcome == outcome for each in report) for outcome in {each.outcome for each in report}}
    total = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
    sys.stdout.write(f"{total or nothing}\n")


def _plain(changes: "Changes") -> dict[str, Any]:
    return {
        "namespace": changes.namespace,
        "outcome": changes.outcome.value,
        "added": list(changes.added),
        "changed": list(changes.changed),
        "removed": list(changes.removed),
    }


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
