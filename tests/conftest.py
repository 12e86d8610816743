"""Shared by all tests: real parts that are missing are skipped by name and counted at the end."""

from collections.abc import Iterator

import pytest

from tests.starters.base import Missing


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """A test whose fixture raised `Missing`, for this or for an earlier test, is skipped with the reason."""
    try:
        return (yield)
    except Missing as missing:
        pytest.skip(f"real part missing: {missing}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    counts: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if "real part missing:" in reason:
            counts[reason.partition("real part missing:")[2].strip()] = (
                counts.get(reason.partition("real part missing:")[2].strip(), 0) + 1
            )
    if counts:
        terminalreporter.section("REAL PARTS MISSING", red=True, bold=True)
        for reason, number in sorted(counts.items()):
            terminalreporter.line(f"{number} tests not run: {reason}")
