"""Taking over what another region's image service says of an image: its formats, and the properties the operator lists.

Two steps: the first only remembers what the image was, so that it is in the journal before anything is changed.
"""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from intaglio.base.clock import utcnow
from intaglio.db.base import Connection
from intaglio.db.repos import images
from intaglio.domain.image import Image
from intaglio.flows.base import Json
from intaglio.imports.base import Bench, Job, require_wanted
from intaglio.imports.remote import Remote, RemoteNotUsable, copied, look


class Before(msgspec.Struct, frozen=True, kw_only=True):
    """What an image was before it was described anew."""

    disk_format: str | None
    container_format: str | None
    properties: Mapping[str, str | None]


async def remember(bench: Bench, job: Job) -> Json:
    """What will be changed, as it is now."""
    image = await bench.write(lambda conn: require_wanted(conn, job))
    properties = {name: value for name, value in image.properties.items() if copied(name, bench.copied_properties)}
    before = Before(disk_format=image.disk_format, container_format=image.container_format, properties=properties)
    return msgspec.structs.asdict(before)


async def run(bench: Bench, job: Job) -> Json:
    """Set formats and properties as they are in the other region."""
    remote = await look(bench, job)

    async def work(conn: Connection) -> None:
        image = await require_wanted(conn, job)
        await images.update(conn, image, _described(bench, image, remote))

    await bench.write(work)
    return None


def as_before(bench: Bench, image: Image, before: Before) -> Image:
    """The image with what the step had changed as it was."""
    kept = {name: value for name, value in image.properties.items() if not copied(name, bench.copied_properties)}
    return replace(
        image,
        disk_format=before.disk_format,
        container_format=before.container_format,
        properties={**kept, **before.properties},
    )


def _described(bench: Bench, image: Image, remote: Remote) -> Image:
    disk_format, container_format = (remote.fields.get(name) for name in ("disk_format", "container_format"))
    if disk_format not in bench.formats.disk_formats or container_format not in bench.formats.container_formats:
        raise RemoteNotUsable(
            f"The image in the other region is {disk_format} in {container_format}, which is not accepted here."
        )
    properties = {**image.properties, **remote.properties(bench.copied_properties)}
    custom = [name for name in properties if not name.startswith("os_glance")]
    if 0 <= bench.property_quota < len(custom):
        raise RemoteNotUsable(f"With the other region's properties it would have more than {bench.property_quota}.")
    return replace(
        image,
        disk_format=disk_format,
        container_format=container_format,
        properties=properties,
        updated_at=utcnow(),
    )
