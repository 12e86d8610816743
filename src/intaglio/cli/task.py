"""`intaglio task`: what imports of a running service are doing, and calling one off."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from intaglio.cli.image import Cloud, connect_to
from intaglio.cli.options import FormatOption

if TYPE_CHECKING:
    from intaglio.client.cloud import ImageService

app = App(name="task", help="Show what imports are doing, and call one off.")

Image = Annotated[str, Parameter(help="The image, by id or name.")]
Subject = Annotated[str, Parameter(help="The image, by id or name; or, for administrators, the task by its id.")]


@app.command(name="list")
def list_tasks(image: Image, /, *, os_cloud: Cloud = None, format: FormatOption = "table") -> None:  # noqa: A002 - the option's name
    """Show the tasks about an image, the newest first.

    For example:

        intaglio task list debian-13
    """
    service = connect_to(os_cloud)
    tasks = service.tasks(str(service.find(image)["id"]))
    if format == "json":
        sys.stdout.write(json.dumps(tasks, ensure_ascii=False, indent=2) + "\n")
        return
    for task in tasks:
        sys.stdout.write(f"{task['id']}  {task['status']:10}  {_progress(task)}\n")
    if not tasks:
        sys.stdout.write("There are no tasks about this image.\n")


@app.command
def cancel(subject: Subject, /, *, os_cloud: Cloud = None) -> None:
    """Call off the import of an image. It ends within seconds and leaves nothing; staged data are kept.

    For example:

        intaglio task cancel debian-13
    """
    service = connect_to(os_cloud)
    image_id = _image_of(service, subject)
    service.cancel_import(image_id)
    sys.stdout.write(f"The import of image {image_id} is being called off.\n")


def _image_of(service: "ImageService", subject: str) -> str:
    from intaglio.client.cloud import CallRefused, NoSuchImage

    try:
        return str(service.find(subject)["id"])
    except NoSuchImage as unknown:
        try:
            task = service.task(subject)
        except CallRefused:  # only administrators look tasks up
            task = None
        if task is None or not task.get("image_id"):
            raise unknown from None
        return str(task["image_id"])


def _progress(task: dict[str, Any]) -> str:
    progress = task.get("progress")
    if progress is None or task["status"] != "processing":
        return str(task["message"])
    total = progress["total_bytes"]
    share = f"{100 * progress['bytes'] // total} %" if total else f"{progress['bytes']} bytes"
    left = progress["seconds_left"]
    return f"{progress['step']}: {share}" + (f", {left} s left" if left is not None else "")
