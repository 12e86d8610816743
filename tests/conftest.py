"""Shared by all tests: real parts that are missing are skipped by name and counted at the end."""

import collections
import itertools
from collections.abc import Iterator

import pytest

from tests.starters.base import Missing

pytest_plugins = ("tests.starters.ceph_shared", "tests.starters.databases", "tests.starters.keystone_shared")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--against-glance",
        nargs="?",
        const="start",
        metavar="URL",
        help="run tests/api and tests/compat on the real Glance 33 (at URL, trusting identity headers; or started)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "differs(glance): the expectation is deliberately better than Glance's answer")
    config.addinivalue_line("markers", "ours: about what Glance does not have; not run against it")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Against Glance a row that differs must fail, and what only we have is left out."""
    if config.getoption("against_glance") is None:
        return
    for item in items:
        if (mark := item.get_closest_marker("differs")) is not None:
            item.add_marker(pytest.mark.xfail(reason=mark.args[0], strict=True))
        if item.get_closest_marker("ours") is not None:
            item.add_marker(pytest.mark.skip(reason="Glance has nothing of the kind"))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest) -> Iterator[None]:
    """A fixture that raises `Missing` skips its tests with the reason."""
    try:
        return (yield)
    except Missing as missing:
        pytest.skip(f"real part missing: {missing}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    _missing(terminalreporter)
    _slowest_files(terminalreporter)


def _missing(terminal: pytest.TerminalReporter) -> None:
    """Say loudly which real parts were not there, and how many tests that cost."""
    counts: collections.Counter[str] = collections.Counter()
    for report in terminal.stats.get("skipped", []):
        reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if "real part missing:" in reason:
            counts[reason.partition("real part missing:")[2].strip()] += 1
    if counts:
        terminal.section("REAL PARTS MISSING", red=True, bold=True)
        for reason, number in sorted(counts.items()):
            terminal.line(f"{number} tests not run: {reason}")


def _slowest_files(terminal: pytest.TerminalReporter, *, shown: int = 20, long_run: float = 300) -> None:
    """After a long run, where its time went: seconds per file, set-up of what its tests share included."""
    seconds: dict[str, float] = collections.defaultdict(float)
    for report in itertools.chain.from_iterable(terminal.stats.values()):
        if isinstance(report, pytest.TestReport):
            seconds[report.nodeid.partition("::")[0]] += report.duration
    if (total := sum(seconds.values())) < long_run:
        return
    terminal.section(f"where {total:.0f} s of all processes went")
    for file, spent in sorted(seconds.items(), key=lambda each: -each[1])[:shown]:
        terminal.line(f"{spent:6.0f} s  {file}")
