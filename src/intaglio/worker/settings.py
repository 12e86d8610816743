"""What the worker does on a timetable of the operator's."""

from pathlib import Path

import msgspec


class CatalogSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """The image manager's runs (group `[intaglio]`, options `catalog_*`)."""

    files: Path
    cron: str = "0 0 * * 0"
    """Minute, hour, day of the month, month, day of the week; UTC."""
    steps: tuple[str, ...] = ("update",)
    """Of update, plan and apply."""
    cloud: str | None = None
    locked: bool = False
    delete: bool = False
    task_hours: int = 48
    """How long the task that tells of a run stays."""
