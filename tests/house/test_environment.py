"""`tools/environment` believes only finished installations, and says in plain words what is missing."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.house.tree import ROOT


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with nothing to install."""
    root = tmp_path / "a clone"
    (root / "requirements").mkdir(parents=True)
    for level in ("base", "all", "build", "dev", "lock"):
        (root / "requirements" / f"{level}.txt").write_text("")
    (root / "pyproject.toml").write_text("")
    shutil.copytree(ROOT / "tools", root / "tools")
    return root


def load(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("environment", root / "tools" / "environment.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def call(root: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHON"} | variables
    command = [str(root / "tools" / "environment"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def finished(root: Path, level: str = "dev") -> ModuleType:
    """A clone whose environment looks complete."""
    module = load(root)
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "python").symlink_to(sys.executable)
    module.MADE.write_text(module.identity())
    module.stamp(level).write_text(module.key(level))
    return module


def test_a_finished_level_holds_the_smaller_ones(clone: Path) -> None:
    module = finished(clone, "all")
    assert [level for level in module.SATISFIED_BY if module.ready(level)] == ["base", "all"]


def test_an_unfinished_installation_is_not_believed(clone: Path) -> None:
    module = finished(clone)
    module.UNFINISHED.touch()
    assert not module.ready("base")


@pytest.mark.parametrize("file", ["requirements/dev.txt", "requirements/build.txt", "pyproject.toml"])
def test_what_was_installed_for_other_files_is_not_believed(clone: Path, file: str) -> None:
    module = finished(clone)
    assert module.ready("dev")
    (clone / file).write_text("# changed\n")
    assert not module.ready("dev")


def test_an_environment_does_not_survive_being_moved(clone: Path) -> None:
    finished(clone)
    moved = clone.rename(clone.with_name("elsewhere"))
    assert not load(moved).ready("base")


def test_a_failed_installation_is_said_and_thrown_away(clone: Path) -> None:
    module = finished(clone)
    python = clone / ".venv" / "bin" / "python"
    python.unlink()
    python.write_text(f'#!/bin/sh\ncase "$*" in *pip*) exit 1 ;; esac\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    failed = call(clone, "lock")
    assert failed.returncode != 0
    assert "Failed while installing the packages" in failed.stderr
    assert not module.ready("lock")

    remains = clone / ".venv" / "half-installed"
    remains.touch()
    again = call(clone, "lock")
    assert again.returncode == 0, again.stderr
    assert "ready" in again.stdout
    assert not remains.exists()
    assert call(clone, "lock").stdout == ""  # nothing left to do


def test_a_python_without_venv_is_told_which_package_to_install(
    clone: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    without = tmp_path / "python"
    without.write_text("#!/bin/sh\nexit 1\n")
    without.chmod(0o755)
    module = load(clone)
    monkeypatch.setattr(module, "BASE_PYTHON", str(without))
    with pytest.raises(SystemExit, match=r"apt install python3\.\d+-venv"):
        module.make()
    assert not (clone / ".venv").exists()


def test_a_wrong_python_is_refused(clone: Path) -> None:
    refused = call(clone, "base", PYTHON="/nonexistent/python")
    assert refused.returncode == 1
    assert "is not a Python 3.11 or newer" in refused.stderr


def test_no_python_at_all_is_said(clone: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for tool in ("sh", "dirname", "cat"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or tool)
    refused = call(clone, "base", PATH=str(tmp_path / "bin"))
    assert refused.returncode == 1
    assert "needs Python 3.11 or newer" in refused.stderr
    assert "apt install" in refused.stderr


def test_an_unknown_level_is_refused(clone: Path) -> None:
    refused = call(clone, "everything")
    assert refused.returncode == 1
    assert "base|all|dev|lock" in refused.stderr
