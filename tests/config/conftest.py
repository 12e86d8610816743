"""Configuration is read from the environment too: these tests start with none of it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from intaglio.bootstrap.sources import Sources

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("OS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a configuration file from its text; the path."""

    def make(text: str, name: str = "glance-api.conf") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return make


@pytest.fixture
def sources(tmp_path: Path) -> Callable[..., Sources]:
    """Sources with the test's own data directory."""

    def make(*files: Path, directories: tuple[Path, ...] = (), **overrides: str | None) -> Sources:
        return Sources(
            files=files, directories=directories, overrides={"data_dir": str(tmp_path / "data"), **overrides}
        )

    return make
