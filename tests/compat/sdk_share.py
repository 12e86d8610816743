"""Run by the clients' Python: an image is shared from one project to another. Prints what both saw as JSON."""

import json
import sys

import openstack

from tests.compat.sdk_recorded import images


def main() -> None:
    owner, other = images(), images("other")
    seen: dict[str, object] = {}
    image = owner.create_image("sdk share", visibility="shared", allow_duplicates=True)
    added = owner.add_member(image, member_id="other")
    seen["added"] = [added.member_id, added.image_id == image.id, added.status]
    seen["listed"] = [[member.member_id, member.status] for member in owner.members(image)]
    seen["before"] = [found.id == image.id for found in other.images(visibility="shared")]
    seen["offered"] = [found.id == image.id for found in other.images(member_status="pending")]
    seen["accepted"] = other.update_member("other", image, status="accepted").status
    seen["after"] = [found.id == image.id for found in other.images(visibility="shared")]
    seen["got"] = owner.get_member("other", image).status
    try:
        other.add_member(image, member_id="third")
    except openstack.exceptions.ForbiddenException as error:
        seen["forbidden"] = str(error)
    owner.remove_member("other", image, ignore_missing=False)
    seen["removed"] = list(owner.members(image))
    seen["gone"] = other.find_image(image.id) is None
    seen["import"] = owner.get_import_info().import_methods["value"]
    schemas = (owner.get_images_schema, owner.get_image_schema, owner.get_members_schema, owner.get_member_schema)
    seen["schemas"] = [get().name for get in (*schemas, owner.get_tasks_schema, owner.get_task_schema)]
    owner.delete_image(image)
    json.dump(seen, sys.stdout)


main()
