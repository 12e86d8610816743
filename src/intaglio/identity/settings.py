"""How callers are recognised, as the operator chose."""

from enum import StrEnum
from pathlib import Path

import msgspec


class AuthMode(StrEnum):
    """The ways of authenticating that exist."""

    HTTP_BASIC = "http_basic"
    NONE = "none"


class IdentitySettings(msgspec.Struct, frozen=True, kw_only=True):
    """The way of authenticating, and the file of local users it reads."""

    mode: AuthMode = AuthMode.HTTP_BASIC
    users_file: Path
