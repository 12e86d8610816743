"""Run by the clients' Python: an image's life through openstacksdk. Prints what it saw as JSON."""

import hashlib
import io
import json
import sys
from pathlib import Path

import openstack

from tests.compat.sdk_recorded import images


def main() -> None:
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    image_api = images()
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    md5 = hashlib.md5(source.read_bytes(), usedforsecurity=False).hexdigest()
    seen: dict[str, object] = {}

    image = image_api.create_image(
        "sdk tour",
        filename=str(source),
        disk_format="iso",
        container_format="bare",
        validate_checksum=True,
        md5=md5,
        sha256=digest,
        tags=["one", "two"],
        os_distro="grub",
        min_ram=64,
        allow_duplicates=True,
        wait=True,
    )
    seen["created"] = [image.status, image.size, image.checksum == md5, sorted(image.tags), image.min_ram]
    seen["found"] = image_api.find_image("sdk tour").id == image.id
    seen["got"] = image_api.get_image(image.id).os_distro
    seen["listed"] = image.id in [found.id for found in image_api.images(tag=["one", "two"], limit=1)]
    seen["by_name"] = [found.id == image.id for found in image_api.images(name="sdk tour")]

    changed = image_api.update_image(image.id, name="renamed", min_disk=3, os_distro="other", hw_new="yes")
    seen["updated"] = [changed.name, changed.min_disk, changed.os_distro]
    image_api.add_tag(image.id, "three")
    image_api.remove_tag(image.id, "one")
    seen["tags"] = sorted(image_api.get_image(image.id).tags)

    answer = image_api.download_image(image.id, stream=True)
    stream = hashlib.sha256()
    for chunk in answer.iter_content(1 << 16):
        stream.update(chunk)
    seen["streamed"] = stream.hexdigest() == digest
    image_api.download_image(image.id, output=str(target))
    seen["saved"] = hashlib.sha256(target.read_bytes()).hexdigest() == digest
    whole = image_api.download_image(image.id)
    seen["whole"] = hashlib.sha256(whole.content).hexdigest() == digest
    memory = io.BytesIO()
    image_api.download_image(image.id, output=memory)
    seen["memory"] = len(memory.getvalue())

    image_api.deactivate_image(image.id)
    seen["deactivated"] = image_api.get_image(image.id).status
    image_api.reactivate_image(image.id)
    seen["reactivated"] = image_api.get_image(image.id).status

    image_api.delete_image(image.id)
    seen["gone"] = image_api.find_image("renamed") is None
    try:
        image_api.get_image(image.id)
    except openstack.exceptions.NotFoundException as error:
        seen["error"] = str(error)
    try:
        image_api.create_image("sdk tour", data=b"no iso at all", disk_format="iso", container_format="bare")
    except Exception as error:  # noqa: BLE001 - which one is the question
        seen["mismatch"] = f"{type(error).__name__}: {error}"
    json.dump(seen, sys.stdout)


main()
