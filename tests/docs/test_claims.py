"""What the documents claim is shown by tests that exist: the laws, and the differences a client can notice."""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

from tests.house.tree import ROOT

LAWS = (ROOT / "docs" / "explanation" / "laws.md").read_text()
DIFFERENCES = (ROOT / "docs" / "differences.md").read_text()
ARRIVE_LATER = {8: "arrives with imports"}  # laws whose subject does not exist yet; each leaves this list with it


def rows(text: str) -> list[list[str]]:
    """The cells of every table row, without headings."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


@functools.cache
def ids_in(path: Path) -> frozenset[str]:
    return frozenset(_ids(ast.parse(path.read_text()).body, f"{path.relative_to(ROOT)}::"))


def _ids(body: list[ast.stmt], prefix: str) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield from _ids(node.body, f"{prefix}{node.name}::")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield prefix + node.name


def named_tests(text: str) -> list[str]:
    return re.findall(r"`(tests/[^`]+)`", text)


def absent(names: list[str]) -> list[str]:
    return [name for name in names if not (path := ROOT / name.split("::")[0]).is_file() or name not in ids_in(path)]


def test_every_law_is_shown() -> None:
    laws = {int(number[1]): row for row in rows(LAWS) if (number := re.match(r"(\d+)\. ", row[0]))}
    assert list(laws) == list(range(1, 13))
    for number, (_, _, shown_by) in laws.items():
        if number in ARRIVE_LATER:
            assert shown_by.startswith("not yet: ")
            assert ARRIVE_LATER[number] in shown_by
        else:
            assert named_tests(shown_by), f"law {number} names no test"


def test_the_tests_of_the_laws_exist() -> None:
    missing = absent(named_tests(LAWS))
    assert not missing, f"named in docs/explanation/laws.md and not there: {missing}"


def test_a_test_that_is_not_there_would_be_noticed() -> None:
    here = "tests/docs/test_claims.py::"
    assert absent([f"{here}test_every_law_is_shown", f"{here}test_nothing", "tests/none.py::test_x"]) == [
        f"{here}test_nothing",
        "tests/none.py::test_x",
    ]
