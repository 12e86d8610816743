"""The options of Keystone's libraries: tokens, unified limits, and the keys and certificates kept by other services."""

from functools import partial

from intaglio.bootstrap.options.model import Group, Kind, Option, State, obsolete, used

_CREDENTIALS = (
    "auth_type", "auth_section", "auth_url", "system_scope", "domain_id", "domain_name", "project_id", "project_name",
    "project_domain_id", "project_domain_name", "trust_id", "default_domain_id", "default_domain_name", "user_id",
    "username", "user_domain_id", "user_domain_name", "password", "tenant_id", "tenant_name", "token", "endpoint",
    "application_credential_id", "application_credential_name", "application_credential_secret",
)  # fmt: skip
_OTHER_LOGINS = (
    "passcode", "identity_provider", "protocol", "client_id", "client_secret", "scope", "access_token",
    "access_token_endpoint", "access_token_type", "discovery_endpoint", "oauth2_endpoint", "oauth2_client_id",
    "oauth2_client_secret",
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
_SECRETS = {
    "password", "token", "application_credential_secret", "passcode", "client_secret", "access_token",
    "oauth2_client_secret",
}  # fmt: skip
_OLD = {"auth_type": "auth_plugin", "username": "user_name"}


def credentials(names: tuple[str, ...], note: str, state: State = State.NOT_YET) -> tuple[Option, ...]:
    """Options of keystoneauth, the same in every group that logs in somewhere; it reads `-` for `_` too."""
    return tuple(
        Option(
            name=name,
            kind=_KINDS.get(name, Kind.TEXT),
            state=state,
            meaning=f"Login: {name.replace('_', ' ')}.",
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


LOGIN_NAMES = tuple(name for name in _CREDENTIALS + _OTHER_LOGINS if name not in {"auth_type", "auth_section"})
"""What the kinds of login that need nobody at a browser can be given."""


def token_login() -> tuple[Option, ...]:
    """The login of the service user who validates tokens, in `[keystone_authtoken]` or where it points."""
    return credentials(_CREDENTIALS + _OTHER_LOGINS, "", State.USED)


_token = partial(used, note="For auth `keystone`.")
_IN_MEMORY = (
    "No effect: validated tokens are kept in the memory of each process, for token_cache_time. "
    "No other process or server is asked for them."
)
_MEMCACHED = (
    "memcached_servers", "memcache_servers", "memcache_security_strategy", "memcache_tls_enabled",
    "memcache_tls_cafile", "memcache_tls_certfile", "memcache_tls_keyfile", "memcache_tls_allowed_ciphers",
    "memcache_pool_dead_retry", "memcache_pool_maxsize", "memcache_pool_socket_timeout",
    "memcache_pool_unused_timeout", "memcache_pool_conn_get_timeout", "memcache_use_advanced_pool",
    "memcache_sasl_enabled", "memcache_username",
)  # fmt: skip
TOKENS = (
    used(
        "www_authenticate_uri",
        Kind.URL,
        None,
        "Keystone's address as clients are told it with a 401.",
        note="For auth `keystone` and `trusted_proxy`. Not set: auth_url.",
        aliases=(("", "auth_uri"),),
    ),
    _token("interface", Kind.TEXT, "internal", "Keystone's endpoint that is asked, of those in its catalogue."),
    _token("region_name", Kind.TEXT, None, "Region of that endpoint."),
    used(
        "http_connect_timeout",
        Kind.NUMBER,
        None,
        "Seconds that a request waits for Keystone at most, all attempts together.",
        note="For auth `keystone`. Not set: 10.",
        minimum=0.1,
    ),
    _token("http_request_max_retries", Kind.INTEGER, 3, "Further attempts when no connection comes about.", minimum=0),
    _token("cafile", Kind.TEXT, None, "Certificate authorities that Keystone's certificate is checked by."),
    _token("certfile", Kind.TEXT, None, "Own certificate for TLS."),
    _token("keyfile", Kind.TEXT, None, "Its key."),
    _token("insecure", Kind.BOOLEAN, False, "Do not check Keystone's certificate."),
    _token(
        "token_cache_time",
        Kind.INTEGER,
        300,
        "Seconds a validated token is believed without asking again; what is revoked is noticed then. -1: always ask.",
    ),
    _token(
        "service_token_roles",
        Kind.LIST,
        ("service",),
        "Roles of a service token; with one of them it may bring a user's token that has expired.",
    ),
    _token("service_token_roles_required", Kind.BOOLEAN, True, "A service token without one counts for nothing."),
    used(
        "service_type",
        Kind.TEXT,
        None,
        "This service in the access rules of application credentials.",
        note="For auth `keystone`. Not set: image.",
    ),
    _token(
        "enforce_token_bind",
        Kind.TEXT,
        "permissive",
        "What is asked of tokens that are bound to a login at the web server: disabled, permissive, strict, required "
        "or the name of a kind. A binding cannot be confirmed here, so a token with a known one is refused.",
    ),
    *obsolete(("auth_version",), "No effect: it is version 3, the only one there is."),
    *obsolete(("cache",), "No effect: there is no WSGI environment. " + _IN_MEMORY),
    *obsolete(
        ("delay_auth_decision",), "No effect: [DEFAULT] allow_anonymous_access lets requests without a token through."
    ),
    *obsolete(
        ("include_service_catalog",), "No effect: Keystone is not asked for the catalogue, which nothing here reads."
    ),
    *obsolete(
        ("timeout", "collect_timing", "split_loggers", "tls_ciphers", "tls_min_version"),
        "No effect in this group, as in Glance. Its time limit is http_connect_timeout.",
    ),
    *obsolete(_MEMCACHED, _IN_MEMORY),
    *obsolete(("memcache_secret_key", "memcache_password"), _IN_MEMORY, secret=True),
)

_LIMIT_NOTE = "No effect: the libraries' own attempts and time-outs are not used for limits."
_limit = partial(used, note="For use_keystone_limits.")
_LIMIT_SESSION = (
    "cafile", "certfile", "keyfile", "insecure", "timeout", "valid_interfaces", "region_name", "endpoint_override",
)  # fmt: skip
LIMITS = (
    _limit("endpoint_id", Kind.TEXT, None, "Own endpoint whose limits apply."),
    _limit("endpoint_service_name", Kind.TEXT, None, "Own service, by name."),
    _limit("endpoint_service_type", Kind.TEXT, None, "Own service, by type."),
    _limit("endpoint_region_name", Kind.TEXT, None, "Own region."),
    _limit("endpoint_interface", Kind.TEXT, "public", "Own endpoint's interface."),
    *credentials(_CREDENTIALS + _OTHER_LOGINS, "For use_keystone_limits.", State.USED),
    *credentials(
        (
            "cafile",
            "certfile",
            "keyfile",
            "insecure",
            "timeout",
            "valid_interfaces",
            "region_name",
            "endpoint_override",
        ),
        "For use_keystone_limits.",
        State.USED,
    ),
)

_KEYS_NOTE = "For certificates in a key manager."
_keys = partial(used, note=_KEYS_NOTE)
_UNREAD = "No effect, as in Glance: castellan does not read it."
_KEYS_LOGIN = (
    "auth_type", "auth_url", "domain_id", "domain_name", "project_id", "project_name", "project_domain_id",
    "project_domain_name", "trust_id", "user_id", "username", "user_domain_id", "user_domain_name", "password", "token",
)  # fmt: skip
KEY_MANAGER = (
    _keys("backend", Kind.TEXT, "barbican", "Who keeps keys and certificates.", aliases=(("", "api_class"),)),
    _keys("reauthenticate", Kind.BOOLEAN, True, "Log in again when a token ends."),
)
_KEYS_CREDENTIALS = credentials(_KEYS_LOGIN, _KEYS_NOTE, State.USED) + credentials(
    tuple(name for name in _CREDENTIALS if name not in _KEYS_LOGIN), _UNREAD, State.OBSOLETE
)
_SERVICE_USER = credentials(_CREDENTIALS, "For send_service_user_token.", State.USED) + credentials(
    _SESSION, _UNREAD, State.OBSOLETE
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
    _keys("kv_version", Kind.INTEGER, 2, "Version of the store, 1 or 2."),
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
        ("keystone_authtoken", "keystonemiddleware", "Keystone tokens", _without(token_login(), TOKENS)),
        ("oslo_limit", "oslo.limit", "Unified limits", _without(login(_LIMIT_NOTE, adapter=True), LIMITS)),
        ("key_manager", "castellan", "Keys", KEY_MANAGER + _KEYS_CREDENTIALS),
        ("barbican", "castellan", "Barbican", _without(credentials(_SESSION, _UNREAD, State.OBSOLETE), BARBICAN)),
        ("barbican_service_user", "castellan", "Service user for Barbican", _SERVICE_USER),
        ("vault", "castellan", "Vault", VAULT),
    )
)
