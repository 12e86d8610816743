"""How commands print what they found: tables for people, lines with tabs or JSON for programs."""

import sys
from collections.abc import Iterable, Sequence

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on a terminal; elsewhere one line a row with tabs between, for other programs."""
    console = console_on()
    if not console.is_terminal:
        for row in rows:
            sys.stdout.write("\t".join(" ".join(cell.split()) for cell in row) + "\n")  # Rich would expand the tabs
        return
    table = Table(*titles, box=None, header_style="bold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    console.print(table, highlight=False)


def print_json(value: object) -> None:
    """A value as indented JSON; structs as objects."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def console_on(*, stderr: bool = False) -> Console:
    """A console on standard output, or on standard error."""
    return Console(stderr=stderr)
