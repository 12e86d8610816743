"""How callers are recognised, as the operator chose."""

import ipaddress
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec


class AuthMode(StrEnum):
    """The ways of authenticating that exist."""

    HTTP_BASIC = "http_basic"
    KEYSTONE = "keystone"
    TRUSTED_PROXY = "trusted_proxy"
    NONE = "none"


class TokenBind(StrEnum):
    """What is asked of tokens that may be bound to a way of authenticating at the web server."""

    DISABLED = "disabled"
    PERMISSIVE = "permissive"
    STRICT = "strict"
    REQUIRED = "required"


class KeystoneSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`[keystone_authtoken]`: where Keystone is, and as whom this service asks it."""

    auth_type: str
    login: Mapping[str, str]  # the options of that kind of login, as keystoneauth names them; some are secret
    www_authenticate_uri: str
    interface: str = "internal"
    region_name: str | None = None
    cafile: str | None = None
    certfile: str | None = None
    keyfile: str | None = None
    insecure: bool = False
    http_connect_timeout: float = 10.0  # seconds for each attempt to connect, and to hear anything more
    http_request_max_retries: int = 3  # further attempts after a connection was refused
    token_cache_time: float = 300.0  # seconds; negative: not at all
    service_token_roles: frozenset[str] = frozenset({"service"})
    service_token_roles_required: bool = True
    service_type: str = "image"
    enforce_token_bind: str = TokenBind.PERMISSIVE

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Without the login: settings end up in logs and tracebacks."""
        return [(name, "***" if name == "login" else getattr(self, name)) for name in self.__struct_fields__]

    def __repr__(self) -> str:
        return f"KeystoneSettings({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"


class UnifiedLimitsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`[oslo_limit]`: the login that may read Keystone's unified limits, and which endpoint there is this service."""

    auth_type: str
    login: Mapping[str, str]  # the options of that kind of login, as keystoneauth names them; some are secret
    endpoint_id: str | None = None
    endpoint_service_type: str | None = None
    endpoint_service_name: str | None = None
    endpoint_region_name: str | None = None
    endpoint_interface: str = "public"
    valid_interfaces: tuple[str, ...] = ("internal", "public")  # of Keystone
    region_name: str | None = None
    endpoint_override: str | None = None
    cafile: str | None = None
    certfile: str | None = None
    keyfile: str | None = None
    insecure: bool = False
    timeout: float = 10.0  # seconds for each attempt to connect, and to hear anything more

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Without the login: settings end up in logs and tracebacks."""
        return [(name, "***" if name == "login" else getattr(self, name)) for name in self.__struct_fields__]

    def __repr__(self) -> str:
        return f"UnifiedLimitsSettings({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class IdentitySettings(msgspec.Struct, frozen=True, kw_only=True):
    """The way of authenticating, and what that way needs."""

    mode: AuthMode = AuthMode.HTTP_BASIC
    users_file: Path
    keystone: KeystoneSettings | None = None  # set in that mode
    trusted_proxies: tuple[Network, ...] = ()
    www_authenticate_uri: str | None = None  # where clients are sent for a token, when a proxy asks for it
