"""Law 2: no module but the door hands bytes to a store."""

import ast
from pathlib import Path

import pytest

import intaglio

SOURCE = Path(intaglio.__file__).parent
ALLOWED = {"ingest", "stores"}  # the door itself; wrappers and the conformance suite of stores


def store_puts(code: str) -> list[int]:
    """Lines that name an attribute `put`, unless it is called with one plain argument as that of a queue is."""
    tree = ast.parse(code)
    of_queues = {
        id(call.func)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and len(call.args) == 1
        and not isinstance(call.args[0], ast.Starred)
        and not call.keywords
    }
    named = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "put"]
    by_text = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "getattr"
        and len(node.args) > 1
        and (not isinstance(node.args[1], ast.Constant) or node.args[1].value == "put")
    ]
    return sorted([node.lineno for node in named if id(node) not in of_queues] + [node.lineno for node in by_text])


def test_only_the_door_writes_to_stores() -> None:
    trespassers = [
        f"{path.relative_to(SOURCE)}:{line}"
        for path in sorted(SOURCE.rglob("*.py"))
        if path.relative_to(SOURCE).parts[0] not in ALLOWED
        for line in store_puts(path.read_text())
    ]
    assert trespassers == []


def test_the_door_is_found_by_the_same_rule() -> None:
    assert store_puts((SOURCE / "ingest" / "door.py").read_text())


@pytest.mark.parametrize(
    "code",
    [
        "await store.put(key, chunks)",
        "await store.put(*both)",
        "f = store.put",
        "s.put(key, chunks=c)",
        'getattr(s, "put")',
    ],
)
def test_what_the_rule_finds(code: str) -> None:
    assert store_puts(f"async def f():\n    {code}\n") == [2]


def test_what_the_rule_lets_pass() -> None:
    assert store_puts("async def f():\n    await queue.put(item)\n    getattr(x, 'name')\n") == []
