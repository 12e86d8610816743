"""Those who wait for changes are told by one look at the database for all of them, on every kind of database."""

import asyncio
import contextlib
from typing import Any

import pytest
from msgspec.structs import replace

from intaglio.base.clock import utcnow
from intaglio.db.base import Connection, Database, T, Work
from intaglio.db.repos import images, tasks
from intaglio.domain.image import Image
from intaglio.domain.status import Status
from intaglio.domain.task import Progress, Task, TaskStatus, TaskType
from intaglio.services import changes
from intaglio.services.changes import Changes, State, TooManyWatch, Watcher
from tests.db.counting import Counting
from tests.db.samples import new_image

pytestmark = pytest.mark.anyio


class Counted:
    """A database that counts the statements of what only reads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.statements = 0

    async def read(self, work: Work[T]) -> T:
        async def counted(conn: Connection) -> T:
            counting = Counting(conn)
            try:
                return await work(counting)
            finally:
                self.statements += counting.statements

        return await self._database.read(counted)


@pytest.fixture
async def made(database: Database, monkeypatch: pytest.MonkeyPatch) -> tuple[Counted, Changes]:
    monkeypatch.setattr(changes, "FAST_SECONDS", 0.01)
    monkeypatch.setattr(changes, "SLOW_SECONDS", 0.01)
    counted = Counted(database)
    whole: Any = counted
    return counted, Changes(whole, 40)


async def insert(database: Database, number: int) -> list[Image]:
    async def work(conn: Connection) -> list[Image]:
        return [await images.insert(conn, new_image(n)) for n in range(number)]

    return await database.write(work)


async def looked(found: Changes, more: int = 3) -> None:
    """Until the database was looked at so many times again."""
    until = found.looks + more
    while found.looks < until:  # noqa: ASYNC110 - nothing else tells of it
        await asyncio.sleep(0.005)


async def test_what_it_costs(database: Database, made: tuple[Counted, Changes]) -> None:
    counted, found = made
    some = await insert(database, 5)
    with contextlib.ExitStack() as stack:
        watchers = [stack.enter_context(found.watching(some[n % 5].id, f"user {n}")) for n in range(40)]
        states = [await watcher.next() for watcher in watchers]
        assert {state.image.id for state in states if state.image} == {image.id for image in some}
        await looked(found)
        looks, statements = found.looks, counted.statements
        await looked(found, 10)
        assert counted.statements - statements <= 2 * (found.looks - looks + 1)  # one may have begun
    looks = found.looks
    await asyncio.sleep(0.1)
    assert found.looks == looks  # nobody waits: nothing is asked


async def test_only_who_waits_for_it_is_told(database: Database, made: tuple[Counted, Changes]) -> None:
    _, found = made
    one, other = await insert(database, 2)
    with found.watching(one.id, "a") as first, found.watching(other.id, "b") as second:
        await told(first)
        await told(second)
        after = replace(one, status=Status.SAVING, updated_at=utcnow())
        await database.write(lambda conn: images.update(conn, one, after))
        state = await told(first)
        assert state.image is not None
        assert state.image.status is Status.SAVING
        task = Task(
            id="00000000-0000-4000-8000-000000000001",
            type=TaskType.API_IMAGE_IMPORT,
            status=TaskStatus.PENDING,
            owner="me",
            created_at=utcnow(),
            updated_at=utcnow(),
            image_id=one.id,
        )
        await database.write(lambda conn: tasks.insert_task(conn, task))
        assert [each.id for each in (await told(first)).tasks] == [task.id]
        progress = Progress(step="store", done=7, total=10, began_at=utcnow(), at=utcnow())
        await database.write(lambda conn: tasks.note(conn, task.id, progress, "Copied 7"))
        while (seen := (await told(first)).tasks[0].progress) is None:
            pass
        assert (seen.step, seen.done) == ("store", 7)
        current = await database.read(lambda conn: images.get(conn, one.id))
        assert current is not None
        await database.write(lambda conn: images.delete(conn, current))
        assert (await told(first)).image is None
        await looked(found)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await second.next()


async def told(watcher: Watcher) -> State:
    async with asyncio.timeout(30):
        return await watcher.next()


async def test_places(database: Database, made: tuple[Counted, Changes]) -> None:
    _, found = made
    (image,) = await insert(database, 1)
    with contextlib.ExitStack() as stack:
        for number in range(40):
            stack.enter_context(found.watching(image.id, f"user {number // 10}"))
            if number == 9:
                with pytest.raises(TooManyWatch, match="of yours"):
                    stack.enter_context(found.watching(image.id, "user 0"))
        with pytest.raises(TooManyWatch, match="40 connections"):
            stack.enter_context(found.watching(image.id, "another"))
    with found.watching(image.id, "user 0") as watcher:
        assert (await told(watcher)).image is not None


async def test_a_database_that_is_away_ends_nothing(database: Database, made: tuple[Counted, Changes]) -> None:
    counted, found = made
    (image,) = await insert(database, 1)
    real = counted.read
    broken: Any = counted

    async def fails(work: object) -> None:
        del work
        raise RuntimeError("a defect")

    broken.read = fails
    with found.watching(image.id, "a") as watcher:
        await looked(found)
        broken.read = real
        assert (await told(watcher)).image is not None
