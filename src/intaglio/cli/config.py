"""`intaglio config`: what the operator's files say, and what has come of it."""

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter
from rich.console import Console

from intaglio.cli.output import console_on, print_json, print_table
from intaglio.cli.sources import ConfigOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from intaglio.bootstrap.problems import Problem
    from intaglio.bootstrap.report import CheckReport

app = App(name="config", help="Check configuration files, and show what is in effect.")

Format = Literal["table", "json"]
FormatOption = Annotated[Format, Parameter(name="--format")]
Auth = Literal["http_basic", "keystone", "trusted_proxy", "none"]
_NOWHERE = ConfigOptions()


@app.command
def check(*, options: ConfigOptions = _NOWHERE, auth: Auth | None = None, format_: FormatOption = "table") -> int:
    """Say of every option in the files whether it is used, not yet supported, obsolete or unknown.

    The exit code is 0 when all is well, and 1 when the service would not start, or an option, a group or a value is not
    known.

    Parameters
    ----------
    auth
        Check as if the service was started with this --auth.
    format_
        How to print.
    """
    from intaglio.bootstrap.report import check as run

    report = run(options.sources(auth=auth))
    if format_ == "json":
        print_json(report)
    else:
        _print_check(report)
    return 0 if report.fine else 1


@app.command
def show(*, options: ConfigOptions = _NOWHERE, auth: Auth | None = None, format_: FormatOption = "table") -> int:
    """Print the effective value of every option in use, and where it was set. Secrets are masked.

    The exit code is 1 when the configuration cannot be used.

    Parameters
    ----------
    auth
        Show what a start with this --auth would use.
    format_
        How to print.
    """
    from intaglio.bootstrap.problems import ConfigInvalid
    from intaglio.bootstrap.report import show as run

    try:
        rows = run(options.sources(auth=auth))
    except ConfigInvalid as invalid:
        _print_problems(invalid.problems, console_on(stderr=True))
        return 1
    if format_ == "json":
        print_json(rows)
    else:
        print_table(
            ("Option", "Value", "Source"), ((f"[{row.group}] {row.option}", row.value, row.source) for row in rows)
        )
    return 0


def _print_check(report: "CheckReport") -> None:
    rows = (
        (
            f"{row.file}:{row.line}",
            f"[{row.group}] {row.option}",
            "***" if row.value is None else row.value,
            str(row.verdict),
            row.note,
        )
        for row in report.options
    )
    if report.options:
        print_table(("Where", "Option", "Value", "State", "Note"), rows)
    console = console_on()
    _print_problems(report.problems, console)
    read = f"{len(report.options)} options in {len(report.files)} files"
    verdict = "Nothing is wrong." if report.fine else "Not fine: see above."
    console.print(f"{read}. {verdict}", markup=False, highlight=False, soft_wrap=True)


def _print_problems(problems: "Sequence[Problem]", console: Console) -> None:
    for problem in problems:
        console.print(f"{problem.level}: {problem}", markup=False, highlight=False, soft_wrap=True)
