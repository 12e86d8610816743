"""What is known not to work yet, and why: the one list, `expected.toml`, that tests and the page are held against."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("expected.toml")


@cache
def _document() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text())


def _by_name(table: str) -> Mapping[str, str]:
    rows = [(name, entry["reason"]) for entry in _document().get(table, ()) for name in entry["names"]]
    assert len(rows) == len(dict(rows)), f"{FILE.name}: [[{table}]] names something twice"
    return dict(rows)


def not_yet() -> Mapping[str, str]:
    """Verbs of clients (`glance cache-list`) that are refused, with the reason."""
    return _by_name("verbs")


def failing() -> Mapping[str, str]:
    """Tests of Tempest that fail, with the reason."""
    return _by_name("tempest")


def switches() -> Mapping[str, bool]:
    """What Tempest is told of the service (`[image-feature-enabled]`)."""
    return {name: entry["on"] for name, entry in _document()["switches"].items()}


def switched_off() -> Mapping[str, str]:
    """The switches that are off, with the reason."""
    return {name: entry["reason"] for name, entry in _document()["switches"].items() if not entry["on"]}


def skips() -> Mapping[str, str]:
    """What Tempest says of tests that it skips, with the reason why it does."""
    return _by_name("skips")
