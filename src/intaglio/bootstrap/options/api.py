"""The `[DEFAULT]` options about the API, quotas, deletion and the cache."""

from intaglio.bootstrap.options.model import Group, Kind, not_yet, obsolete, used

API = (
    used(
        "public_endpoint",
        Kind.URL,
        None,
        "Base URL in links of the version documents; otherwise the URL of the request.",
    ),
    used(
        "allow_anonymous_access",
        Kind.BOOLEAN,
        False,
        "Requests without credentials may read what the policy lets somebody without roles and project read.",
    ),
    used("max_request_id_length", Kind.INTEGER, 64, "Longest request id accepted from a client.", minimum=0),
    used("limit_param_default", Kind.INTEGER, 25, "Page size when a request gives no `limit`.", minimum=1),
    used("api_limit_max", Kind.INTEGER, 1000, "Largest page; a larger `limit` is lowered to it.", minimum=1),
    used(
        "show_image_direct_url",
        Kind.BOOLEAN,
        False,
        "Show `direct_url`, which names the store's address, to those who may see it.",
    ),
    used(
        "show_multiple_locations",
        Kind.BOOLEAN,
        False,
        "Show `locations`, and let PATCH add one, remove one of several, or change what is noted beside it.",
    ),
    used(
        "hashing_algorithm",
        Kind.TEXT,
        "sha512",
        "Algorithm of `os_hash_value`: any fixed-length one that Python's hashlib has.",
    ),
    used(
        "enabled_import_methods",
        Kind.LIST,
        ("glance-direct", "web-download", "copy-image"),
        "Import methods offered; an empty list turns import off.",
        note="glance-download is offered behind Keystone only, whose catalogue says where other regions are.",
        choices=("glance-direct", "web-download", "copy-image", "glance-download"),
    ),
    used(
        "enabled_backends",
        Kind.MAP,
        None,
        "The stores as `id:type` pairs; each id is a group with that store's options. os_glance_… is reserved.",
    ),
    not_yet(
        "worker_self_reference_url",
        Kind.URL,
        None,
        "URL by which other API servers reach this one.",
        note="Ignored, and not needed: staged data are in a store that every worker reaches.",
    ),
    used(
        "do_secure_hash",
        Kind.BOOLEAN,
        True,
        "Read and digest data that are added by their location, and compare them with what is said of them.",
        note="Without it digests that callers give are believed.",
    ),
    used(
        "http_retries",
        Kind.INTEGER,
        3,
        "Attempts at reading data that are added by their location.",
    ),
    used(
        "node_staging_uri",
        Kind.URL,
        "file:///tmp/staging/",
        "Directory for staged data, where [os_glance_staging_store] says nothing.",
        note="Not set: staging in data_dir.",
    ),
    used(
        "property_protection_file",
        Kind.TEXT,
        None,
        "File of rules on who may use which custom property. It is read again when it changes.",
        note="A relative name is looked for beside the configuration files. Not set: nothing is protected.",
    ),
    used(
        "property_protection_rule_format",
        Kind.TEXT,
        "roles",
        "Whether that file names roles or policy rules.",
        choices=("roles", "policies"),
    ),
    not_yet(
        "default_publisher_id",
        Kind.TEXT,
        "image.localhost",
        "Sender of notifications.",
        note="Ignored: notifications come later.",
    ),
    not_yet(
        "disabled_notifications",
        Kind.LIST,
        (),
        "Events or groups of events that are not sent.",
        note="Ignored: notifications come later.",
    ),
    used(
        "metadata_encryption_key",
        Kind.TEXT,
        None,
        "AES key, of 16, 24 or 32 bytes, of the location URLs in the database.",
        note="Rows from before it was set are read as they are.",
        secret=True,
    ),
    used(
        "metadata_source_path",
        Kind.TEXT,
        "/etc/glance/metadefs/",
        "Directory of the files that `intaglio metadef` reads and writes when it is given no other.",
        note="Not set, and no such directory: `load` and `diff` take the definitions that come with Intaglio.",
    ),
)

QUOTAS = (
    used("image_size_cap", Kind.INTEGER, 1 << 40, "Largest image in bytes.", minimum=1, maximum=(1 << 63) - 1),
    used(
        "user_storage_quota",
        Kind.SIZE,
        0,
        "Bytes a project may keep over all its stored copies; units are powers of 1024.",
        note="Without effect when use_keystone_limits is true.",
    ),
    used("image_member_quota", Kind.INTEGER, 128, "Members of one image; -1 is no limit."),
    used("image_property_quota", Kind.INTEGER, 128, "Custom properties of one image; -1 is no limit."),
    used("image_tag_quota", Kind.INTEGER, 128, "Tags of one image; -1 is no limit."),
    used(
        "image_location_quota",
        Kind.INTEGER,
        10,
        "Locations of one image; -1 is no limit.",
    ),
    used(
        "use_keystone_limits",
        Kind.BOOLEAN,
        False,
        "Take quotas from Keystone's unified limits.",
        note="Needs the login of [oslo_limit]; user_storage_quota has then no effect.",
    ),
)

_CACHE_NOTE = "Ignored: the image cache comes later."
CACHE = (
    used(
        "image_cache_dir",
        Kind.TEXT,
        None,
        "Directory of the image cache.",
        note="So far it only makes the version documents name the versions that have a cache API.",
    ),
    not_yet(
        "image_cache_driver",
        Kind.TEXT,
        "centralized_db",
        "Where the cache keeps its books.",
        note=_CACHE_NOTE,
        choices=("centralized_db", "sqlite", "xattr"),
    ),
    not_yet("image_cache_sqlite_db", Kind.TEXT, "cache.db", "File of the sqlite cache driver.", note=_CACHE_NOTE),
    not_yet("image_cache_max_size", Kind.INTEGER, 10 << 30, "Bytes a pruned cache keeps.", note=_CACHE_NOTE, minimum=0),
    not_yet(
        "image_cache_stall_time",
        Kind.INTEGER,
        86400,
        "Seconds after which a half-filled cache file is removed.",
        note=_CACHE_NOTE,
        minimum=0,
    ),
)

SCRUBBER = (
    used(
        "delayed_delete",
        Kind.BOOLEAN,
        False,
        "Keep the data of deleted images for `scrub_time`: until then `intaglio image restore` brings one back.",
    ),
    used("scrub_time", Kind.INTEGER, 0, "Seconds that the data of deleted images are kept.", minimum=0),
    used("scrub_pool_size", Kind.INTEGER, 1, "Objects of one store that a worker removes at the same time.", minimum=1),
    used(
        "wakeup_time",
        Kind.INTEGER,
        300,
        "Seconds between a worker's looks for data whose time is over.",
        minimum=0,
        note="0 is taken for 1.",
    ),
    *obsolete(("daemon",), "Every worker removes what has been kept long enough; there is no scrubber to start."),
    *obsolete(("restore",), "Use `intaglio image restore IMAGE`."),
)

GROUPS = (
    Group(name="DEFAULT", origin="Glance", title="API behaviour", options=API),
    Group(name="DEFAULT", origin="Glance", title="Quotas", options=QUOTAS),
    Group(name="DEFAULT", origin="Glance", title="Image cache", options=CACHE),
    Group(name="DEFAULT", origin="Glance", title="Deferred deletion", options=SCRUBBER),
)
