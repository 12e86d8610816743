"""Threads that may hang, and things that are released once whatever happens."""

import asyncio
import threading

import anyio
import pytest

from intaglio.stores.base import Busy
from intaglio.stores.threads import Held, Threads, uncancelled

pytestmark = pytest.mark.anyio


async def test_results_and_errors_come_back() -> None:
    threads = Threads("t", 2, 10)
    assert await threads.run(lambda a, b: a + b, 1, 2) == 3
    with pytest.raises(ZeroDivisionError):
        await threads.run(lambda: 1 // 0)
    await threads.close()


async def test_a_call_nobody_waits_for_any_more_does_not_begin() -> None:
    threads, free, begun = Threads("t", 1, 10), threading.Event(), threading.Event()
    first = asyncio.ensure_future(threads.run(free.wait, 10))
    second = asyncio.ensure_future(threads.run(begun.set))
    await asyncio.sleep(0)
    second.cancel()
    free.set()
    assert await first
    await threads.run(lambda: None)
    assert not begun.is_set()
    await threads.close()


async def test_stuck_threads_refuse_and_recover() -> None:
    threads, free = Threads("t", 2, 0.2), threading.Event()
    stuck = [asyncio.ensure_future(threads.run(free.wait, 60)) for _ in range(3)]
    assert {type(error) for error in await asyncio.gather(*stuck, return_exceptions=True)} == {Busy}
    with pytest.raises(Busy, match=r"'t' did not answer within 0\.2 s"):
        threads.submit(lambda: None)  # at once: there is nothing to wait for
    free.set()
    for _ in range(500):
        try:
            assert await threads.run(lambda: 1) == 1
        except Busy:
            await asyncio.sleep(0.01)
        else:
            break
    else:
        pytest.fail("they did not recover")
    await threads.close()


async def test_a_release_waits_for_the_call_under_way() -> None:
    threads, begun, free, order = Threads("t", 4, 10), threading.Event(), threading.Event(), list[str]()
    held = Held(threads, lambda: order.append("released"))

    def call() -> None:
        begun.set()
        free.wait(10)
        order.append("called")

    task = asyncio.create_task(held.run(call))
    assert await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    closing = asyncio.create_task(held.close())
    await asyncio.sleep(0.01)
    assert order == []
    free.set()
    await closing
    assert order == ["called", "released"]
    await held.close()
    assert order == ["called", "released"]
    await threads.close()


@pytest.mark.parametrize("scope", [False, True])
async def test_work_that_is_not_cancelled(scope: bool) -> None:
    finished = asyncio.Event()

    async def work() -> None:
        for _ in range(5):
            await asyncio.sleep(0.001)
        finished.set()

    if scope:
        with anyio.CancelScope() as cancelled:
            cancelled.cancel()
            await uncancelled(work())
        assert cancelled.cancelled_caught
    else:
        task = asyncio.create_task(uncancelled(work()))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert finished.is_set()
