"""Links lead somewhere, pages can be found, and the site builds without a complaint."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.markdown import anchors, code, links, target
from tests.house.tree import ROOT, files, shown

DOCS = ROOT / "docs"
SITE = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]


def test_links_lead_somewhere() -> None:
    faults = []
    for path in files(".md"):
        for link in links(path):
            found = target(path, link)
            if found is None:
                continue
            if not found[0].exists():
                faults.append(f"{shown(path)}: {link}: no such file")
            elif found[1] and found[1] not in anchors(found[0]):
                faults.append(f"{shown(path)}: {link}: no such heading")
    assert not faults, "\n".join(faults)


def in_navigation(entries: list[Any]) -> Iterator[Path]:
    for entry in entries:
        value = next(iter(entry.values())) if isinstance(entry, dict) else entry
        if isinstance(value, str):
            yield DOCS / value
        else:
            yield from in_navigation(value)


def test_every_page_can_be_reached() -> None:
    reached: set[Path] = set()
    waiting = list(in_navigation(SITE["nav"]))
    while waiting:
        page = waiting.pop()
        if page not in reached and page.suffix == ".md" and page.exists():
            reached.add(page)
            waiting += [found[0] for link in links(page) if (found := target(page, link))]
    lost = [shown(page) for page in files(".md") if page.is_relative_to(DOCS) and page not in reached]
    assert not lost, f"in neither the navigation (zensical.toml) nor a link: {lost}"


def program(name: str) -> str:
    return str(Path(sys.executable).parent / name)


@pytest.fixture(scope="module")
def site() -> Path:
    """The built site; anything the generator complains of fails here."""
    command = [program("zensical"), "build", "--strict", "--clean"]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return ROOT / str(SITE["site_dir"])


def test_the_site_has_every_page(site: Path) -> None:
    made = {page.relative_to(site).with_suffix(".md") for page in site.rglob("*.html")}
    assert {page.relative_to(DOCS) for page in files(".md") if page.is_relative_to(DOCS)} <= made


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    loading = re.compile(r"<(?:script|img|iframe|link)\b[^>]*?(?:src|href)=[\"']?(?:https?:)?//[^>]*>")
    pages = list(site.rglob("*.html"))
    found = {match[0] for page in pages for match in loading.finditer(page.read_text()) if "canonical" not in match[0]}
    assert not found


def test_the_targets_it_names_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        word: shown(path)
        for path in files(".md")
        for piece in code(path)
        for word in re.findall(r"(?:^|\s)make ([a-z]+)", piece)
    }
    assert {"run", "test"} <= named.keys()
    unknown = {word: where for word, where in named.items() if word not in targets}
    assert not unknown


def commands() -> list[str]:
    """The `intaglio` commands that the documentation tells people to type, without their options."""
    found = {
        words.strip()
        for path in files(".md")
        for piece in code(path)
        for words in re.findall(r"(?:^|(?<![\w-]{2}cloud) |/)intaglio((?: [a-z]+)+)", piece, re.MULTILINE)
    }
    return sorted(found)


@pytest.mark.parametrize("words", commands())
def test_the_commands_it_names_exist(words: str) -> None:
    command = [program("intaglio"), *words.split(), "--help"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
