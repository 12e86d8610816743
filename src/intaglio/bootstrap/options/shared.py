"""The options of shared OpenStack libraries about the database, policy, middleware, locks and reports."""

from functools import partial

from intaglio.api.settings import CORS_READ, CORS_SENT
from intaglio.bootstrap.options.model import Group, Kind, Option, not_yet, used

DATABASE = (
    used(
        "connection",
        Kind.URL,
        None,
        "The database as an SQLAlchemy URL: sqlite, postgresql or mysql.",
        note="Not set: intaglio.sqlite in data_dir.",
        secret=True,
    ),
    used("max_pool_size", Kind.INTEGER, 5, "Connections kept open by a process."),
    used("max_overflow", Kind.INTEGER, 50, "Connections opened beyond those at need."),
    used("connection_recycle_time", Kind.INTEGER, 3600, "Seconds after which a connection is replaced."),
    used("max_retries", Kind.INTEGER, 10, "Attempts to connect at start; -1 is for ever."),
    used("connection_parameters", Kind.TEXT, "", "More URL parameters, `a=b&c=d`.", secret=True),
)

_engine = partial(not_yet, note="Ignored: the engine chooses what keeps data safe.")
_retry = partial(
    not_yet, note="Ignored: a transaction that the database asks to repeat is repeated with growing pauses."
)
DATABASE_LATER = (
    not_yet("pool_timeout", Kind.INTEGER, None, "Seconds to wait for a free connection.", note="Ignored: it is 30."),
    not_yet("retry_interval", Kind.INTEGER, 10, "Seconds between attempts at start.", note="Ignored: it is 1."),
    not_yet(
        "mysql_wsrep_sync_wait",
        Kind.INTEGER,
        None,
        "Galera: make reads wait for writes on other nodes (a bit mask).",
        note="Ignored: set the server's variable of that name.",
    ),
    _engine("backend", Kind.TEXT, "sqlalchemy", "Database layer."),
    _engine("sqlite_synchronous", Kind.BOOLEAN, True, "SQLite waits for the disk."),
    _engine("mysql_sql_mode", Kind.TEXT, "TRADITIONAL", "SQL mode of MySQL and MariaDB."),
    _engine("synchronous_reader", Kind.BOOLEAN, True, "Readers see all earlier writes."),
    _engine("asyncio_connection", Kind.URL, None, "URL for asynchronous use.", secret=True),
    _engine("asyncio_slave_connection", Kind.URL, None, "URL of a replica for asynchronous use.", secret=True),
    not_yet(
        "slave_connection",
        Kind.URL,
        None,
        "URL of a replica to read from.",
        note="Ignored: everything is read from the primary.",
        secret=True,
    ),
    not_yet("connection_debug", Kind.INTEGER, 0, "Log SQL: 0 to 100.", note="Ignored.", minimum=0, maximum=100),
    not_yet("connection_trace", Kind.BOOLEAN, False, "Name the caller in SQL comments.", note="Ignored."),
    _retry("use_db_reconnect", Kind.BOOLEAN, False, "Reconnect in the middle of work."),
    _retry("db_retry_interval", Kind.INTEGER, 1, "Seconds before a transaction is repeated."),
    _retry("db_inc_retry_interval", Kind.BOOLEAN, True, "Let that pause grow."),
    _retry("db_max_retry_interval", Kind.INTEGER, 10, "Longest pause."),
    _retry("db_max_retries", Kind.INTEGER, 20, "Repetitions of a transaction."),
)

_remote = partial(not_yet, note="Ignored: rules that ask another server (http:, https:) come later.")
POLICY = (
    used(
        "policy_file",
        Kind.TEXT,
        "policy.yaml",
        "Rules that replace the defaults; a relative path is looked for beside the configuration files, then in the "
        "data directory.",
        note="Read again within seconds of a change.",
    ),
    used(
        "policy_dirs",
        Kind.MULTI,
        ("policy.d",),
        "Directories of more such files, which replace those of `policy_file`; relative paths are looked for as there.",
    ),
    not_yet(
        "policy_default_rule",
        Kind.TEXT,
        "default",
        "Rule that stands in for one that is not defined.",
        note="Ignored: a reference to a rule that is not defined is an error.",
    ),
    used(
        "enforce_new_defaults",
        Kind.BOOLEAN,
        True,
        "Use the defaults with roles member and reader alone. False: the older ones are enough too, as in Glance.",
    ),
    _remote("remote_content_type", Kind.TEXT, "application/x-www-form-urlencoded", "Form of the question."),
    _remote("remote_ssl_verify_server_crt", Kind.BOOLEAN, False, "Check its certificate."),
    _remote("remote_ssl_ca_crt_file", Kind.TEXT, None, "Certificate authorities."),
    _remote("remote_ssl_client_crt_file", Kind.TEXT, None, "Own certificate."),
    _remote("remote_ssl_client_key_file", Kind.TEXT, None, "Its key."),
    _remote("remote_timeout", Kind.NUMBER, 60.0, "Seconds to wait.", minimum=0),
)

MIDDLEWARE = (
    used(
        "enable_proxy_headers_parsing",
        Kind.BOOLEAN,
        False,
        "Believe Forwarded, or X-Forwarded-Proto and -Host, and X-Forwarded-Prefix; for behind a proxy that sets them.",
        note="They decide absolute links; public_endpoint, where it is set, decides them alone.",
    ),
    not_yet(
        "max_request_body_size",
        Kind.INTEGER,
        114688,
        "Bytes in a request's body.",
        note="Ignored: documents have a limit of their own, image data that of image_size_cap.",
    ),
    not_yet(
        "http_basic_auth_user_file",
        Kind.TEXT,
        "/etc/htpasswd",
        "File of users.",
        note="Ignored: local users are in [intaglio] users_file, which also names project and roles.",
    ),
)

_health = partial(not_yet, note="Ignored: /healthcheck tells whether the database and the stores answer.")
HEALTHCHECK = (
    _health("path", Kind.TEXT, "/healthcheck", "Path."),
    _health("detailed", Kind.BOOLEAN, False, "Tell more."),
    _health("backends", Kind.LIST, (), "What is checked."),
    _health("allowed_source_ranges", Kind.LIST, (), "Who may ask."),
    _health("ignore_proxied_requests", Kind.BOOLEAN, False, "Do not answer through a proxy."),
    used(
        "disable_by_file_path",
        Kind.TEXT,
        None,
        "File whose presence takes this server out of service: /healthcheck then answers 503.",
        note="Not set: healthcheck_disable beside the configuration file read last.",
    ),
    _health("disable_by_file_paths", Kind.LIST, (), "The same for each port."),
    _health("enable_by_file_paths", Kind.LIST, (), "Files whose absence does so."),
)

CORS = (
    used(
        "allowed_origin", Kind.LIST, (), "Sites whose pages may call, such as https://dashboard.example.org; * is all."
    ),
    used("allow_credentials", Kind.BOOLEAN, True, "With credentials."),
    used("expose_headers", Kind.LIST, CORS_READ, "Headers pages may read."),
    used("max_age", Kind.INTEGER, 3600, "Seconds a browser may remember this."),
    used("allow_methods", Kind.LIST, ("GET", "PUT", "POST", "DELETE", "PATCH"), "Methods pages may use."),
    used("allow_headers", Kind.LIST, CORS_SENT, "Headers pages may send."),
)

_trace = partial(not_yet, note="Ignored: tracing is by OpenTelemetry, in a later release.")
TRACING = (
    _trace("enabled", Kind.BOOLEAN, False, "Trace requests."),
    _trace("otlp_endpoint", Kind.URL, "http://localhost:4318", "Collector."),
    _trace("otlp_protocol", Kind.TEXT, "http/protobuf", "Its protocol.", choices=("http/protobuf", "grpc")),
    _trace("service_name", Kind.TEXT, None, "Name of this service."),
    _trace("sampling_rate", Kind.NUMBER, 1.0, "Share of requests traced.", minimum=0.0, maximum=1.0),
    _trace("insecure", Kind.BOOLEAN, False, "Do not check certificates."),
)

_locks = partial(not_yet, note="Ignored: locks are rows in the database, not files.")
_reports = partial(not_yet, note="Ignored: there are no such reports.")


def _group(name: str, origin: str, title: str, options: tuple[Option, ...]) -> Group:
    return Group(name=name, origin=origin, title=title, options=options)


GROUPS = (
    _group("database", "oslo.db", "Database", DATABASE + DATABASE_LATER),
    _group("oslo_policy", "oslo.policy", "Policy", POLICY),
    _group("oslo_middleware", "oslo.middleware", "Requests", MIDDLEWARE),
    _group("healthcheck", "oslo.middleware", "Health", HEALTHCHECK),
    _group("cors", "oslo.middleware", "Pages of other sites", CORS),
    _group("oslo_middleware_tracing", "oslo.middleware", "Tracing", TRACING),
    _group(
        "oslo_concurrency",
        "oslo.concurrency",
        "Locks",
        (
            used(
                "lock_path",
                Kind.TEXT,
                None,
                "Directory of os-brick's lock files, which the services of this machine share.",
                note="Used with a Cinder store alone.",
            ),
            _locks("disable_process_locking", Kind.BOOLEAN, False, "No locks between processes."),
        ),
    ),
    _group(
        "os_brick",
        "os-brick",
        "Attaching volumes",
        (
            used(
                "lock_path",
                Kind.TEXT,
                None,
                "Directory of os-brick's lock files; not set is that of [oslo_concurrency].",
                note="Used with a Cinder store alone.",
            ),
        ),
    ),
    _group(
        "privsep_osbrick",
        "oslo.privsep",
        "Becoming root to attach volumes",
        (
            used(
                "helper_command",
                Kind.TEXT,
                None,
                "Command that starts privsep-helper as root; not set is `sudo glance-rootwrap`, see rootwrap_config.",
                note="Used with a Cinder store alone; root needs none.",
            ),
        ),
    ),
    _group(
        "oslo_reports",
        "oslo.reports",
        "Reports of the running process",
        (
            _reports("log_dir", Kind.TEXT, None, "Directory of reports."),
            _reports("file_event_handler", Kind.TEXT, None, "File that asks for a report."),
            _reports("file_event_handler_interval", Kind.INTEGER, 1, "Seconds between looks at it."),
        ),
    ),
)
