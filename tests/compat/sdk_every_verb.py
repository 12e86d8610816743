"""Run by the clients' Python: what the other scripts do not ask of openstacksdk. Prints what it saw as JSON."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openstack

from tests.compat.sdk_recorded import images


def in_steps(api: Any, data: Path) -> dict[str, object]:
    """An image is staged, imported and copied, and its tasks are looked at."""
    image = api.create_image(
        "in steps", disk_format="raw", container_format="bare", os_type="linux", allow_duplicates=True
    )
    staged = api.stage_image(image, filename=str(data))
    seen: dict[str, object] = {"staged": staged.status}
    api.import_image(image, method="glance-direct", store="fast")
    seen["imported"] = api.wait_for_status(api.get_image(image.id), "active", interval=0.2, wait=60).status
    (task,) = api.image_tasks(image)
    seen["task"] = [task.id in [each.id for each in api.tasks()], api.wait_for_task(api.get_task(task.id)).status]
    begun = api.create_task(type="import", input={"import_from": "http://127.0.0.1/"})  # which lacks something
    seen["begun"] = [begun.type, begun.status, "image_properties" in begun.message]
    seen["stores"] = sorted(store.id for store in api.stores())
    api.update_image_properties(api.get_image(image.id), os_distro="debian", min_disk=2)
    changed = api.get_image(image.id)
    seen["properties"] = [changed.os_distro, changed.min_disk]
    api.add_member(image, member_id="someone")
    seen["member"] = api.find_member("someone", image).status
    api.remove_member("someone", image)
    api.delete_image(image.id)
    api.wait_for_delete(changed, interval=0.2, wait=60)
    return seen


def by_upload(api: Any, data: Path) -> str:
    """The older way, which the SDK still has."""
    image = api.upload_image("bare", "raw", data=data.read_bytes(), name="older way")
    status: str = api.get_image(image.id).status
    api.delete_image(image.id)
    return status


def by_location(api: Any, url: str) -> list[object]:
    """The data stay where they are."""
    image = api.create_image("elsewhere", disk_format="raw", container_format="bare", allow_duplicates=True)
    api.add_image_location(image, url)
    found = api.wait_for_status(api.get_image(image.id), "active", interval=0.2, wait=60)
    seen = [found.status, found.size, [[each.url, each.metadata] for each in api.image_locations(image)]]
    api.delete_image(image.id)
    return seen


def metadefs(api: Any, space: str) -> dict[str, object]:
    """Everything a namespace can hold comes and goes."""
    seen: dict[str, object] = {}
    api.create_metadef_namespace(namespace=space, visibility="private", description="by hand")
    api.update_metadef_namespace(space, display_name="Shown")
    seen["namespace"] = api.get_metadef_namespace(space).display_name
    seen["namespaces"] = space in [found.namespace for found in api.metadef_namespaces()]
    for tag in ("one", "two", "three"):
        api.add_tag_to_metadef_namespace(space, tag)
    api.remove_tag_from_metadef_namespace(space, "two")
    api.remove_tags_from_metadef_namespace(space)
    api.create_metadef_property(space, name="bus", title="Bus", type="string", enum=["x", "y"])
    api.update_metadef_property("bus", space, name="bus", title="New", type="string")
    seen["property"] = api.get_metadef_property("bus", space).title
    seen["properties"] = [found.name for found in api.metadef_properties(space)]
    api.delete_metadef_property("bus", space)
    api.delete_all_metadef_properties(space)
    api.create_metadef_object(space, name="thing")
    api.update_metadef_object("thing", space, name="item")
    seen["object"] = api.get_metadef_object("item", space).name
    seen["objects"] = [found.name for found in api.metadef_objects(space)]
    api.delete_metadef_object("item", space)
    api.delete_all_metadef_objects(space)
    seen["types"] = "OS::Glance::Image" in [found.name for found in api.metadef_resource_types()]
    api.create_metadef_resource_type_association(space, name="OS::Glance::Image", prefix="hw_")
    seen["associations"] = [found.name for found in api.metadef_resource_type_associations(space)]
    api.delete_metadef_resource_type_association("OS::Glance::Image", space)
    api.delete_metadef_namespace(space)
    kinds = ["namespace", "namespaces", "resource_type", "resource_types", "object", "objects", "property"]
    kinds += ["properties", "tag", "tags"]
    seen["schemas"] = [getattr(api, f"get_metadef_{kind}_schema")().name for kind in kinds]
    return seen


def refusals(api: Any) -> dict[str, int | str]:
    """What the service does not offer, and the status of its answer."""
    image = api.create_image("queued", disk_format="raw", container_format="bare", allow_duplicates=True)
    calls: dict[str, Callable[[], object]] = {
        "create_task": lambda: api.create_task(type="import", input={}),
        "get_image_cache": api.get_image_cache,
        "queue_image": lambda: api.queue_image(image.id),
        "cache_delete_image": lambda: api.cache_delete_image(image.id, ignore_missing=False),
        "clear_cache": api.clear_cache,
        "clean_cache": api.clean_cache,
        "prune_cache": api.prune_cache,
        "cached_image_nodes": lambda: api.cached_image_nodes(image.id),
    }
    said: dict[str, int | str] = {}
    for name, call in calls.items():
        try:
            call()
        except openstack.exceptions.HttpException as error:
            said[name] = error.status_code or "no status"
    api.delete_image(image.id)
    return said


def main() -> None:
    data, space, url = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    api = images()
    seen = {"steps": in_steps(api, data), "upload": by_upload(api, data), "location": by_location(api, url)}
    json.dump(seen | {"metadefs": metadefs(api, space), "refused": refusals(api)}, sys.stdout)


main()
