"""Options of older releases that are still met in files. They do nothing; each names what to do instead."""

from intaglio.bootstrap.options.model import Group, Option, obsolete

_SERVER = "Removed from Glance with its own HTTP server. "
_REGISTRY = "Removed: there is no registry any more; the API reads the database itself."

DEFAULT: tuple[Option, ...] = (
    *obsolete(("bind_host", "bind_port"), _SERVER + "Use [intaglio] bind (HOST:PORT), or --bind."),
    *obsolete(("workers",), _SERVER + "Use [intaglio] workers, or --workers."),
    *obsolete(
        ("backlog", "client_socket_timeout", "http_keepalive", "tcp_keepidle", "max_header_line"),
        _SERVER + "Delete it: the server here chooses.",
    ),
    *obsolete(("cert_file", "key_file", "ca_file"), _SERVER + "Let a proxy in front speak TLS."),
    *obsolete(("secure_proxy_ssl_header",), "Removed. Use [oslo_middleware] enable_proxy_headers_parsing."),
    *obsolete(("location_strategy",), "Removed. Give stores a weight each."),
    *obsolete(("eventlet_executor_pool_size", "threads"), "Removed: there are no green threads."),
    *obsolete(("pydev_worker_debug_host", "pydev_worker_debug_port"), "Debug with a debugger of Python's own."),
    *obsolete(("digest_algorithm",), "Nothing reads it: signatures name their digest."),
    *obsolete(("owner_is_tenant",), "Removed: the owner is always the project."),
    *obsolete(("admin_role",), "Removed. Override the policy rule context_is_admin."),
    *obsolete(("enforce_secure_rbac",), "Removed: roles member and reader are always told apart."),
    *obsolete(("data_api", "metadata_api"), _REGISTRY),
    *obsolete(
        (
            "registry_host",
            "registry_port",
            "registry_client_protocol",
            "registry_client_key_file",
            "registry_client_cert_file",
            "registry_client_ca_file",
            "registry_client_insecure",
            "registry_client_timeout",
            "use_user_token",
            "admin_user",
            "admin_tenant_name",
            "auth_url",
            "auth_strategy",
            "auth_region",
            "send_identity_headers",
        ),
        _REGISTRY,
    ),
    *obsolete(("admin_password",), _REGISTRY, secret=True),
    *obsolete(
        ("enable_v1_api", "enable_v2_api", "enable_v1_registry", "enable_v2_registry"), "Removed: the API is version 2."
    ),
    *obsolete(("allow_additional_image_properties",), "Removed: custom properties are always allowed."),
    *obsolete(
        ("default_store", "stores", "known_stores", "filesystem_store_datadir"), "Moved to group [glance_store]."
    ),
    *obsolete(("sql_connection", "sql_idle_timeout"), "Moved to group [database]."),
    *obsolete(("policy_file",), "Moved to group [oslo_policy]."),
    *obsolete(("lock_path",), "Moved to group [oslo_concurrency]."),
    *obsolete(("verbose", "notification_driver", "rpc_backend"), "Removed from the libraries it belonged to."),
)

GROUPS = (
    Group(name="DEFAULT", origin="Glance", title="Of older releases", options=DEFAULT),
    Group(
        name="oslo_policy",
        origin="oslo.policy",
        title="Of older releases",
        options=obsolete(("enforce_scope",), "Removed: the scope of a token is always enforced."),
    ),
    Group(
        name="store_type_location_strategy",
        origin="Glance",
        title="Of older releases",
        options=obsolete(("store_type_preference",), "Removed. Give stores a weight each."),
    ),
    Group(
        name="taskflow_executor",
        origin="Glance",
        title="Of older releases",
        options=obsolete(("executor",), "Removed: durable workflows run tasks."),
    ),
)
