"""What is installed is written down: lock files satisfy pyproject.toml, carry hashes, and name no index."""

import re
import tomllib
from collections.abc import Iterable
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.tree import ROOT

LOCKS = ("base", "all", "build", "dev", "lock")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())


def lock(name: str) -> dict[str, set[str]]:
    """Names in a lock file, with their versions: several where an older Python cannot have the newest."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    found: dict[str, set[str]] = {}
    for package, version in re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", text, re.MULTILINE):
        found.setdefault(package, set()).add(version)
    return found


def wanted(name: str) -> Iterable[str]:
    project, groups = PROJECT["project"], PROJECT["dependency-groups"]
    extras = [line for key, lines in project["optional-dependencies"].items() if key != "all" for line in lines]
    asked: dict[str, list[str]] = {
        "base": project["dependencies"],
        "all": [*project["dependencies"], *extras],
        "dev": [*project["dependencies"], *extras, *groups["dev"]],
        "build": groups["build"],
        "lock": groups["lock"],
    }
    return asked[name]


@pytest.mark.parametrize("name", LOCKS)
def test_it_satisfies_what_is_asked_for(name: str) -> None:
    locked = lock(name)
    for requirement in map(Requirement, wanted(name)):
        versions = locked.get(canonicalize_name(requirement.name))
        assert versions, f"{requirement} is not in {name}.txt: run make lock"
        fitting = set(requirement.specifier.filter(versions, prereleases=True))
        assert fitting == versions, f"{name}.txt has {versions}, wanted {requirement}: run make lock"


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_has_hashes_and_no_index_is_named(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(blocks) == sum(map(len, lock(name).values()))
    assert [block for block in blocks if "--hash=sha256:" not in block] == []
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE)


def test_the_levels_agree_on_versions() -> None:
    dev = lock("dev")
    for name in ("base", "all", "build"):
        other = {package: versions for package, versions in lock(name).items() if package in dev}
        assert other == {package: dev[package] for package in other}
    assert lock("base").keys() <= lock("all").keys() <= dev.keys()


def test_all_is_every_extra() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    (everything,) = map(Requirement, extras["all"])
    assert everything.extras == extras.keys() - {"all"}
    assert all(extras.values()), "an extra without packages promises what is not there"


def test_the_readme_says_how_much_the_base_install_brings() -> None:
    said = re.search(r"base install is (\d+) packages and (\d+) MB", (ROOT / "README.md").read_text())
    assert said
    assert int(said[1]) == len(lock("base"))
