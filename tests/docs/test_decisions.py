"""Decisions are numbered once and listed; fragments have their form."""

import re
import tomllib
from collections import Counter

from tests.docs.markdown import links
from tests.house.tree import ROOT, files, shown

ADR = ROOT / "docs" / "adr"
RECORDS = sorted(path.name for path in ADR.glob("[0-9]*.md"))


def test_every_decision_is_in_the_index_once() -> None:
    listed = Counter(link for link in links(ADR / "index.md") if re.match(r"\d{4}-", link))
    missing = [name for name in RECORDS if name not in listed]
    assert not missing, f"add to docs/adr/index.md: {missing}"
    assert [name for name in listed if name != "0000-template.md" and listed[name] > 1] == []


def test_numbers_are_taken_once() -> None:
    numbers = Counter(name[:4] for name in RECORDS)
    assert [number for number, times in numbers.items() if times > 1] == []


def test_every_decision_says_where_it_stands() -> None:
    silent = [name for name in RECORDS if not re.search(r"\bStatus\b", (ADR / name).read_text())]
    assert not silent


def test_fragments_have_their_form() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    kinds = {kind["directory"] for kind in project["tool"]["towncrier"]["type"]}
    fragments = [path for path in files() if path.parent == ROOT / "changes" and path.name != "README.md"]
    assert fragments
    for path in fragments:
        form = re.fullmatch(r"(?:\d+|\+[a-z0-9-]+)\.([a-z]+)(?:\.\d+)?\.md", path.name)
        assert form, f"{shown(path)}: the name is not <issue>.<kind>.md"
        assert form[1] in kinds, f"{shown(path)}: the kind is not one of {sorted(kinds)}"
        text = path.read_text().strip()
        assert text.endswith("."), f"{shown(path)}: sentences end in a full stop"
        assert "\n\n" not in text, f"{shown(path)}: one paragraph is enough"
