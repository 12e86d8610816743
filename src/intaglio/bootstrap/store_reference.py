"""The page docs/reference/stores.md: what each kind of store can do, as its driver says."""

from collections.abc import Mapping

import msgspec

from intaglio.bootstrap.options.catalogue import DRIVERS
from intaglio.bootstrap.options.stores import WORKING
from intaglio.stores.base import Abilities
from intaglio.stores.registry import build
from intaglio.stores.settings import StoreConfig, StoreSettings

_HEAD = """# Stores

What each kind of store can do, made from what the drivers say of themselves. Every driver passes the same suite of
tests on the real thing; a test that needs an ability a driver lacks is skipped by that name.

"""
_ABILITIES: Mapping[str, str] = {
    "write": "New images can be put into it.",
    "ranges": "A part of an image is read without what comes before it.",
    "local_path": "Downloads are sent by the kernel, straight from the file.",
    "sparse": "Stretches of zeros take no space, where the operator asks for that.",
    "holes": "Holes of converted disks take no space.",
    "direct_url": "A signed address lets a client read from the store itself for a while.",
    "owned": "What it holds is this service's: it is compared with the database, and removed with its image.",
}
_EXAMPLES: Mapping[str, Mapping[str, object]] = {
    "file": {"filesystem_store_datadir": "/var/lib/glance/images", "filesystem_thin_provisioning": True},
    "http": {},
    "cinder": {
        "cinder_store_auth_address": "https://identity.example.com/v3",
        "cinder_store_user_name": "glance",
        "cinder_store_password": "password",
        "cinder_store_project_name": "service",
    },
    "rbd": {"rbd_thin_provisioning": True},
    "s3": {
        "s3_store_host": "https://s3.example.com",
        "s3_store_bucket": "images",
        "s3_store_access_key": "access",
        "s3_store_secret_key": "secret",
    },
    "swift": {
        "swift_store_auth_address": "https://identity.example.com/v3",
        "swift_store_user": "service:images",
        "swift_store_key": "password",
    },
}
_NEEDS: Mapping[str, str] = {
    "cinder": "the extra `cinder`; for volumes in Ceph `python3-rbd`, a package of the system",
    "rbd": "Ceph's `librbd1`, a package of the system",
    "s3": "the extra `s3`",
    "swift": "the extra `swift`",
}
_LEARNED: Mapping[str, str] = {  # what only the running store, or only the caller, can say
    "cinder": "cinder://STORE-ID/VOLUME-ID",
    "http": "https://images.example.com/any/path",
    "rbd": "rbd://CLUSTER-ID/images/IMAGE-ID/snap",
}


def stores_page() -> str:
    """The page as Markdown."""
    configs = tuple(StoreConfig(id=kind, type=kind, options=_EXAMPLES[kind]) for kind in WORKING)
    stores = build(StoreSettings(stores=configs, default=WORKING[0]))
    abilities = {kind: msgspec.structs.asdict(stores[kind].abilities) for kind in WORKING}
    rows = [
        f"| `{ability}` | {_ABILITIES[ability]} |"
        + "".join(f" {'yes' if abilities[kind][ability] else 'no'} |" for kind in WORKING)
        for ability in Abilities.__struct_fields__
    ]
    locations = [
        f"| `{kind}` | `{_LEARNED.get(kind) or stores[kind].uri('IMAGE-ID')}` | {_NEEDS.get(kind, '-')} |"
        for kind in WORKING
    ]
    coming = ", ".join(f"`{kind}`" for kind in DRIVERS if kind not in WORKING)
    return (
        _HEAD
        + "\n".join(
            [
                "| ability | which means | " + " | ".join(WORKING) + " |",
                "|---|---|" + "---|" * len(WORKING),
                *rows,
                "",
                "## Locations",
                "",
                "They have Glance's form, so that either service can use what the other wrote.",
                "",
                "| kind | an image's location | needs |",
                "|---|---|---|",
                *locations,
                "",
                f"Not there yet: {coming}.",
            ]
        )
        + "\n"
    )
