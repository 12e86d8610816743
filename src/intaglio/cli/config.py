"""`intaglio config`: what the operator's files say, and what has come of it."""

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter
from rich.console import Console

from intaglio.cli.output import console_on, print_json, print_table
from intaglio.cli.sources import ConfigOptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from intaglio.authz.property_report import ProtectionReport, RoleVerdict
    from intaglio.bootstrap.problems import Problem
    from intaglio.bootstrap.report import CheckReport

app = App(name="config", help="Check configuration files, and show what is in effect.")

Format = Literal["table", "json"]
FormatOption = Annotated[Format, Parameter(name="--format")]
Auth = Literal["http_basic", "keystone", "trusted_proxy", "none"]
_NOWHERE = ConfigOptions()


@app.command
def check(
    *,
    options: ConfigOptions = _NOWHERE,
    auth: Auth | None = None,
    property_: Annotated[tuple[str, ...], Parameter(name="--property")] = (),
    format_: FormatOption = "table",
) -> int:
    """Say of every option in the files whether it is used, not yet supported, obsolete or unknown.

    Where properties are protected it also says what each role may do under each section of that file, and which
    sections can never be used.

    The exit code is 0 when all is well, and 1 when the service would not start, when an option, a group or a value is
    not known, or when a section of the property protections can never be used.

    Parameters
    ----------
    auth
        Check as if the service was started with this --auth.
    property_
        A custom property: say which section decides about it, and who may do what with it. Can be repeated.
    format_
        How to print.
    """
    from intaglio.bootstrap.report import check as run

    report = run(options.sources(auth=auth), property_)
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
    if report.property_protection is not None:
        _print_protection(report.property_protection)
    _print_problems(report.problems, console)
    read = f"{len(report.options)} options in {len(report.files)} files"
    verdict = "Nothing is wrong." if report.fine else "Not fine: see above."
    console.print(f"{read}. {verdict}", markup=False, highlight=False, soft_wrap=True)


def _print_protection(report: "ProtectionReport") -> None:
    titles = ("Properties", "Role", "Create", "Read", "Update", "Delete", "Note")
    rows = [
        row
        for verdict in report.sections
        for row in _role_rows(f"[{verdict.section}]", verdict.roles, "" if verdict.never_used is None else "never used")
    ]
    rows.append(("whatever no section matches", "every role", "no", "no", "no", "no", ""))
    for found in report.properties:
        decides = "no section decides" if found.section is None else f"[{found.section}] decides"
        rows += _role_rows(found.property, found.roles, decides)
    print_table(titles, rows)


def _role_rows(name: str, roles: "Sequence[RoleVerdict]", note: str) -> "Iterator[Sequence[str]]":
    for verdict in roles:
        answers = ("yes" if action in verdict.allowed else "no" for action in ("create", "read", "update", "delete"))
        yield (name, verdict.role, *answers, note)


def _print_problems(problems: "Sequence[Problem]", console: Console) -> None:
    for problem in problems:
        console.print(f"{problem.level}: {problem}", markup=False, highlight=False, soft_wrap=True)
