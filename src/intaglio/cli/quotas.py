"""`intaglio quota`: what projects use, and the proof of it."""

import sys
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import App, Parameter

from intaglio.cli.options import FormatOption
from intaglio.cli.sources import ConfigOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from intaglio.services.recount import Drift

app = App(name="quota", help="Show what projects use of their quotas, and prove that it was counted right.")
_NOWHERE = ConfigOptions()
_NO_OWNER = "(no owner)"

Project = Annotated[str | None, Parameter(help="The project. [default: all]")]
Fix = Annotated[bool, Parameter(help="Set right what is wrong; the service may run meanwhile.", negative="")]


@app.command
def show(project: Project = None, /, *, options: ConfigOptions = _NOWHERE, format: FormatOption = "table") -> None:  # noqa: A002 - the option's name
    """Show what each project uses, what its running uploads have reserved, and its limits. Sizes are in bytes.

    For example:

        intaglio quota show engines --config-file /etc/glance/glance-api.conf --format json
    """
    from intaglio.bootstrap import quotas
    from intaglio.bootstrap.load import load

    found = quotas.show(load(options.sources()), project)
    if format == "json":
        _print_json(found)
        return
    rows = [("PROJECT", "WHAT", "USED", "RESERVED", "LIMIT")]
    for name, lines in found.items():
        for what, line in lines.items():
            limit = "no limit" if line.limit is None else str(line.limit)
            rows.append((name or _NO_OWNER, what, str(line.used), str(line.reserved), limit))
    _print_rows(rows)


@app.command
def recount(*, fix: Fix = False, options: ConfigOptions = _NOWHERE, format: FormatOption = "table") -> int:  # noqa: A002 - the option's name
    """Count what every project uses from its images, and compare it with the sums that are kept.

    They differ after something else wrote to the database, such as a Glance beside this service. The exit code is 1
    when a sum is wrong and was not set right.

    For example:

        intaglio quota recount --fix --config-file /etc/glance/glance-api.conf
    """
    from intaglio.bootstrap import quotas
    from intaglio.bootstrap.load import load

    found = quotas.recount(load(options.sources()), fix=fix)
    if format == "json":
        _print_json(found)
    elif found:
        _print_rows([("PROJECT", "WHAT", "KEPT", "COUNTED"), *(row for drift in found for row in _rows(drift))])
        sys.stdout.write("Set right.\n" if fix else "Nothing was changed; --fix sets it right.\n")
    else:
        sys.stdout.write("Every sum is right.\n")
    return 1 if found and not fix else 0


def _rows(drift: "Drift") -> list[tuple[str, ...]]:
    kept, counted = (msgspec.to_builtins(side) for side in (drift.kept, drift.found))
    kept, counted = ({**side.pop("used"), **side} for side in (kept, counted))
    name = drift.project or _NO_OWNER
    return [(name, what, str(kept[what]), str(counted[what])) for what in kept if kept[what] != counted[what]]


def _print_rows(rows: "Sequence[tuple[str, ...]]") -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        line = "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        sys.stdout.write(line.rstrip() + "\n")


def _print_json(value: object) -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")
