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
    internal: bool = False  # the service asks for it, and nobody else can


FROM_URL = "intaglio:import_from_url"
_FETCHED = ("modify_image", FROM_URL)
DIGEST = "compute-digest"
"""The method of the tasks that read an image's stored data for a digest that is not on record."""

METHODS: Mapping[str, Method] = {
    "glance-direct": Method(start=Status.UPLOADING, steps=("store", "unstage", "finish")),
    "web-download": Method(
        start=Status.QUEUED,
        steps=("fetch", "store", "unstage", "finish"),
        rules=_FETCHED,
        details=("uri",),
        extras=(
            *("checksum", "checksum_url", "checksum_name"),
            *("signature", "signature_of", "signature_key", "signature_by", "signature_hash"),
        ),
    ),
    "glance-download": Method(
        start=Status.QUEUED,
        steps=("remember", "describe", "fetch", "store", "unstage", "finish"),
        rules=_FETCHED,
        details=("glance_image_id", "glance_region"),
        optional={"glance_service_interface": "public"},
    ),
    "copy-image": Method(start=Status.ACTIVE, steps=("copy", "finish"), rules=("copy_image",)),
    DIGEST: Method(start=Status.ACTIVE, steps=("digest", "finish"), internal=True),
}

PUBLIC = tuple(name for name, method in METHODS.items() if not method.internal)
"""The methods that a request can name."""
