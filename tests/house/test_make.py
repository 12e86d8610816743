"""The Makefile: every target is documented, and a command that fails fails the make."""

import os
import re
import subprocess

import pytest

from tests.house.tree import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE)


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    # as typed by a person, also when these tests were started by make themselves
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", *arguments], cwd=ROOT, env=outside, capture_output=True, text=True, check=False)


def test_the_targets_people_are_promised() -> None:
    assert set(TARGETS) >= {"run", "test", "lint", "bench", "docs", "lock", "clean", "help"}
    (phony,) = re.findall(r"^\.PHONY: (.*)", MAKEFILE, re.MULTILINE)
    assert phony.split() == TARGETS


@pytest.mark.parametrize("arguments", [[], ["help"]])
def test_help_names_every_target(arguments: list[str]) -> None:
    answer = make(*arguments)
    assert answer.returncode == 0
    assert [line.split()[1] for line in answer.stdout.splitlines()] == TARGETS


def test_run_passes_its_variables_on() -> None:
    shown = make("--dry-run", "run", "PORT=9393", "DATA=some where", "ARGS=--workers 2").stdout
    assert '--bind "127.0.0.1:9393" --data-dir "some where" --workers 2' in shown


def test_no_recipe_hides_a_failure() -> None:
    recipes = [line for line in MAKEFILE.splitlines() if line.startswith("\t")]
    hiding = [line for line in recipes if re.search(r"^\t@?-|\|\| (true|:)|;|[^|]\|[^|]", line.split(".*##")[0])]
    assert not hiding
