"""The options of Keystone's libraries: tokens, unified limits, and the keys and certificates kept by other services."""

from functools import partial

from intaglio.bootstrap.options.model import Group, Kind, Option, not_yet

_CREDENTIALS = (
    "auth_type", "auth_section", "auth_url", "system_scope", "domain_id", "domain_name", "project_id", "project_name",
    "project_domain_id", "project_domain_name", "trust_id", "default_domain_id", "default_domain_name", "user_id",
    "username", "user_domain_id", "user_domain_name", "password", "tenant_id", "tenant_name", "token", "endpoint",
    "application_credential_id", "application_credential_name", "application_credential_secret",
)  # fmt: skip
_SESSION = (
    "cafile", "certfile", "keyfile", "insecure", "timeout", "collect_timing", "split_loggers", "tls_ciphers",
    "tls_min_version",
)  # fmt: skip
_ADAPTER = (
    "service_type", "service_name", "valid_interfaces", "region_name", "endpoint_override", "version", "min_version",
    "max_version", "connect_retries", "connect_retry_delay", "status_code_retries", "status_code_retry_delay",
    "retriable_status_codes",
)  # fmt: skip
_KINDS = {
    "insecure": Kind.BOOLEAN,
    "timeout": Kind.NUMBER,
    "collect_timing": Kind.BOOLEAN,
    "split_loggers": Kind.BOOLEAN,
    "auth_url": Kind.URL,
    "endpoint": Kind.URL,
    "endpoint_override": Kind.URL,
    "valid_interfaces": Kind.LIST,
    "connect_retries": Kind.INTEGER,
    "connect_retry_delay": Kind.NUMBER,
    "status_code_retries": Kind.INTEGER,
    "status_code_retry_delay": Kind.NUMBER,
    "retriable_status_codes": Kind.LIST,
}
_SECRETS = {"password", "token", "application_credential_secret"}
_OLD = {"auth_type": "auth_plugin", "username": "user_name"}


def credentials(names: tuple[str, ...], note: str) -> tuple[Option, ...]:
    """Options of keystoneauth, the same in every group that logs in somewhere; it reads `-` for `_` too."""
    return tuple(
        not_yet(
            name,
            _KINDS.get(name, Kind.TEXT),
            None,
            f"Login: {name.replace('_', ' ')}.",
            note=note,
            secret=name in _SECRETS,
            aliases=_spellings(name),
        )
        for name in names
    )


def _spellings(name: str) -> tuple[tuple[str, str], ...]:
    words = (name, _OLD.get(name, name))
    found = dict.fromkeys((*words, *(word.replace("_", "-") for word in words)))
    return tuple(("", word) for word in found if word != name)


def login(note: str, *, adapter: bool = False) -> tuple[Option, ...]:
    """Everything keystoneauth reads in one group."""
    return credentials(_CREDENTIALS + _SESSION + (_ADAPTER if adapter else ()), note)


_TOKEN_NOTE = "Ignored: Keystone authentication comes in a later release."  # noqa: S105 - not a password
_token = partial(not_yet, note=_TOKEN_NOTE)
TOKENS = (
    _token(
        "www_authenticate_uri", Kind.URL, None, "Keystone's address as told to clients.", aliases=(("", "auth_uri"),)
    ),
    _token("auth_version", Kind.TEXT, None, "Version of the identity API."),
    _token("interface", Kind.TEXT, "internal", "Endpoint used."),
    _token("delay_auth_decision", Kind.BOOLEAN, False, "Let requests without a valid token through."),
    _token("http_connect_timeout", Kind.INTEGER, None, "Seconds to wait for Keystone."),
    _token("http_request_max_retries", Kind.INTEGER, 3, "Attempts at a call."),
    _token("cache", Kind.TEXT, None, "Cache in the WSGI environment."),
    _token("region_name", Kind.TEXT, None, "Region."),
    _token("memcached_servers", Kind.LIST, (), "Cache of tokens.", aliases=(("", "memcache_servers"),)),
    _token("token_cache_time", Kind.INTEGER, 300, "Seconds a token is believed without asking."),
    _token(
        "memcache_security_strategy", Kind.TEXT, "None", "Protection of the cache.", choices=("None", "MAC", "ENCRYPT")
    ),
    _token("memcache_secret_key", Kind.TEXT, None, "Key of that protection.", secret=True),
    _token("memcache_tls_enabled", Kind.BOOLEAN, False, "TLS to the cache."),
    _token("memcache_tls_cafile", Kind.TEXT, None, "Its certificate authorities."),
    _token("memcache_tls_certfile", Kind.TEXT, None, "Own certificate."),
    _token("memcache_tls_keyfile", Kind.TEXT, None, "Its key."),
    _token("memcache_tls_allowed_ciphers", Kind.TEXT, None, "Ciphers."),
    _token("memcache_pool_dead_retry", Kind.INTEGER, 300, "Seconds a dead cache server is left alone."),
    _token("memcache_pool_maxsize", Kind.INTEGER, 10, "Connections to each."),
    _token("memcache_pool_socket_timeout", Kind.INTEGER, 3, "Seconds to wait for it."),
    _token("memcache_pool_unused_timeout", Kind.INTEGER, 60, "Seconds an idle connection is kept."),
    _token("memcache_pool_conn_get_timeout", Kind.INTEGER, 10, "Seconds to wait for a connection."),
    _token("memcache_use_advanced_pool", Kind.BOOLEAN, True, "Kind of pool."),
    _token("memcache_sasl_enabled", Kind.BOOLEAN, False, "Log in to the cache."),
    _token("memcache_username", Kind.TEXT, None, "As whom."),
    _token("memcache_password", Kind.TEXT, None, "With what password.", secret=True),
    _token("include_service_catalog", Kind.BOOLEAN, True, "Ask for the catalogue with each token."),
    _token("enforce_token_bind", Kind.TEXT, "permissive", "Token binding."),
    _token("service_token_roles", Kind.LIST, ("service",), "Roles that make a service token."),
    _token("service_token_roles_required", Kind.BOOLEAN, True, "Insist on them."),
    _token("service_type", Kind.TEXT, None, "Own service type, for access rules."),
)

_LIMIT_NOTE = "Ignored: unified limits come with Keystone."
_limit = partial(not_yet, note=_LIMIT_NOTE)
LIMITS = (
    _limit("endpoint_id", Kind.TEXT, None, "Own endpoint whose limits apply."),
    _limit("endpoint_service_name", Kind.TEXT, None, "Own service, by name."),
    _limit("endpoint_service_type", Kind.TEXT, None, "Own service, by type."),
    _limit("endpoint_region_name", Kind.TEXT, None, "Own region."),
    _limit("endpoint_interface", Kind.TEXT, "public", "Own endpoint's interface."),
)

_KEYS_NOTE = "Ignored: signed images and their certificates come later."
_keys = partial(not_yet, note=_KEYS_NOTE)
KEY_MANAGER = (
    _keys("backend", Kind.TEXT, "barbican", "Who keeps keys and certificates.", aliases=(("", "api_class"),)),
    _keys("reauthenticate", Kind.BOOLEAN, True, "Log in again when a token ends."),
)
BARBICAN = (
    _keys("barbican_endpoint", Kind.URL, None, "Barbican's address."),
    _keys("barbican_api_version", Kind.TEXT, None, "Version of its API."),
    _keys("auth_endpoint", Kind.URL, "http://localhost/identity/v3", "Keystone's address."),
    _keys("retry_delay", Kind.INTEGER, 1, "Seconds between attempts."),
    _keys("number_of_retries", Kind.INTEGER, 60, "Attempts."),
    _keys("verify_ssl", Kind.BOOLEAN, True, "Check certificates."),
    _keys("verify_ssl_path", Kind.TEXT, None, "Certificate authorities."),
    _keys("barbican_endpoint_type", Kind.TEXT, "public", "Endpoint used.", choices=("public", "internal", "admin")),
    _keys("barbican_region_name", Kind.TEXT, None, "Region."),
    _keys("send_service_user_token", Kind.BOOLEAN, False, "Send a service token along."),
)
VAULT = (
    _keys("root_token_id", Kind.TEXT, None, "Root token.", secret=True),
    _keys("auth_method", Kind.TEXT, "approle", "How to log in.", choices=("approle", "jwt", "kubernetes")),
    _keys("approle_role_id", Kind.TEXT, None, "AppRole: role.", secret=True),
    _keys("approle_secret_id", Kind.TEXT, None, "AppRole: secret.", secret=True),
    _keys("token_role", Kind.TEXT, None, "Role of a JWT."),
    _keys("token_file", Kind.TEXT, None, "File of a JWT."),
    _keys("auth_path", Kind.TEXT, None, "Where logging in is mounted."),
    _keys("kv_mountpoint", Kind.TEXT, "secret", "Where keys are mounted."),
    _keys("kv_path", Kind.TEXT, None, "Path below it."),
    _keys("kv_version", Kind.INTEGER, 2, "Version of the store.", minimum=1, maximum=2),
    _keys("vault_url", Kind.URL, "http://127.0.0.1:8200", "Address."),
    _keys("ssl_ca_crt_file", Kind.TEXT, None, "Certificate authorities."),
    _keys("use_ssl", Kind.BOOLEAN, False, "TLS."),
    _keys("namespace", Kind.TEXT, None, "Namespace."),
    _keys("timeout", Kind.NUMBER, 60.0, "Seconds to wait."),
)


def _without(options: tuple[Option, ...], present: tuple[Option, ...]) -> tuple[Option, ...]:
    names = {option.name for option in present}
    return present + tuple(option for option in options if option.name not in names)


GROUPS = tuple(
    Group(name=name, origin=origin, title=title, options=options)
    for name, origin, title, options in (
        ("keystone_authtoken", "keystonemiddleware", "Keystone tokens", _without(login(_TOKEN_NOTE), TOKENS)),
        ("oslo_limit", "oslo.limit", "Unified limits", _without(login(_LIMIT_NOTE, adapter=True), LIMITS)),
        ("key_manager", "castellan", "Keys", _without(credentials(_CREDENTIALS, _KEYS_NOTE), KEY_MANAGER)),
        ("barbican", "castellan", "Barbican", _without(credentials(_SESSION, _KEYS_NOTE), BARBICAN)),
        ("barbican_service_user", "castellan", "Service user for Barbican", login(_KEYS_NOTE)),
        ("vault", "castellan", "Vault", VAULT),
    )
)
