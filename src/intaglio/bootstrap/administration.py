"""What an operator's commands do on the database and the stores themselves, beside any running service."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from intaglio.bootstrap.settings import Settings
from intaglio.bootstrap.wiring import close_parts, make_parts
from intaglio.services.parts import Parts

T = TypeVar("T")


def with_parts(settings: Settings, work: Callable[[Parts], Awaitable[T]], *, database: bool = True) -> T:
    """The result of `work` with the parts of a process.

    Raises `Unavailable` when the `database`, where it is needed, is unfit or away.
    """

    async def main() -> T:
        parts = make_parts(settings)
        try:
            if database:
                await parts.database.check()
            return await work(parts)
        finally:
            await close_parts(parts)

    return asyncio.run(main())
