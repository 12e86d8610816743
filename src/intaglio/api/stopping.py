"""How an answer that has no end of its own learns that its process is to end: from the server that runs it."""

import asyncio

from starlette.types import Scope

STOPPING = "intaglio.stopping"
"""The key of a request's scope under which our own server puts an `asyncio.Event`; other servers do not."""


async def stopping_of(scope: Scope) -> None:
    """Wait until the process that answers a request is to end; for ever where nobody would say."""
    event = scope.get(STOPPING)
    await (event if isinstance(event, asyncio.Event) else asyncio.Event()).wait()
