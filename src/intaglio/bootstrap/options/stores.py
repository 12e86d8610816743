"""The options of stores: which there are, what all have, and those of the file, http, RBD, S3 and VMware drivers."""

from functools import partial

from intaglio.bootstrap.options.model import Group, Kind, not_yet, used

NAMES = {
    "file": "file",
    "filesystem": "file",
    "http": "http",
    "https": "http",
    "swift": "swift",
    "swift+http": "swift",
    "swift+https": "swift",
    "swift+config": "swift",
    "rbd": "rbd",
    "cinder": "cinder",
    "vsphere": "vmware",
    "vmware": "vmware",
    "vmware_datastore": "vmware",
    "s3": "s3",
    "s3+http": "s3",
    "s3+https": "s3",
}
"""Every name the single-store options use for a kind of store, and the name `enabled_backends` uses for it."""

WORKING = ("file", "http", "rbd", "s3", "swift", "cinder")
"""The kinds of store that this release has a driver for."""

RESERVED_PREFIX = "os_glance_"

SINGLE = (
    used("default_backend", Kind.TEXT, None, "Id of the store new images go to; needed with `enabled_backends`."),
    used(
        "stores",
        Kind.LIST,
        ("file", "http"),
        "Kinds of store, when `enabled_backends` is not set. The configuration with one store is deprecated.",
    ),
    used(
        "default_store",
        Kind.TEXT,
        "file",
        "Kind of the store new images go to, when `enabled_backends` is not set.",
        choices=tuple(name for name in NAMES if name not in {"vmware", "vmware_datastore", "s3+http", "s3+https"}),
    ),
)

COMMON = (
    used("store_description", Kind.TEXT, None, "What users are told of this store."),
    used("weight", Kind.INTEGER, 0, "Of several copies of an image the one in the heaviest store is preferred."),
)

FILE = (
    used("filesystem_store_datadir", Kind.TEXT, "/var/lib/glance/images", "Directory of the image files."),
    used(
        "filesystem_store_datadirs",
        Kind.MULTI,
        (),
        "Several directories, `path:priority` each, instead of filesystem_store_datadir.",
    ),
    used(
        "filesystem_store_metadata_file",
        Kind.TEXT,
        None,
        "JSON file of mount points that are added to the metadata of locations.",
    ),
    used("filesystem_store_file_perm", Kind.OCTAL, 0, "Permissions of image files; 0 leaves them to the umask."),
    used("filesystem_thin_provisioning", Kind.BOOLEAN, False, "Do not write stretches of zeros (sparse files)."),
    used(
        "filesystem_store_chunk_size",
        Kind.INTEGER,
        None,
        "Bytes in one read, and the stretch of zeros that is not written.",
        note="Not set: 1 MiB and 64 KiB.",
        minimum=1,
    ),
    used(
        "filesystem_store_timeout",
        Kind.INTEGER,
        0,
        "Seconds a call to the file system may take; 0 is 300.",
        minimum=0,
    ),
    used("filesystem_store_thread_pool_size", Kind.INTEGER, 10, "Threads for such calls.", minimum=1),
    not_yet(
        "filesystem_store_threadpool_threshold",
        Kind.INTEGER,
        75,
        "Percentage of busy threads that is warned of.",
        note="Ignored: there is no such warning.",
        minimum=0,
        maximum=100,
    ),
)

HTTP = (
    used(
        "https_ca_certificates_file",
        Kind.TEXT,
        None,
        "File of the certificate authorities that are trusted for https, and no others; not set is the system's.",
    ),
    used(
        "https_insecure",
        Kind.BOOLEAN,
        False,
        "Take any certificate, where no file of authorities is named.",
        note="Glance's default is true.",
    ),
    used(
        "http_proxy_information",
        Kind.MAP,
        (),
        "Proxies, `scheme:host:port` each, where `scheme` is that of what is fetched.",
        secret=True,
    ),
)

RBD = (
    used(
        "rbd_store_chunk_size",
        Kind.INTEGER,
        8,
        "MiB in one RADOS object.",
        note="1 to 32; rounded down to a power of two.",
        minimum=1,
    ),
    used("rbd_store_pool", Kind.TEXT, "images", "Pool."),
    used("rbd_store_user", Kind.TEXT, None, "Ceph user, without `client.`; not set is Ceph's own choice, `admin`."),
    used("rbd_store_ceph_conf", Kind.TEXT, "", "Path of ceph.conf; empty is Ceph's own choice, `/etc/ceph/ceph.conf`."),
    used(
        "rados_connect_timeout",
        Kind.INTEGER,
        -1,
        "Seconds that connecting, and each operation, may take.",
        note="Not positive: 15 to connect, 60 for an operation; Glance waits for ever.",
    ),
    used("rbd_thin_provisioning", Kind.BOOLEAN, False, "Do not write stretches of zeros."),
)

_WHEN = ("when_required", "when_supported")
S3 = (
    used("s3_store_host", Kind.URL, None, "Endpoint, `https://host` or `host:port`; without a scheme it is http."),
    used(
        "s3_store_region_name",
        Kind.TEXT,
        "",
        "Region. Empty: the one that an AWS host name tells, otherwise us-east-1, which most servers take for theirs.",
    ),
    used("s3_store_access_key", Kind.TEXT, None, "Access key.", secret=True),
    used("s3_store_secret_key", Kind.TEXT, None, "Secret key.", secret=True),
    used("s3_store_bucket", Kind.TEXT, None, "Bucket."),
    used("s3_store_create_bucket_on_put", Kind.BOOLEAN, False, "Make the bucket when it is missing."),
    used(
        "s3_store_bucket_url_format",
        Kind.TEXT,
        "auto",
        "How the bucket is addressed: virtual (bucket.host), path (host/bucket), or auto: virtual at AWS alone.",
        choices=("auto", "virtual", "path"),
    ),
    used(
        "s3_store_large_object_size",
        Kind.INTEGER,
        100,
        "MiB from which an object is sent in parts.",
        note="One that is longer than a part always is, so that memory does not depend on its size.",
        minimum=0,
    ),
    used(
        "s3_store_large_object_chunk_size",
        Kind.INTEGER,
        10,
        "MiB in one part.",
        note="At least 5. Parts grow when 10 000 of them would not do.",
    ),
    used("s3_store_thread_pools", Kind.INTEGER, 10, "Parts of one image that are sent at once, at most."),
    used("s3_store_cacert", Kind.TEXT, "", "File of certificate authorities for https; empty is the system's."),
    used(
        "s3_store_enable_data_integrity_protection",
        Kind.BOOLEAN,
        False,
        "Obey the two options below; without it no checksum headers are sent, which older servers refuse.",
    ),
    used(
        "s3_store_request_checksum_calculation",
        Kind.TEXT,
        "when_required",
        "when_supported: send a CRC-32 with each part. when_required: none, as no call that is used requires it.",
        choices=_WHEN,
    ),
    used(
        "s3_store_response_checksum_validation",
        Kind.TEXT,
        "when_required",
        "when_supported: verify the checksum of what is read in one piece. Whole downloads are verified in any case.",
        choices=_WHEN,
    ),
)

_vmware = partial(not_yet, note="No effect: the VMware store comes later.")
VMWARE = (
    _vmware("vmware_server_host", Kind.TEXT, None, "vCenter or ESX host."),
    _vmware("vmware_server_username", Kind.TEXT, None, "User."),
    _vmware("vmware_server_password", Kind.TEXT, None, "Password.", secret=True),
    _vmware("vmware_api_retry_count", Kind.INTEGER, 10, "Attempts at a call.", minimum=1),
    _vmware("vmware_task_poll_interval", Kind.INTEGER, 5, "Seconds between looks at a task.", minimum=1),
    _vmware("vmware_store_image_dir", Kind.TEXT, "/openstack_glance", "Directory in the datastore."),
    _vmware(
        "vmware_insecure", Kind.BOOLEAN, False, "Do not check certificates.", aliases=(("", "vmware_api_insecure"),)
    ),
    _vmware("vmware_ca_file", Kind.TEXT, None, "Certificate authorities."),
    _vmware("vmware_datastores", Kind.MULTI, (), "Datastores, `datacenter:datastore:weight` each."),
)

GROUPS = (
    Group(name="glance_store", origin="Glance", title="Which stores", options=SINGLE),
    Group(
        name="os_glance_staging_store",
        origin="Glance",
        title="Staging area",
        options=(
            used(
                "filesystem_store_datadir",
                Kind.TEXT,
                "/var/lib/glance/os_glance_staging_store",
                "Directory where staged data wait to be imported.",
                note="Not set: node_staging_uri, and without that staging in data_dir. Workers on several machines "
                "need one that all reach.",
            ),
            used(
                "store_type",
                Kind.TEXT,
                "file",
                "Kind of store that keeps staged data. Its options stand in this group.",
                note="Ours. It must be a place of its own: objects are named as those of images are.",
                choices=tuple(kind for kind in WORKING if kind != "cinder"),
            ),
            *RBD,
            *S3,
        ),
    ),
    Group(
        name="os_glance_tasks_store",
        origin="Glance",
        title="Task scratch area with several stores",
        options=(
            not_yet(
                "filesystem_store_datadir",
                Kind.TEXT,
                "/var/lib/glance/os_glance_tasks_store",
                "Directory.",
                note="Ignored: tasks need no directory here.",
            ),
        ),
    ),
)
