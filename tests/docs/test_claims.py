"""What the documents claim is shown by tests that exist: the laws, and the differences a client can notice."""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

from tests.docs.differences import SHOWN
from tests.house.tree import ROOT, files

LAWS = (ROOT / "docs" / "explanation" / "laws.md").read_text()
DIFFERENCES = (ROOT / "docs" / "differences.md").read_text()
ARRIVE_LATER: dict[int, str] = {}  # laws whose subject does not exist yet; each leaves this list with it


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
    laws = {int(found[1]): row for row in rows(LAWS) for found in re.finditer(r"^(\d+)\. ", row[0])}
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


def marked(path: Path) -> Iterator[str]:
    """Tests with a row that expects something else than Glance's answer: `differs`, also by a name given to it."""
    tree = ast.parse(path.read_text())
    marks = {"differs"}
    for node in tree.body:
        if isinstance(node, ast.Assign) and _names(node.value) & marks:
            marks |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    decorated = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and any(_names(decorator) & marks for decorator in node.decorator_list)
    }
    yield from (name for name in sorted(ids_in(path)) if name.rpartition("::")[2] in decorated)


def _names(node: ast.AST) -> set[str]:
    return {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}


def test_every_difference_is_shown_and_every_marked_test_has_its_row() -> None:
    topics = [row[0] for row in rows(DIFFERENCES) if row[0] != "topic"]
    assert sorted(topics) == sorted(SHOWN), "docs/differences.md and tests/docs/differences.py name the same topics"
    named = [name for names in SHOWN.values() for name in names]
    assert absent(named) == []
    tests = [path for path in files(".py") if path.name.startswith("test_") and "differs(" in path.read_text()]
    marks = [name for path in tests for name in marked(path)]
    assert marks
    assert [name for name in marks if name not in named] == [], "no row in docs/differences.md says so"
