"""Runs periodic jobs side by side until told to stop. One that fails is tried again later and stops no other."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from intaglio.base.errors import IntaglioError

log = logging.getLogger(__name__)

JITTER = 0.1  # each pause is up to this part longer or shorter, so that workers on many machines do not march in step
LONGEST_BACKOFF = 600.0  # seconds; a failing job that runs rarely anyway keeps its own, longer pause
HEARTBEAT_SECONDS = 300.0


class PeriodicJob(msgspec.Struct, frozen=True):
    """Work to be done again and again. `run` may be cancelled at any `await` when the process must end."""

    name: str
    every_seconds: float
    run: Callable[[], Awaitable[None]]


class _Tally:
    """What has happened since the start."""

    def __init__(self) -> None:
        self.runs = 0
        self.failing: set[str] = set()


async def run_jobs(
    jobs: Sequence[PeriodicJob],
    stop: asyncio.Event,
    *,
    grace_seconds: float = 60.0,
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
) -> None:
    """Run `jobs`, each at once and then at its pace, until `stop` is set.

    Then no job begins; one that runs may finish within `grace_seconds` and is cancelled after that. Returns when none
    runs.
    """
    tally = _Tally()
    tasks = {asyncio.create_task(_repeat(job, stop, tally), name=job.name) for job in jobs}
    beat = asyncio.create_task(_heartbeat(len(jobs), tally, heartbeat_seconds))
    log.info("worker started: %s", ", ".join(job.name for job in jobs) or "no jobs")
    try:
        await stop.wait()
        if tasks:
            _, running = await asyncio.wait(tasks, timeout=grace_seconds)
            for task in running:
                log.warning("job %s did not finish within %g s and was given up", task.get_name(), grace_seconds)
    finally:
        for task in {*tasks, beat}:
            task.cancel()
        await asyncio.gather(*tasks, beat, return_exceptions=True)
    log.info("worker stopped after %d runs", tally.runs)


def pause_after(
    job: PeriodicJob,
    failures: int,
    chance: Callable[[], float] = random.random,  # noqa: S311 - no secret depends on it
) -> float:
    """Seconds until the next run, after `failures` failed ones in a row: doubled by each, up to ten minutes."""
    longest = max(job.every_seconds, LONGEST_BACKOFF)
    pause = min(job.every_seconds * 2.0 ** min(failures, 32), longest)
    return pause * (1 + JITTER * (2 * chance() - 1))


async def _repeat(job: PeriodicJob, stop: asyncio.Event, tally: _Tally) -> None:
    failures = 0
    while not stop.is_set():
        began = time.monotonic()
        try:
            await job.run()
        except Exception as error:
            failures += 1
            tally.failing.add(job.name)
            # A defect is shown with its place, but once: a job that fails every few seconds must not fill the disk.
            detail = failures == 1 and not isinstance(error, IntaglioError)
            reason = str(error) or type(error).__name__
            text = "job %s failed (%d in a row): %s"
            log.error(text, job.name, failures, reason, exc_info=detail)  # noqa: TRY400 - the place is shown once
        else:
            if failures:
                log.info("job %s works again", job.name)
            failures = 0
            tally.failing.discard(job.name)
            log.debug("job %s ran in %.3f s", job.name, time.monotonic() - began)
        tally.runs += 1
        await _wait(stop, pause_after(job, failures))


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


async def _heartbeat(jobs: int, tally: _Tally, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        failing = f"failing: {', '.join(sorted(tally.failing))}" if tally.failing else "none failing"
        log.info("worker alive: %d jobs, %d runs, %s", jobs, tally.runs, failing)
