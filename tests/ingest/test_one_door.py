"""Law 2: no module but the door hands bytes to a store."""

import ast
from pathlib import Path

import pytest

import intaglio

SOURCE = Path(intaglio.__file__).parent
# the door itself; wrappers and the conformance suite of stores; who reaches no store (import-linter proves it)
ALLOWED = {"ingest", "stores", "manager"}


# rooms from which no store is in reach (import-linter proves it): there a computed attribute is nobody's `put`
BLIND = {"db", "authz", "identity", "domain", "base"}


def store_puts(code: str, *, computed: bool = True) -> list[int]:
    """Lines that name an attribute `put`, or with `computed` may name it by a text that is not written out.

    Not meant: one plain argument, as the `put` of a queue has; the `put` of something imported, which is a module.
    """
    tree = ast.parse(code)
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and not (node.module or "").startswith("intaglio.stores")
        for alias in node.names
    }
    of_queues = {
        id(call.func)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and len(call.args) == 1
        and not isinstance(call.args[0], ast.Starred)
        and not call.keywords
    }
    named = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr == "put"
        and not (isinstance(node.value, ast.Name) and node.value.id in imported)
    ]
    by_text = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "getattr"
        and len(node.args) > 1
        and _may_be_put(node.args[1], computed=computed)
    ]
    return sorted([node.lineno for node in named if id(node) not in of_queues] + [node.lineno for node in by_text])


def _may_be_put(name: ast.expr, *, computed: bool) -> bool:
    return name.value == "put" if isinstance(name, ast.Constant) else computed


def test_only_the_door_writes_to_stores() -> None:
    trespassers = [
        f"{path.relative_to(SOURCE)}:{line}"
        for path in sorted(SOURCE.rglob("*.py"))
        if (room := path.relative_to(SOURCE).parts[0]) not in ALLOWED
        for line in store_puts(path.read_text(), computed=room not in BLIND)
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
        "getattr(s, name)",
    ],
)
def test_what_the_rule_finds(code: str) -> None:
    assert store_puts(f"async def f():\n    {code}\n") == [2]


def test_what_the_rule_lets_pass() -> None:
    assert store_puts("async def f():\n    await queue.put(item)\n    getattr(x, 'name')\n") == []
    assert store_puts("from intaglio.api.v2 import data\nroute(handler=data.put)\n") == []
    assert store_puts("getattr(image, name)\n", computed=False) == []
    assert store_puts("getattr(store, 'put')\n", computed=False) == [1]
