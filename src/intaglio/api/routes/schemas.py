"""JSON schemas."""

from intaglio.api.route import Route
from intaglio.api.routes.answers import NO_BODY
from intaglio.api.v2 import schemas

_SUMMARIES = {
    schemas.image: "The JSON schema of an image",
    schemas.images: "The JSON schema of a page of images",
    schemas.member: "The JSON schema of a member",
    schemas.members: "The JSON schema of the members of an image",
    schemas.task: "The JSON schema of a task",
    schemas.tasks: "The JSON schema of a list of tasks",
}

SCHEMAS_ROUTES = tuple(
    Route(
        method="GET",
        path=f"/v2/schemas/{handler.__name__}",
        handler=handler,
        summary=summary,
        success={200: "The schema."},
        response="Schema",
        errors=NO_BODY | {401: "No valid credentials."},
    )
    for handler, summary in _SUMMARIES.items()
)
