"""What many routes may answer beside success, and how parameters are described."""

from typing import Any

NO_BODY = {400: "The call takes no body, and one was sent."}
IMAGE_ERRORS = NO_BODY | {401: "No valid credentials.", 404: "No such image, or not one the caller may see."}


def query(name: str, description: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    """One parameter of a query string, as OpenAPI describes it."""
    return {"name": name, "in": "query", "description": description, "schema": {"type": kind, **more}}
