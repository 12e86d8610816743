"""The tree keeps the house rules, and each rule catches what it is there for."""

from pathlib import PurePosixPath

import pytest

from tests.house import rules
from tests.house.tree import files, shown

DOC = '"""Owns something."""\n'


def broken(path: str, text: str) -> list[str]:
    wanted = rules.IN_SOURCE if path.startswith("src/") else rules.EVERYWHERE
    return [f"{path}: {fault}" for rule in wanted for fault in rule(PurePosixPath(path), text)]


def test_the_tree_keeps_them() -> None:
    faults = [fault for path in files(".py") for fault in broken(shown(path), path.read_text())]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("src/intaglio/api/utils.py", DOC, "says nothing"),
        ("tests/helpers/disk.py", DOC, "says nothing"),
        ("src/intaglio/api/app.py", DOC + "x = 1\n" * 500, "501 lines"),
        ("src/intaglio/api/app.py", "x = 1\n", "no docstring"),
        ("tests/a.py", "try:\n    f()\nexcept Exception:\n    pass\n", "line 3: every error"),
        ("tests/a.py", "try:\n    f()\nexcept (OSError, BaseException):\n    ...\n", "line 3: every error"),
        ("tests/a.py", "try:\n    f()\nexcept:\n    'later'\n", "line 3: every error"),
        ("tests/a.py", "with contextlib.suppress(Exception):\n    f()\n", "suppressed"),
        ("src/intaglio/api/app.py", DOC + "def f():\n    import os\n", "line 3: an import"),
        ("tests/a.py", "x = 1  # type: ignore\n", "without the code"),
        ("tests/a.py", "x = 1  # noqa\n", "CODE"),
        ("tests/a.py", "x = 1  # noqa: S101\n", "CODE"),
    ],
)
def test_a_rule_catches(path: str, text: str, said: str) -> None:
    faults = broken(path, text)
    assert len(faults) == 1
    assert said in faults[0]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("src/intaglio/api/app.py", DOC + "x = 1  # type: ignore[arg-type]  # noqa: S101, E501 - for a reason\n"),
        ("src/intaglio/api/app.py", DOC + "try:\n    f()\nexcept Exception:\n    log()\n    raise\n"),
        ("src/intaglio/stores/registry.py", DOC + "def f():\n    import os\n"),
        ("tests/a.py", "text = '# noqa'\nwith contextlib.suppress(OSError):\n    f()\n"),
    ],
)
def test_a_rule_leaves_alone(path: str, text: str) -> None:
    assert broken(path, text) == []
