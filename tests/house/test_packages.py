"""Every Debian package that a starter asks for is in the one list that `make test` installs from."""

import ast

from tests.house.tree import files, shown
from tests.starters.packages import PACKAGES


def asked_for() -> dict[str, str]:
    """Package names written in calls of `debian([...], ...)`, with where."""
    found = {}
    for path in files(".py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "debian" and node.args:
                for word in ast.walk(node.args[0]):
                    if isinstance(word, ast.Constant) and isinstance(word.value, str):
                        found[word.value] = f"{shown(path)}:{node.lineno}"
    return found


def test_the_list_is_complete() -> None:
    missing = {name: where for name, where in asked_for().items() if name not in PACKAGES}
    assert not missing, f"add to tests/starters/packages.py: {missing}"
