"""How the service writes what it does: one line an event, for people or as JSON."""

from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="-")
"""The id of the request that is being answered, for log lines."""
