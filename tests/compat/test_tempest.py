"""Tempest's image tests and those of its plug-in for Glance, all of them, against a service behind a real Keystone."""

import os

import pytest

from tests.compat.expectations import failing, skips
from tests.compat.tempest_run import run_all, told
from tests.starters.tempest import Result

pytestmark = [pytest.mark.real, pytest.mark.ours, pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    return run_all(tmp_path_factory.mktemp("tempest"))


def test_what_fails_is_known(results: list[Result]) -> None:
    unknown = [each for each in results if each.outcome == "failed" and each.test not in failing()]
    assert not unknown, f"{len(unknown)} tests of Tempest fail:{os.linesep}{told(unknown)}"


def test_what_is_known_to_fail_does(results: list[Result]) -> None:
    failed = {each.test for each in results if each.outcome == "failed"}
    passing = sorted(set(failing()) - failed)
    assert not passing, f"take these out of tests/compat/expected.toml, as they do not fail: {passing}"


def test_skips_are_known(results: list[Result]) -> None:
    """Tempest skips what it believes that the service cannot do: a test that is skipped anew is one that is lost."""
    found = {" ".join(each.said.split()) for each in results if each.outcome == "skipped"}
    assert found == set(skips()), "tests/compat/expected.toml does not list the reasons of Tempest's skips"


def test_most_is_really_run(results: list[Result]) -> None:
    assert sum(each.outcome == "passed" for each in results) > 250
