"""`intaglio catalog shipped`: the definitions that come with the package."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from intaglio.cli.options import FormatOption


def shipped(
    files: Annotated[list[str] | None, Parameter(help="Only these, such as ubuntu.", negative="")] = None,
    /,
    *,
    copy: Annotated[Path | None, Parameter(help="Copy them to this directory; nothing is overwritten.")] = None,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> None:
    """List the definitions that come with Intaglio, or copy them.

    Wherever definitions are named, `shipped` stands for all of them and `shipped:ubuntu` for one file. They follow the
    upstreams' pointers to their newest builds; a copy can be pinned, updated and changed.

    For example:

        intaglio catalog shipped debian ubuntu --copy images

        intaglio catalog plan shipped:debian --os-cloud intaglio
    """
    from intaglio.cli.output import print_json, print_table
    from intaglio.manager import catalogue
    from intaglio.manager import shipped as package

    if copy is not None:
        for path in package.copy(files or (), copy):
            sys.stdout.write(f"{path}\n")
        return
    rows = [
        {
            "file": name,
            "name": each.name,
            "enabled": each.enable,
            "architecture": each.meta.get("architecture") or "",
            "version": ", ".join(version.version for version in each.versions),
        }
        for name in files or package.names()
        for each in catalogue.read(package.located(Path(f"{package.WORD}:{name}"))).definitions
    ]
    if format == "json":
        print_json(rows)
        return
    cells = [[str(value) for value in row.values()] for row in rows]
    print_table(("file", "name", "enabled", "architecture", "version"), cells)
