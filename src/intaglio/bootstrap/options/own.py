"""Our own options: group `[intaglio]`."""

from intaglio.bootstrap.options.model import Group, Kind, used

INTAGLIO = (
    used(
        "data_dir",
        Kind.TEXT,
        None,
        "Directory of everything that no other option places elsewhere: intaglio.sqlite, images, users.",
        note="Not set: /var/lib/intaglio for root, otherwise intaglio in $XDG_DATA_HOME (~/.local/share).",
    ),
    used("bind", Kind.TEXT, "127.0.0.1:9292", "Address and port the API listens on, `HOST:PORT`."),
    used(
        "metrics_from",
        Kind.LIST,
        ("127.0.0.0/8", "::1/128"),
        "Networks from which /metrics is read without credentials; from elsewhere administrators alone read it.",
        note="What a proxy passes on counts as coming from elsewhere.",
    ),
    used("workers", Kind.INTEGER, 2, "API processes.", minimum=1, maximum=1024),
    used("drain_seconds", Kind.NUMBER, 30.0, "How long running transfers may finish after SIGTERM.", minimum=0),
    used(
        "auth",
        Kind.TEXT,
        None,
        "Who is asking: `http_basic` (local users), `keystone` (tokens), `trusted_proxy` (a proxy in front says it in "
        "headers) or `none` (everybody is an administrator).",
        choices=("http_basic", "keystone", "trusted_proxy", "none"),
        note="Not set: [paste_deploy] flavor decides, and without that it is http_basic.",
    ),
    used("users_file", Kind.TEXT, None, "File of local users.", note="Not set: users in data_dir."),
    used(
        "trusted_proxies",
        Kind.LIST,
        (),
        "Addresses and networks, such as 10.0.0.5,fd00::/64, whose connections are believed to say in "
        "X-Identity-Status, X-User-Id, X-Project-Id and X-Roles who is asking.",
        note="For auth `trusted_proxy` only; these headers are ignored from everybody else, and in every other mode.",
    ),
    used(
        "auth_none_anywhere",
        Kind.BOOLEAN,
        False,
        "Allow auth `none` on an address that other machines reach.",
    ),
    used(
        "journal",
        Kind.URL,
        None,
        "Database of the journal of durable work, SQLite or PostgreSQL. All workers of a service use the same one.",
        note="Not set: with the metadata in PostgreSQL the same database (a schema of its own, dbos), otherwise "
        "journal.sqlite in data_dir, which is for one worker.",
    ),
    used("imports_at_once", Kind.INTEGER, 4, "Imports that one worker runs at the same time.", minimum=1, maximum=256),
    used(
        "staged_hours",
        Kind.INTEGER,
        168,
        "Hours that staged data wait to be imported, also after a failed import; 0 is for ever.",
        minimum=0,
    ),
    used(
        "fetch_networks",
        Kind.LIST,
        (),
        "Networks that are not public, such as 10.0.0.0/8,fd00::/8, from which users may have images fetched.",
        note="Without it a URL that leads to a private, loopback or link-local address is refused, unless "
        "[import_filtering_opts] allowed_hosts names its host. A metadata service has to be named by its own address.",
    ),
    used(
        "fetch_proxy",
        Kind.URL,
        None,
        "HTTP proxy through which users' URLs are fetched, such as http://proxy.example.org:3128.",
        note="The proxy then finds the addresses of names, and has to refuse private ones. Variables such as "
        "https_proxy have no effect.",
    ),
    used(
        "fetch_ca_file",
        Kind.TEXT,
        None,
        "File of certificate authorities (PEM) that are trusted beside the system's when users' URLs are fetched.",
    ),
    used(
        "unpack_ratio",
        Kind.INTEGER,
        1000,
        "How many bytes may come of one when imports are unpacked (image_decompression).",
        minimum=1,
    ),
    used(
        "unpack_free_gib",
        Kind.INTEGER,
        10,
        "GiB that may come of any import, whatever unpack_ratio says: empty disks pack well.",
        minimum=0,
    ),
    used(
        "convert_signed",
        Kind.TEXT,
        "refuse",
        "What becomes of the import of a signed image that would be converted (image_conversion), since its signature "
        "would not fit: `refuse` it, `keep` the format it has, `unsign` it, or `resign` it: verify it first, and sign "
        "the result with the service's own key.",
        choices=("refuse", "keep", "unsign", "resign"),
    ),
    used(
        "convert_memory_mib",
        Kind.INTEGER,
        1024,
        "MiB of address space that qemu-img may have when it converts an import.",
        minimum=256,
    ),
    used(
        "convert_minutes",
        Kind.INTEGER,
        360,
        "Minutes that qemu-img may take for one import, by the clock and of processor time.",
        minimum=1,
    ),
    used("fetch_connect_seconds", Kind.NUMBER, 15.0, "How long connecting to a user's URL may take.", minimum=0.01),
    used(
        "fetch_stall_seconds",
        Kind.NUMBER,
        60.0,
        "How long a source may take to begin to answer, and then send nothing.",
        minimum=0.01,
    ),
    used("fetch_total_hours", Kind.NUMBER, 24.0, "How long fetching one image may take in all.", minimum=0.0001),
    used(
        "fetch_slowest",
        Kind.NUMBER,
        1024.0,
        "Bytes a second that a source has to send over each minute.",
        minimum=0,
    ),
    used(
        "event_streams",
        Kind.INTEGER,
        200,
        "Connections of one API process that may wait for events of images at the same time; of one user, a quarter.",
        minimum=1,
        maximum=100000,
    ),
    used(
        "expire_empty_after_hours",
        Kind.NUMBER,
        0.0,
        "Hours after which an image record that got no data, and that nobody changed, is deleted; 0 is never.",
        minimum=0,
    ),
    used(
        "removal_give_up_hours",
        Kind.NUMBER,
        72.0,
        "Hours for which a store that does not remove a deleted image's data is asked again; 0 is for ever.",
        minimum=0,
        note="Then the log says so, again and again, and `intaglio store reconcile --fix` tries once more.",
    ),
    used(
        "catalog_files",
        Kind.TEXT,
        None,
        "Directory or file of image definitions that a worker keeps current on a timetable, by `intaglio catalog`.",
        note="Not set: no worker does. One worker of a cluster does it, with a path that all of them have.",
    ),
    used(
        "catalog_schedule",
        Kind.TEXT,
        "0 0 * * 0",
        "When: minute, hour, day of the month, month and day of the week (0 is Sunday) in UTC, as cron reads them.",
        note="A time at which no worker ran is made up for within 24 hours.",
    ),
    used(
        "catalog_steps",
        Kind.LIST,
        ("update",),
        "What is done, in this order: `update` (new builds into the files), `plan` (say what differs), `apply`.",
    ),
    used(
        "catalog_cloud",
        Kind.TEXT,
        None,
        "The cloud of clouds.yaml that `plan` and `apply` are about.",
        note="Not set: what OS_CLOUD and the other OS_* variables of the worker say, or intaglio.",
    ),
    used("catalog_locked", Kind.BOOLEAN, False, "`plan` and `apply` use only what the lock file pins."),
    used("catalog_delete", Kind.BOOLEAN, False, "`apply` deletes images that may be deleted, ten a run at most."),
    used(
        "usage_check_seconds",
        Kind.NUMBER,
        3600.0,
        "How often the worker proves the kept sums of what projects use against their images; 0 is never.",
        minimum=0,
    ),
    used(
        "verify_copies_days",
        Kind.NUMBER,
        0.0,
        "Days in which a worker reads every stored copy of every image back once, and compares it with the image's "
        "digest and signature; 0 is never. An image of which other bytes are found is deactivated.",
        minimum=0,
    ),
    used(
        "verify_copies_mib",
        Kind.NUMBER,
        20.0,
        "MiB a second that are read for verify_copies_days, at most.",
        minimum=0.001,
    ),
)

METADEFS = (
    used(
        "enforce",
        Kind.TEXT,
        "off",
        "What becomes of an image's property that is set otherwise than the catalogue of metadata definitions says."
        " `off`: nothing; `warn`: a response header and the log say so; `require`: the request is refused (400).",
        choices=("off", "warn", "require"),
    ),
    used(
        "osinfo_path",
        Kind.LIST,
        ("/usr/share/osinfo", "/usr/local/share/osinfo", "/etc/osinfo"),
        "Directories of libosinfo's database; `os_distro`, `os_version` and `os_name` are checked against it.",
        note="Empty, or without Debian's osinfo-db there: they are not checked.",
    ),
)

_RATES = "Calls allowed to each user, project or address, such as `user:60/minute,address:100/10seconds`"
RATES = (
    used("rate_limit_list", Kind.MAP, (), f"{_RATES}: pages of lists."),
    used("rate_limit_write", Kind.MAP, (), f"{_RATES}: changes of records."),
    used("rate_limit_upload", Kind.MAP, (), f"{_RATES}: uploads of data."),
    used(
        "rate_limit_import",
        Kind.MAP,
        (("project", "600/hour"),),
        f"{_RATES}: imports, which make this service fetch and convert data.",
        note="Set it to nothing to have no limit.",
    ),
    used("rate_limit_other", Kind.MAP, (), f"{_RATES}: all other calls, downloads among them."),
    used(
        "rate_limit_storage",
        Kind.URL,
        None,
        "A Redis that counts calls for several machines, such as redis://host:6379/0.",
        note="Not set: the processes of one machine count together, in the file rates in data_dir.",
    ),
)

GROUPS = (
    Group(name="intaglio", origin="Intaglio", title="This service", options=(*INTAGLIO, *RATES)),
    Group(name="metadefs", origin="Intaglio", title="The catalogue of metadata definitions", options=METADEFS),
)
