"""A connection that counts what is asked of it."""

from typing import Any

from sqlalchemy import CursorResult, Executable

from intaglio.db.base import Connection, Parameters


class Counting:
    """Passes statements on."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self.dialect = conn.dialect
        self.urls = conn.urls
        self.statements = 0

    async def execute(self, statement: Executable, parameters: Parameters | None = None) -> CursorResult[Any]:
        self.statements += 1
        return await self._conn.execute(statement, parameters)
