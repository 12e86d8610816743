"""Staging, imports, and tasks."""

from intaglio.api.route import Route
from intaglio.api.routes.answers import IMAGE_ERRORS, NO_BODY, query
from intaglio.api.routes.data import SIZE, STORE
from intaglio.api.settings import RateClass
from intaglio.api.v2 import events, imports, tasks
from intaglio.domain.query import Direction
from intaglio.domain.task import TASK_SORT_KEYS, TaskStatus, TaskType

_ADMIN = NO_BODY | {401: "No valid credentials.", 403: "The policy refuses."}

_SEEN = {
    "name": "Last-Event-ID",
    "in": "header",
    "schema": {"type": "string"},
    "description": "The id of the last event seen, when coming back.",
}

IMPORTS_ROUTES = (
    Route(
        method="PUT",
        path="/v2/images/{image_id}/stage",
        handler=imports.stage,
        rate=RateClass.UPLOAD,
        summary="Send data that are to be imported",
        success={204: "The data are kept until they are imported; the image is uploading."},
        rules=("get_image", "modify_image"),
        parameters=(SIZE,),
        request="Data",
        errors={
            **IMAGE_ERRORS,
            400: "Fewer or more bytes arrived than announced.",
            403: "The policy refuses.",
            404: "No such image, or not one the caller may see; or the method glance-direct is not enabled.",
            409: "The image is not queued.",
            410: "The image was deleted while the data arrived.",
            413: "More bytes than are allowed, or the staging store is full.",
            415: "The content type is wrong.",
            503: "The staging store does not answer.",
        },
    ),
    Route(
        method="POST",
        path="/v2/images/{image_id}/import",
        handler=imports.start,
        rate=RateClass.IMPORT,
        summary="Import an image's data: staged, from a URL or a region; or copy them",
        success={202: "A task does it; the header X-Intaglio-Task names it. So does the same request once more."},
        rules=("get_image", "modify_image", "intaglio:import_from_url", "copy_image"),
        parameters=(STORE,),
        request="Import",
        errors={
            **IMAGE_ERRORS,
            400: "The body is wrong, the method is not offered, the URL is refused, or a store has a copy already.",
            403: "The policy refuses.",
            409: "The image is not in the status that the method needs, its formats are not set, another import of it "
            "is running, or a store is unknown.",
        },
    ),
    Route(
        method="DELETE",
        path="/v2/images/{image_id}/import",
        handler=imports.cancel,
        rate=RateClass.WRITE,
        summary="Call off the import of an image",
        success={202: "Its task, named by the header X-Intaglio-Task, ends within seconds."},
        rules=("get_image", "modify_image"),
        errors={**IMAGE_ERRORS, 403: "The policy refuses.", 409: "No import of the image is running."},
    ),
    Route(
        method="GET",
        path="/v2/images/{image_id}/tasks",
        handler=imports.list_tasks,
        rate=RateClass.LIST,
        summary="The tasks about an image",
        success={200: "Those of the caller's project, the newest first; all for an administrator."},
        rules=("get_image",),
        response="ImageTasks",
        errors=IMAGE_ERRORS,
    ),
)

EVENTS_ROUTES = (
    Route(
        method="GET",
        path="/v2/images/{image_id}/events",
        handler=events.follow,
        rate=RateClass.OTHER,
        summary="Follow what happens to an image",
        success={
            200: "Server-sent events, image, task and end, until nothing is under way with the image.",
            204: "Last-Event-ID is that of the last event: there is nothing more to tell.",
        },
        rules=("get_image",),
        parameters=(_SEEN,),
        response="Events",
        errors={
            **IMAGE_ERRORS,
            429: "Too many connections wait for events, or too many calls; see Retry-After.",
            503: "The database does not answer.",
        },
    ),
)

TASKS_ROUTES = (
    Route(
        method="GET",
        path="/v2/tasks",
        handler=tasks.list_tasks,
        rate=RateClass.LIST,
        summary="List tasks",
        success={200: "One page."},
        rules=("tasks_api_access",),
        parameters=(
            query("limit", "Tasks a page; capped by the service.", "integer", minimum=0),
            query("marker", "The id of the last task of the page before."),
            query("sort_key", "A field to sort by.", enum=list(TASK_SORT_KEYS)),
            query("sort_dir", "The direction.", enum=list(Direction)),
            query("status", "Only tasks in this status.", enum=list(TaskStatus)),
            query("type", "Only tasks of this type.", enum=list(TaskType)),
        ),
        response="Tasks",
        errors=_ADMIN | {400: "A parameter is wrong."},
    ),
    Route(
        method="POST",
        path="/v2/tasks",
        handler=tasks.create,
        rate=RateClass.IMPORT,
        summary="Fetch an image by its URL, as a task of the type import",
        success={201: "The task, which makes the image; its result names it. What is wrong with it fails the task."},
        rules=("tasks_api_access", "add_image", "publicize_image", "communitize_image", "intaglio:import_from_url"),
        request="NewTask",
        response="Task",
        errors=_ADMIN
        | {
            400: "The body is wrong, the URL is refused, or tasks of this type are begun by another call.",
            413: "The project has no room for another image.",
        },
    ),
    Route(
        method="GET",
        path="/v2/tasks/{task_id}",
        handler=tasks.show,
        rate=RateClass.OTHER,
        summary="Show a task",
        success={200: "The task."},
        rules=("tasks_api_access",),
        response="Task",
        errors=_ADMIN | {404: "No such task, or its time is over."},
    ),
)
