"""Reference pages say what the code says, and every error has a code of its own and a meaning."""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import pytest
from cyclopts import App

from intaglio.api.errors import STATUS_OF_KIND
from intaglio.api.reference import ADVICE, all_errors, errors_page, policies_page, routes_page
from intaglio.api.routes import ROUTES
from intaglio.base.errors import IntaglioError
from intaglio.bootstrap.reference import reference
from intaglio.cli.main import build
from intaglio.manager.reference import page as definitions_page
from tests.house.tree import ROOT

OPTIONAL = ("asyncpg", "aiomysql", "pymysql", "pytest", "openstack", "zstandard")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("api.md", routes_page()),
        ("errors.md", errors_page()),
        ("configuration.md", reference()),
        ("policies.md", policies_page()),
        ("definitions.md", definitions_page()),
    ],
    ids=["api", "errors", "configuration", "policies", "definitions"],
)
def test_a_generated_page_is_what_the_code_says(name: str, text: str) -> None:
    page = ROOT / "docs" / "reference" / name
    assert page.exists(), f"docs/reference/{name} is missing: run make docs"
    assert page.read_text(encoding="utf-8") == text, f"docs/reference/{name} is stale: run make docs"


def _commands(app: App, path: tuple[str, ...]) -> Iterator[str]:
    names = [name for name in app if not name.startswith("-")]
    if not names:
        yield " ".join(path)
    for name in names:
        yield from _commands(app[name], (*path, name))


def test_every_command_is_on_the_map() -> None:
    page = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"`(intaglio(?: [a-z-]+)+)`", page))
    assert set(_commands(build(), ("intaglio",))) - listed == set()


def test_every_route_is_on_its_page() -> None:
    headings = re.findall(r"^## (\w+) `([^`]+)`$", routes_page(), re.MULTILINE)
    assert headings == [(route.method, route.path) for route in ROUTES]


def test_every_error_has_a_code_of_its_own() -> None:
    missing = [error.__qualname__ for error in all_errors() if "code" not in vars(error)]
    assert not missing, f"without a code of their own: {missing}"
    taken = Counter(error.code for error in all_errors())
    assert [code for code, times in taken.items() if times > 1] == []
    assert [code for code in taken if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code)] == []


def test_every_error_says_what_it_means() -> None:
    silent = [error.__qualname__ for error in all_errors() if not (error.__doc__ or "").strip()]
    assert not silent, f"without a docstring: {silent}"
    page = errors_page()
    assert [error.code for error in all_errors() if page.count(f"| `{error.code}` |") != 1] == []


def test_every_concrete_error_is_of_a_kind() -> None:
    kinds = tuple(kind for kind in STATUS_OF_KIND if kind in ADVICE)
    stray = [
        error.__qualname__ for error in all_errors() if error is not IntaglioError and not issubclass(error, kinds)
    ]
    assert not stray, f"no status follows from their kind: {stray}"


def test_every_error_in_the_source_is_found() -> None:
    """None hides in a module that the walk leaves out."""
    written = {
        code
        for path in (ROOT / "src" / "intaglio").rglob("*.py")
        for code in re.findall(r'^    code(?:: ClassVar\[str\])? = "([^"]+)"$', path.read_text(), re.MULTILINE)
    }
    assert {error.code for error in all_errors()} == written


def test_the_page_needs_no_optional_part() -> None:
    """The base install, without extras and tools, imports everything that can be met without them."""
    blocked = "".join(f"sys.modules[{name!r}] = None; " for name in OPTIONAL)
    program = f"import sys; {blocked}from intaglio.api.reference import errors_page; sys.stdout.write(errors_page())"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout == errors_page()
