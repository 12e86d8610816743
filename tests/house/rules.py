"""The house rules no linter knows: each takes a Python file's path and text and yields what is wrong with it."""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

Rule = Callable[[PurePosixPath, str], Iterator[str]]

NAMELESS = {"utils", "util", "common", "helpers", "helper", "misc"}
MAY_LOAD_LATE = ("src/intaglio/stores/registry.py", "src/intaglio/cli/")
LONGEST = 500  # lines


def has_a_name_of_its_own(path: PurePosixPath, _: str) -> Iterator[str]:
    for part in {path.stem, *path.parts} & NAMELESS:
        yield f"'{part}' says nothing: put the thing with its owner, or into base"


def is_not_too_long(_: PurePosixPath, text: str) -> Iterator[str]:
    lines = len(text.splitlines())
    if lines > LONGEST:
        yield f"{lines} lines: it holds two things; split it by what a reader looks for"


def opens_with_a_docstring(_: PurePosixPath, text: str) -> Iterator[str]:
    if not (ast.get_docstring(ast.parse(text)) or "").strip():
        yield "line 1: no docstring that says what the module owns"


def swallows_nothing(_: PurePosixPath, text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ExceptHandler) and _catches_all(node.type) and all(map(_is_idle, node.body)):
            yield f"line {node.lineno}: every error is caught and forgotten"
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"suppress", "contextlib.suppress"}:
            for argument in node.args:
                if _catches_all(argument):
                    yield f"line {node.lineno}: every error is suppressed"


def _catches_all(caught: ast.expr | None) -> bool:
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(name is None or ast.unparse(name) in {"Exception", "BaseException"} for name in names)


def _is_idle(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass | ast.Continue) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def imports_at_the_top(path: PurePosixPath, text: str) -> Iterator[str]:
    if str(path).startswith(MAY_LOAD_LATE):
        return
    for function in ast.walk(ast.parse(text)):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    yield f"line {node.lineno}: an import inside a function"


def exceptions_have_reasons(_: PurePosixPath, text: str) -> Iterator[str]:
    for number, comment in _comments(text):
        if re.search(r"#\s*type:\s*ignore(?!\[[a-z0-9, -]+\])", comment):
            yield f"line {number}: 'type: ignore' without the code of the error"
        if re.search(r"#\s*noqa", comment) and not re.search(r"# noqa: [A-Z]+\d+(, ?[A-Z]+\d+)* - \S", comment):
            yield f"line {number}: write '# noqa: CODE - the reason'"


def _comments(text: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


EVERYWHERE: tuple[Rule, ...] = (has_a_name_of_its_own, swallows_nothing, exceptions_have_reasons)
IN_SOURCE: tuple[Rule, ...] = (*EVERYWHERE, is_not_too_long, opens_with_a_docstring, imports_at_the_top)
