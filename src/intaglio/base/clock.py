"""The one place that reads the wall clock."""

from datetime import UTC, datetime


def utcnow() -> datetime:
    """The present moment as naive UTC: the form in which the database holds times."""
    return datetime.now(UTC).replace(tzinfo=None)
