"""What the ways of authenticating need, read and checked: the login at Keystone, the proxies that are believed."""

import importlib.util
import ipaddress
from collections.abc import Mapping
from pathlib import Path

from intaglio.bootstrap.options.identity import LOGIN_NAMES
from intaglio.bootstrap.problems import Level
from intaglio.bootstrap.reading import Reading
from intaglio.identity.settings import KeystoneSettings, Network

GROUP = "keystone_authtoken"
_TIMEOUT = 10.0  # seconds; keystonemiddleware waits for ever
_USER = (("username", "user_id"),)
_NEEDED: Mapping[str, tuple[tuple[str, ...], ...]] = {  # of each group of names, one
    "password": (("auth_url",), ("password",), *_USER),
    "v3password": (("auth_url",), ("password",), *_USER),
    "v3applicationcredential": (
        ("auth_url",),
        ("application_credential_secret",),
        ("application_credential_id", "application_credential_name"),
    ),
    "token": (("auth_url",), ("token",)),
    "v3token": (("auth_url",), ("token",)),
}
"""The usual kinds of login, checked without importing keystoneauth; it checks the others when the service starts."""


def keystone_settings(reading: Reading) -> KeystoneSettings | None:
    """`[keystone_authtoken]`, for auth `keystone`; None when it describes no login, which is then a problem."""
    if importlib.util.find_spec("keystoneauth1") is None:
        message = "Tokens of Keystone need another part; install it with: pip install 'intaglio[keystone]'."
        reading.complain("intaglio", "auth", message, code="extra-missing")
        return None
    group = reading.get(GROUP, "auth_section") or GROUP
    auth_type = reading.get(group, "auth_type")
    if not auth_type:
        message = "auth_type is not set: it names the login by which tokens are checked, such as password."
        reading.complain(group, "auth_type", message)
        return None
    login = {name: reading.get(group, name) for name in LOGIN_NAMES if reading.get(group, name) is not None}
    _check_login(reading, group, auth_type, login)
    _check_files(reading)
    return KeystoneSettings(
        auth_type=auth_type,
        login=login,
        www_authenticate_uri=_told_to_clients(reading, login),
        interface=reading.get(GROUP, "interface"),
        region_name=reading.get(GROUP, "region_name"),
        cafile=reading.get(GROUP, "cafile"),
        certfile=reading.get(GROUP, "certfile"),
        keyfile=reading.get(GROUP, "keyfile"),
        insecure=reading.get(GROUP, "insecure"),
        http_connect_timeout=reading.get(GROUP, "http_connect_timeout") or _TIMEOUT,
        http_request_max_retries=reading.get(GROUP, "http_request_max_retries"),
        token_cache_time=reading.get(GROUP, "token_cache_time"),
        service_token_roles=frozenset(role.lower() for role in reading.get(GROUP, "service_token_roles")),
        service_token_roles_required=reading.get(GROUP, "service_token_roles_required"),
        service_type=reading.get(GROUP, "service_type") or "image",
        enforce_token_bind=reading.get(GROUP, "enforce_token_bind"),
    )


def trusted_proxies(reading: Reading, *, needed: bool) -> tuple[Network, ...]:
    """The networks of `[intaglio] trusted_proxies`; to have none is a problem where that way is chosen."""
    found = networks(reading, "trusted_proxies")
    if needed and not found:
        message = "With auth trusted_proxy it must name the proxies that are believed; nobody could get in."
        reading.complain("intaglio", "trusted_proxies", message)
    return found


def networks(reading: Reading, option: str) -> tuple[Network, ...]:
    """The networks of an option of `[intaglio]`."""
    found = []
    for text in reading.get("intaglio", option):
        try:
            found.append(ipaddress.ip_network(text))
        except ValueError:
            message = f"{text!r} is no address or network such as 10.0.0.5 or 10.0.0.0/24 (with no bits set after it)."
            reading.complain("intaglio", option, message)
    return tuple(found)


def _check_login(reading: Reading, group: str, auth_type: str, login: Mapping[str, str]) -> None:
    for names in _NEEDED.get(auth_type, ()):
        if not any(login.get(name) for name in names):
            message = f"{' or '.join(names)} is not set: a login of auth_type {auth_type} needs it."
            reading.complain(group, names[0], message)


def _check_files(reading: Reading) -> None:
    for name in ("cafile", "certfile", "keyfile"):
        path = reading.get(GROUP, name)
        if path and not Path(path).is_file():
            reading.complain(GROUP, name, f"There is no file {path!r}.")


def _told_to_clients(reading: Reading, login: Mapping[str, str]) -> str:
    uri: str | None = reading.get(GROUP, "www_authenticate_uri")
    if uri:
        return uri
    used = login.get("auth_url") or login.get("endpoint") or ""
    message = f"Not set: clients are told {used or 'no address'}, which they may not reach."
    reading.complain(GROUP, "www_authenticate_uri", message, code="no-public-identity", level=Level.WARNING)
    return used
