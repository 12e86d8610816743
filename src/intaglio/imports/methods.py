"""The import methods as one table: what each needs of the image, and the steps it is made of."""

from collections.abc import Mapping

import msgspec

from intaglio.domain.status import Status


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """One method. `start` is the status an image must have, and the one it is given back when the import fails.

    `rules` are those of the policy that allow it, all of them.

    `details` are the members of `method` in the request beside its name, all texts.
    """

    start: Status
    steps: tuple[str, ...]
    rules: tuple[str, ...] = ("modify_image",)
    details: tuple[str, ...] = ()
    optional: Mapping[str, str] = {}  # details with a default
    extras: tuple[str, ...] = ()  # details that may be left out


FROM_URL = "intaglio:import_from_url"
_FETCHED = ("modify_image", FROM_URL)

METHODS: Mapping[str, Method] = {
    "glance-direct": Method(start=Status.UPLOADING, steps=("store", "unstage", "finish")),
    "web-download": Method(
        start=Status.QUEUED,
        steps=("fetch", "store", "unstage", "finish"),
        rules=_FETCHED,
        details=("uri",),
        extras=("checksum", "checksum_url", "checksum_name"),
    ),
    "glance-download": Method(
        start=Status.QUEUED,
        steps=("remember", "describe", "fetch", "store", "unstage", "finish"),
        rules=_FETCHED,
        details=("glance_image_id", "glance_region"),
        optional={"glance_service_interface": "public"},
    ),
    "copy-image": Method(start=Status.ACTIVE, steps=("copy", "finish"), rules=("copy_image",)),
}
