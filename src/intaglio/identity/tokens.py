"""What Keystone says of a token, and what follows from that: which principal, and which calls it may be used for.

Source of the fields: the Identity API v3, "Validate and show information for token" and "Access rules".
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from intaglio.domain.principal import Principal, Service
from intaglio.identity.roles import ADMIN
from intaglio.identity.settings import TokenBind

_GLOB = re.compile(r"(?P<segment>\{[^}]*\}|(?<!\*)\*(?!\*))|(?P<rest>\*\*)|(?P<other>.)", re.DOTALL)
_KERBEROS = "kerberos"


class _Named(msgspec.Struct, frozen=True):
    id: str | None = None


class _Owned(msgspec.Struct, frozen=True):
    """A user or a project, in its domain."""

    id: str
    domain: _Named = _Named()


class _Role(msgspec.Struct, frozen=True):
    name: str


class _System(msgspec.Struct, frozen=True):
    all: bool = False


class AccessRule(msgspec.Struct, frozen=True):
    """One call that an application credential may make. In `path`, `*` and `{name}` are one segment, `**` is any."""

    service: str
    method: str
    path: str

    def allows(self, service: str, method: str, path: str) -> bool:
        """Whether this call is the one."""
        return self.service == service and self.method == method and _pattern(self.path).fullmatch(path) is not None


@lru_cache(1024)
def _pattern(path: str) -> re.Pattern[str]:
    words = {"segment": "[^/]+", "rest": ".*"}
    found = (words.get(match.lastgroup or "") or re.escape(match[0]) for match in _GLOB.finditer(path))
    return re.compile("".join(found), re.DOTALL)


class _ApplicationCredential(msgspec.Struct, frozen=True):
    access_rules: tuple[AccessRule, ...] | None = None


class Token(msgspec.Struct, frozen=True):
    """A validated token. Without `project`, `domain` and `system` it has no scope, and no roles either."""

    user: _Owned
    expires_at: datetime
    roles: tuple[_Role, ...] = ()
    project: _Owned | None = None
    domain: _Named | None = None
    system: _System | None = None
    application_credential: _ApplicationCredential | None = None
    is_admin_project: bool = True
    bind: Mapping[str, Any] | None = None

    @property
    def role_names(self) -> frozenset[str]:
        """The roles in lower case, those implied included: Keystone has resolved that."""
        return frozenset(role.name.lower() for role in self.roles)

    @property
    def access_rules(self) -> tuple[AccessRule, ...] | None:
        """The only calls it may be used for; None: no such limit."""
        return self.application_credential.access_rules if self.application_credential else None

    def expired(self, now: datetime) -> bool:
        """Whether it is over at `now`, which is naive UTC."""
        return self.expires_at.astimezone(UTC).replace(tzinfo=None) <= now

    def bound(self, mode: str) -> bool:
        """Whether the token has, under this mode of `enforce_token_bind`, a binding that keeps it from being used.

        Keystone itself has bound no token since 2019. A binding is to what a web server found out, and none is asked
        here; so a binding of a known kind can never be confirmed. A mode of another name is the kind that must be.
        """
        if mode == TokenBind.DISABLED:
            return False
        if mode not in {TokenBind.PERMISSIVE, TokenBind.STRICT}:
            return True
        return bool(self.bind) and (mode == TokenBind.STRICT or _KERBEROS in (self.bind or {}))

    def principal(self) -> Principal:
        """The caller that it stands for."""
        roles = self.role_names
        return Principal(
            user_id=self.user.id,
            user_domain_id=self.user.domain.id,
            project_id=self.project.id if self.project else None,
            project_domain_id=self.project.domain.id if self.project else None,
            domain_id=self.domain.id if self.domain else None,
            system_scope="all" if self.system is not None and self.system.all else None,
            roles=roles,
            is_admin=ADMIN in roles and self.project is not None,
            is_admin_project=self.is_admin_project,
        )

    def service(self) -> Service:
        """The service that it stands for, when it came as a service token."""
        return Service(
            user_id=self.user.id,
            user_domain_id=self.user.domain.id,
            project_id=self.project.id if self.project else None,
            project_domain_id=self.project.domain.id if self.project else None,
            roles=self.role_names,
        )


class _Answer(msgspec.Struct, frozen=True):
    token: Token


_decoder = msgspec.json.Decoder(_Answer)


def read_token(answer: bytes) -> Token:
    """The token that Keystone's answer describes. Raises ValueError when the answer is of another form."""
    try:
        token = _decoder.decode(answer).token
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from error
    if token.expires_at.tzinfo is None:
        raise ValueError("expires_at has no time zone")
    return token
