"""Run by the Python of Glance's own environment: does one thing through Glance's database layer, prints what it sees.

Called with a configuration file and, as JSON, `[verb, argument…]`.
"""

import json
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

from glance.common import config  # noqa: F401 - registers the options
from glance.context import RequestContext
from glance.db.sqlalchemy import api
from oslo_config import cfg

cfg.CONF(["--config-file", sys.argv[1]], project="glance", default_config_files=[])
Row = dict[str, Any]

ADMIN = RequestContext(is_admin=True, project_id="project-me", roles=["admin"])


def seen(image: Row) -> Row:
    """What Glance makes of an image's rows."""
    shown = {key: value for key, value in image.items() if key not in ("properties", "locations", "tags")}
    shown["properties"] = {each["name"]: each["value"] for each in image["properties"] if not each["deleted"]}
    shown["tags"] = sorted(api.image_tag_get_all(ADMIN, image["id"]))
    shown["locations"] = [(each["url"], each["metadata"]) for each in image["locations"]]
    shown["members"] = [(each["member"], each["status"]) for each in api.image_member_find(ADMIN, image["id"])]
    return {key: str(value) if isinstance(value, datetime) else value for key, value in shown.items()}


def create(values: Row, tags: list[str], member: str) -> Row:
    for key in ("created_at", "updated_at"):
        values[key] = datetime.fromisoformat(values[key])
    api.image_create(ADMIN, values)
    api.image_tag_set_all(ADMIN, values["id"], tags)
    api.image_member_create(ADMIN, {"image_id": values["id"], "member": member, "can_share": False})
    return show(values["id"])


def change(image_id: str, values: Row, tags: list[str]) -> Row:
    api.image_update(ADMIN, image_id, values, purge_props=True)
    api.image_tag_set_all(ADMIN, image_id, tags)
    return show(image_id)


def show(image_id: str) -> Row:
    return seen(api.image_get(ADMIN, image_id))


def listed() -> list[str]:
    return [image["id"] for image in api.image_get_all(ADMIN, filters={"deleted": False})]


def destroy(image_id: str) -> list[str]:
    api.image_destroy(ADMIN, image_id)
    return listed()


def populate(many: list[Row]) -> int:
    for values in many:
        for key in ("created_at", "updated_at"):
            values[key] = datetime.fromisoformat(values[key])
        api.image_create(ADMIN, values)
    return len(many)


def usage(owners: list[str]) -> list[list[int]]:
    """What Glance counts of each project for its quotas."""
    counts = (
        api.user_get_storage_usage,
        api.user_get_staging_usage,
        api.user_get_image_count,
        api.user_get_uploading_count,
    )
    return [[count(ADMIN, owner) for count in counts] for owner in owners]


verb, *arguments = json.loads(sys.argv[2])
verbs: dict[str, Callable[..., Any]] = {
    "create": create,
    "change": change,
    "show": show,
    "listed": listed,
    "populate": populate,
    "usage": usage,
    "destroy": destroy,
}
sys.stdout.write(json.dumps(verbs[verb](*arguments)) + "\n")
