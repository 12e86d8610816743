"""`[intaglio] catalog_*`: the timetable of the image manager, checked where it is switched on."""

from pathlib import Path

from intaglio.base.clock import utcnow
from intaglio.bootstrap.reading import Reading
from intaglio.manager.shipped import located
from intaglio.worker import catalog
from intaglio.worker.settings import CatalogSchedule

_STEPS = ("update", "plan", "apply")


def catalog_schedule(reading: Reading) -> CatalogSchedule | None:
    """The timetable; None where no files are named, or where something is wrong, which is then a problem."""
    files = reading.get("intaglio", "catalog_files")
    if not files:
        return None
    steps = tuple(reading.get("intaglio", "catalog_steps"))
    wrong = [step for step in steps if step not in _STEPS]
    if wrong or not steps or len(set(steps)) != len(steps):
        message = f"catalog_steps are some of {', '.join(_STEPS)}, each once, not {', '.join(steps) or 'none'}."
        reading.complain("intaglio", "catalog_steps", message)
        return None
    cron = reading.get("intaglio", "catalog_schedule")
    try:
        catalog.due(cron, utcnow())
    except catalog.ScheduleInvalid as error:
        reading.complain("intaglio", "catalog_schedule", str(error))
        return None
    return CatalogSchedule(
        files=located(Path(files).expanduser()).absolute(),
        cron=cron,
        steps=steps,
        cloud=reading.get("intaglio", "catalog_cloud"),
        locked=reading.get("intaglio", "catalog_locked"),
        delete=reading.get("intaglio", "catalog_delete"),
        task_hours=reading.get("task", "task_time_to_live"),
    )
