"""The options about formats, tasks, import and its plugins, deployment, and profiling."""

from intaglio.bootstrap.options.model import Group, Kind, not_yet, used
from intaglio.formats.settings import CONTAINER_FORMATS, DISK_FORMATS

_IMPORT_NOTE = "Ignored: import comes later."
_PROFILER_NOTE = "Ignored: tracing is by OpenTelemetry, in a later release."
_FORMATS = ("qcow2", "raw", "vmdk")

FORMAT = (
    used(
        "container_formats",
        Kind.LIST,
        CONTAINER_FORMATS,
        "Accepted values of `container_format`.",
        aliases=(("DEFAULT", "container_formats"),),
    ),
    used(
        "disk_formats",
        Kind.LIST,
        DISK_FORMATS,
        "Accepted values of `disk_format`.",
        aliases=(("DEFAULT", "disk_formats"),),
    ),
    used("require_image_format_match", Kind.BOOLEAN, True, "Refuse data that is not of the declared `disk_format`."),
    used("gpt_safety_checks_nonfatal", Kind.LIST, (), "Safety checks of GPT disks that only warn."),
    used(
        "vmdk_allowed_types",
        Kind.LIST,
        ("streamOptimized", "monolithicSparse"),
        "VMDK types that may be converted.",
        note="Empty: none.",
    ),
)

TASK = (
    used(
        "task_time_to_live",
        Kind.INTEGER,
        48,
        "Hours a finished task is kept.",
        minimum=0,
        aliases=(("DEFAULT", "task_time_to_live"),),
    ),
    not_yet(
        "task_executor",
        Kind.TEXT,
        "taskflow",
        "What runs tasks.",
        note="Ignored: durable workflows run them.",
        choices=("taskflow",),
    ),
    used(
        "work_dir",
        Kind.TEXT,
        None,
        "Directory for what imports have to put down while they convert to qcow2 or vmdk, or convert packed data.",
        note="Not set: converting in [intaglio] data_dir. Nothing in it has a name, and nothing outlives the process.",
    ),
)

TASKFLOW = (
    not_yet(
        "engine_mode",
        Kind.TEXT,
        "parallel",
        "How steps of one task run.",
        note="Ignored: durable workflows run them.",
        choices=("serial", "parallel"),
    ),
    not_yet(
        "max_workers", Kind.INTEGER, 10, "Threads of one task.", note="Ignored: durable workflows run them.", minimum=1
    ),
    not_yet(
        "conversion_format", Kind.TEXT, None, "Format old import tasks convert to.", note=_IMPORT_NOTE, choices=_FORMATS
    ),
)

WSGI = (
    not_yet(
        "task_pool_threads",
        Kind.INTEGER,
        16,
        "Tasks at once in one process.",
        note="Ignored: [intaglio] imports_at_once is that of a worker.",
        minimum=1,
    ),
    not_yet(
        "python_interpreter", Kind.TEXT, None, "Python for helper processes.", note="Ignored: the running one is used."
    ),
)

PASTE = (
    used(
        "flavor",
        Kind.TEXT,
        None,
        "Chosen pipeline; here it chooses who is believed to be asking.",
        note=(
            "keystone and what begins with it mean auth `keystone`; caching, cachemanagement and the empty value mean "
            "`none`; not set means `http_basic`. [intaglio] auth decides where it is set."
        ),
    ),
    not_yet(
        "config_file",
        Kind.TEXT,
        None,
        "File of pipelines.",
        note="Ignored: there is no WSGI pipeline; what its filters did is configured by options.",
    ),
)

IMPORT = (
    used(
        "image_import_plugins",
        Kind.LIST,
        (),
        "Plug-ins an import passes, in order: image_decompression, image_conversion, image_introspection, "
        "inject_image_metadata, no_op, and those of installed packages.",
        note="What is packed has to be unpacked before it is converted: the other order is refused.",
    ),
    not_yet(
        "max_parallel_stores",
        Kind.INTEGER,
        1,
        "Stores one import writes at once.",
        note="Ignored: data are read once and written to all stores at once.",
        minimum=1,
    ),
)
CONVERSION = (
    used(
        "output_format",
        Kind.TEXT,
        "raw",
        "Format imports are converted to, with image_conversion among the plug-ins.",
        choices=_FORMATS,
    ),
)
INJECT = (
    used("inject", Kind.MAP, (), "Properties imported images get, with inject_image_metadata among the plug-ins."),
    used("ignore_user_roles", Kind.LIST, ("admin",), "Roles whose imports get none."),
)
DOWNLOAD = (
    used(
        "extra_properties",
        Kind.LIST,
        ("hw_", "trait:", "os_distro", "os_secure_boot", "os_type"),
        "Beginnings of the names of properties that glance-download copies from the other service.",
    ),
)
_ALONE = "Where the list of what is allowed is not empty, it decides alone."
FILTER = (
    used(
        "allowed_schemes",
        Kind.LIST,
        ("http", "https"),
        "Schemes a user's URL may have.",
        note="Others are never fetched.",
    ),
    used("disallowed_schemes", Kind.LIST, (), "Schemes it may not have.", note=_ALONE),
    used(
        "allowed_hosts",
        Kind.LIST,
        (),
        "Hosts it may name, as they stand in a URL. They may have private addresses.",
        note="Empty: every host whose addresses are public, or in [intaglio] fetch_networks.",
    ),
    used("disallowed_hosts", Kind.LIST, (), "Hosts and addresses it may not name.", note=_ALONE),
    used(
        "allowed_ports",
        Kind.INTEGERS,
        (80, 443),
        "Ports it may name.",
        note="A URL that names none has the port of its scheme, which has to be allowed, too.",
    ),
    used("disallowed_ports", Kind.INTEGERS, (), "Ports it may not name.", note=_ALONE),
)

PROFILER = (
    not_yet(
        "enabled",
        Kind.BOOLEAN,
        False,
        "Trace requests.",
        note=_PROFILER_NOTE,
        aliases=(("profiler", "profiler_enabled"),),
    ),
    not_yet("trace_requests", Kind.BOOLEAN, False, "Trace outgoing requests.", note=_PROFILER_NOTE),
    not_yet("trace_sqlalchemy", Kind.BOOLEAN, False, "Trace SQL.", note=_PROFILER_NOTE),
    not_yet("hmac_keys", Kind.TEXT, "SECRET_KEY", "Keys that sign trace headers.", note=_PROFILER_NOTE, secret=True),
    not_yet("connection_string", Kind.URL, "messaging://", "Where traces go.", note=_PROFILER_NOTE),
    not_yet("es_doc_type", Kind.TEXT, "notification", "Elasticsearch document type.", note=_PROFILER_NOTE),
    not_yet("es_scroll_time", Kind.TEXT, "2m", "Elasticsearch scroll time.", note=_PROFILER_NOTE),
    not_yet("es_scroll_size", Kind.INTEGER, 10000, "Elasticsearch scroll size.", note=_PROFILER_NOTE),
    not_yet("socket_timeout", Kind.NUMBER, 0.1, "Redis timeout in seconds.", note=_PROFILER_NOTE),
    not_yet("sentinel_service_name", Kind.TEXT, "mymaster", "Redis Sentinel service.", note=_PROFILER_NOTE),
    not_yet("filter_error_trace", Kind.BOOLEAN, False, "Keep traces of errors apart.", note=_PROFILER_NOTE),
)

GROUPS = tuple(
    Group(name=name, origin="Glance", title=title, options=options)
    for name, title, options in (
        ("image_format", "Formats", FORMAT),
        ("paste_deploy", "Pipeline", PASTE),
        ("image_import_opts", "Import", IMPORT),
        ("image_conversion", "Import plugin: conversion", CONVERSION),
        ("inject_metadata_properties", "Import plugin: metadata injection", INJECT),
        ("glance_download_properties", "Import from another image service", DOWNLOAD),
        ("import_filtering_opts", "What a user's URL may be", FILTER),
        ("task", "Tasks", TASK),
        ("taskflow_executor", "Task engine", TASKFLOW),
        ("wsgi", "Process", WSGI),
        ("profiler", "Profiler", PROFILER),
    )
)
