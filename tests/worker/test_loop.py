"""Periodic jobs: side by side, each failing for itself, ending in order."""

import asyncio
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intaglio.base.errors import Unavailable
from intaglio.worker.loop import JITTER, LONGEST_BACKOFF, PeriodicJob, pause_after, run_jobs

pytestmark = pytest.mark.anyio


async def test_jobs_repeat_until_told_to_stop() -> None:
    stop, runs = asyncio.Event(), []

    async def run() -> None:
        runs.append(1)
        if len(runs) == 3:
            stop.set()

    await run_jobs([PeriodicJob("counted", 0.001, run)], stop)
    assert len(runs) == 3


async def test_failing_job_stops_no_other_and_says_why(caplog: pytest.LogCaptureFixture) -> None:
    stop, runs = asyncio.Event(), []

    async def fail() -> None:
        raise Unavailable("the database is away")

    async def work() -> None:
        runs.append(1)
        if len(runs) == 5:
            stop.set()

    with caplog.at_level(logging.INFO):
        await run_jobs([PeriodicJob("failing", 0.001, fail), PeriodicJob("working", 0.001, work)], stop)
    assert len(runs) == 5
    failures = [record for record in caplog.records if "job failing failed" in record.getMessage()]
    assert failures
    assert "the database is away" in failures[0].getMessage()
    assert not failures[0].exc_info


async def test_defect_is_shown_with_its_place_once(caplog: pytest.LogCaptureFixture) -> None:
    stop, runs = asyncio.Event(), []

    async def fail() -> None:
        runs.append(1)
        if len(runs) == 3:
            stop.set()
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR):
        await run_jobs([PeriodicJob("broken", 0.001, fail)], stop)
    shown = [bool(record.exc_info) for record in caplog.records]
    assert shown == [True, False, False]


async def test_job_that_works_again_says_so(caplog: pytest.LogCaptureFixture) -> None:
    stop, runs = asyncio.Event(), []

    async def run() -> None:
        runs.append(1)
        if len(runs) == 1:
            raise Unavailable("not yet")
        stop.set()

    with caplog.at_level(logging.INFO):
        await run_jobs([PeriodicJob("flaky", 0.001, run)], stop)
    assert any("job flaky works again" in record.getMessage() for record in caplog.records)


async def test_running_job_may_finish() -> None:
    stop, began, finished = asyncio.Event(), asyncio.Event(), []

    async def run() -> None:
        began.set()
        await stop.wait()
        await asyncio.sleep(0)
        finished.append(1)

    running = asyncio.create_task(run_jobs([PeriodicJob("slow", 60, run)], stop))
    await began.wait()
    stop.set()
    await running
    assert finished == [1]


async def test_job_that_does_not_finish_is_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    stop, cancelled = asyncio.Event(), []

    async def run() -> None:
        stop.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(1)
            raise

    await run_jobs([PeriodicJob("endless", 60, run)], stop, grace_seconds=0.01)
    assert cancelled == [1]
    assert any("endless did not finish" in record.getMessage() for record in caplog.records)


async def test_heartbeat_tells_what_fails(caplog: pytest.LogCaptureFixture) -> None:
    stop = asyncio.Event()

    async def fail() -> None:
        raise Unavailable("away")

    with caplog.at_level(logging.INFO):
        running = asyncio.create_task(run_jobs([PeriodicJob("failing", 60, fail)], stop, heartbeat_seconds=0.001))
        while not any("failing: failing" in record.getMessage() for record in caplog.records):  # noqa: ASYNC110 - a log
            await asyncio.sleep(0.001)
        stop.set()
        await running


@given(st.floats(0.1, 1e5), st.integers(0, 10_000), st.floats(0, 1))
def test_pause_grows_with_failures_and_is_bounded(every: float, failures: int, chance: float) -> None:
    async def nothing() -> None:
        return None

    job = PeriodicJob("job", every, nothing)
    pause = pause_after(job, failures, lambda: chance)
    assert every * (1 - JITTER) * 0.999 <= pause <= max(every, LONGEST_BACKOFF) * (1 + JITTER) * 1.001
    assert pause_after(job, failures + 1, lambda: chance) >= pause * 0.999
