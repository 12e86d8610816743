"""The options of oslo.messaging and oslo.log. None is used yet: they are known so that a typing error stands out."""

from collections.abc import Mapping
from functools import partial

from intaglio.bootstrap.options.model import Group, Kind, Option, not_yet, used

_NOTE = "Ignored: notifications come later."
_LOG_NOTE = "Ignored: the log goes to standard error, for the service manager to keep."

_message = partial(not_yet, note=_NOTE)
NOTIFICATIONS = (
    _message("driver", Kind.MULTI, (), "How notifications are sent."),
    _message("transport_url", Kind.URL, None, "Where to.", secret=True),
    _message("topics", Kind.LIST, ("notifications",), "Topics."),
    _message("retry", Kind.INTEGER, -1, "Attempts; -1 is for ever."),
)
RPC = (
    _message("transport_url", Kind.URL, "rabbit://", "Message broker.", secret=True),
    _message("control_exchange", Kind.TEXT, "openstack", "Exchange."),
    _message("executor_thread_pool_size", Kind.INTEGER, 64, "Threads.", aliases=(("", "rpc_thread_pool_size"),)),
    _message("rpc_response_timeout", Kind.INTEGER, 60, "Seconds to wait for an answer."),
    _message("rpc_ping_enabled", Kind.BOOLEAN, False, "Answer pings."),
)

_RABBIT: Mapping[Kind, str] = {
    Kind.BOOLEAN: """amqp_durable_queues amqp_auto_delete ssl ssl_enforce_hostname_verification ssl_enforce_fips_mode
        rabbit_ha_queues rabbit_quorum_queue rabbit_transient_quorum_queue direct_mandatory_flag
        enable_cancel_on_failover use_queue_manager rabbit_stream_fanout heartbeat_in_pthread""",
    Kind.INTEGER: """rpc_conn_pool_size conn_pool_min_size conn_pool_ttl kombu_missing_consumer_retry_timeout
        rabbit_retry_interval rabbit_retry_backoff rabbit_interval_max rabbit_quorum_delivery_limit
        rabbit_quorum_max_memory_length rabbit_quorum_max_memory_bytes rabbit_transient_queues_ttl
        rabbit_qos_prefetch_count heartbeat_timeout_threshold heartbeat_rate""",
    Kind.NUMBER: "kombu_reconnect_delay kombu_reconnect_splay",
    Kind.TEXT: """ssl_version ssl_key_file ssl_cert_file ssl_ca_file kombu_compression kombu_failover_strategy
        rabbit_login_method hostname processname""",
}
_KAFKA: Mapping[Kind, str] = {
    Kind.BOOLEAN: "enable_auto_commit",
    Kind.INTEGER: "kafka_max_fetch_bytes producer_batch_size max_poll_records",
    Kind.NUMBER: "kafka_consumer_timeout producer_batch_timeout",
    Kind.TEXT: """consumer_group compression_codec security_protocol sasl_mechanism ssl_cafile ssl_client_cert_file
        ssl_client_key_file ssl_client_key_password""",
}


def _broker(names: Mapping[Kind, str]) -> tuple[Option, ...]:
    return tuple(
        not_yet(name, kind, None, "Message broker.", note=_NOTE, secret="password" in name)
        for kind, text in names.items()
        for name in text.split()
    )


_log = partial(not_yet, note=_LOG_NOTE)


def _hyphened(name: str, kind: Kind, default: object, meaning: str, *older: str) -> Option:
    """An option that oslo.log spells with hyphens; it reads both spellings."""
    aliases = tuple(("", alias) for alias in (name.replace("_", "-"), *older))
    return _log(name, kind, default, meaning, aliases=aliases)


LOG = (
    used("debug", Kind.BOOLEAN, False, "Log more: every decision by a policy rule."),
    _hyphened("log_config_append", Kind.TEXT, None, "File of logging configuration.", "log_config", "log-config"),
    _hyphened("log_date_format", Kind.TEXT, "%Y-%m-%d %H:%M:%S", "Form of dates."),
    _hyphened("log_file", Kind.TEXT, None, "File.", "logfile"),
    _hyphened("log_dir", Kind.TEXT, None, "Directory.", "logdir"),
    _hyphened("use_syslog", Kind.BOOLEAN, False, "Log to syslog."),
    _hyphened("use_journal", Kind.BOOLEAN, False, "Log to journald."),
    _hyphened("syslog_log_facility", Kind.TEXT, "LOG_USER", "Facility of syslog."),
    _hyphened("use_json", Kind.BOOLEAN, False, "Log JSON."),
    _log("use_stderr", Kind.BOOLEAN, False, "Log to standard error."),
    _log("log_color", Kind.BOOLEAN, False, "Colours."),
    _log("log_rotate_interval", Kind.INTEGER, 1, "Rotation: how many units."),
    _log("log_rotate_interval_type", Kind.TEXT, "days", "Rotation: which unit."),
    _log("max_logfile_count", Kind.INTEGER, 30, "Rotation: files kept."),
    _log("max_logfile_size_mb", Kind.INTEGER, 200, "Rotation: MiB in a file."),
    _log("log_rotation_type", Kind.TEXT, "none", "Rotation.", choices=("interval", "size", "none")),
    _log("logging_context_format_string", Kind.TEXT, None, "Form of lines in a request."),
    _log("logging_default_format_string", Kind.TEXT, None, "Form of other lines."),
    _log("logging_debug_format_suffix", Kind.TEXT, None, "What debug lines end with."),
    _log("logging_exception_prefix", Kind.TEXT, None, "What lines of tracebacks begin with."),
    _log("logging_user_identity_format", Kind.TEXT, None, "Form of the caller."),
    _log("default_log_levels", Kind.LIST, None, "Levels by logger."),
    _log("publish_errors", Kind.BOOLEAN, False, "Send errors as notifications."),
    _log("instance_format", Kind.TEXT, None, "Form of an instance."),
    _log("instance_uuid_format", Kind.TEXT, None, "Form of its id."),
    _log("rate_limit_interval", Kind.INTEGER, 0, "Rate limit: seconds."),
    _log("rate_limit_burst", Kind.INTEGER, 0, "Rate limit: lines."),
    _log("rate_limit_except_level", Kind.TEXT, "CRITICAL", "Rate limit: level above it."),
    _log("fatal_deprecations", Kind.BOOLEAN, False, "Die of deprecations."),
)

GROUPS = (
    Group(name="DEFAULT", origin="oslo.log", title="Log", options=LOG),
    Group(name="DEFAULT", origin="oslo.messaging", title="Messages", options=RPC),
    Group(name="oslo_messaging_notifications", origin="oslo.messaging", title="Notifications", options=NOTIFICATIONS),
    Group(name="oslo_messaging_rabbit", origin="oslo.messaging", title="RabbitMQ", options=_broker(_RABBIT)),
    Group(name="oslo_messaging_kafka", origin="oslo.messaging", title="Kafka", options=_broker(_KAFKA)),
)
