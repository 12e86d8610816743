"""Where workers are killed: before and after every step of every method, and in the middle of each that takes long.

The page docs/reference/kills.md shows this table.
"""

from collections.abc import Iterator, Mapping

from intaglio.imports.methods import METHODS, PUBLIC
from tests.house.tree import ROOT

INSIDE: Mapping[str, Mapping[str, str]] = {
    "fetch": {
        "stage:source": "what the source said is half written down",
        "stage:000000": "the first part of the file is half kept",
        "stage:000002": "a later part is half kept",
        "stage:whole": "all parts are there, that they are all is half written down",
    },
    "store": {"put:inside": "the stores have the first piece"},
    "copy": {"put:inside": "the store has the first piece"},
}
"""The middle of the steps that take long, by the names of actor.py."""


def points(method: str) -> Iterator[tuple[str, str]]:
    """Every point of a method at which a worker is killed, in order, and where that is in words."""
    for step in ("begin", *METHODS[method].steps):
        yield f"{step}:before", f"the step {step} is about to be done"
        yield from INSIDE.get(step, {}).items()
        yield f"{step}:after", f"{step} is done, and not journalled yet"


def undone() -> Iterator[tuple[str, str]]:
    """The points of undoing what failed."""
    yield "undo:before", "a step has failed, and is about to be undone"
    yield "undo:after", "it is undone, and that is not journalled yet"


def begun(step: str) -> int:
    """How often a step is begun when a worker is killed at each of its points: once more than that."""
    return len(INSIDE.get(step, {})) + 3


PAGE = ROOT / "docs" / "reference" / "kills.md"
BEGIN, END = "<!-- written by tests/imports/kills.py -->\n", "<!-- to here -->\n"


def page() -> str:
    """The page with the table as the tests have it; `python -m tests.imports.kills` writes it anew."""
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    return before + BEGIN + "\n".join(_lines()) + "\n" + END + rest.split(END)[1]


def _lines() -> Iterator[str]:
    for method in PUBLIC:
        yield f"\n### {method}\n\n| killed at | that is |\n|---|---|"
        yield from (f"| `{point}` | {words} |" for point, words in (*points(method), *undone()))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
