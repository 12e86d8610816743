"""`clouds.yaml` in the data directory: how the OpenStack clients on this machine find the service and log in."""

import os
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from intaglio.base.errors import Invalid, Unavailable
from intaglio.identity.settings import AuthMode

CLOUD = "intaglio"
_SHELVED = "intaglio-http-basic"  # the login, while the service runs without authentication
_HEADER = (
    "# Written by `intaglio serve`, which keeps the endpoint up to date. Other clouds in this file are left alone.\n"
)


class CloudsFileInvalid(Invalid):
    """The clouds.yaml that is there is not what the OpenStack clients read."""

    code = "clouds-file-invalid"


class CloudsFileUnwritable(Unavailable):
    """The clouds.yaml cannot be read or written."""

    code = "clouds-file-unwritable"


class Login(msgspec.Struct, frozen=True):
    """A user name and a password, in the clear; shown by nothing but the code that must."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"Login({self.username!r}, …)"


class CloudsFile:
    """One clouds.yaml, of which only the clouds named `intaglio` are ours."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def login(self) -> Login | None:
        """The login kept in the file, also one that is not in use; None without one. Raises `CloudsFileInvalid`."""
        clouds = self._read().get("clouds", {})
        for name in (CLOUD, _SHELVED):
            auth = clouds.get(name, {}).get("auth", {})
            if isinstance(auth.get("username"), str) and isinstance(auth.get("password"), str):
                return Login(auth["username"], auth["password"])
        return None

    def write(self, mode: AuthMode, endpoint: str, login: Login | None) -> None:
        """Point the cloud at `endpoint`, with `login`; nothing is written when the file says so already.

        Readable by its owner only. Raises `CloudsFileInvalid`, `CloudsFileUnwritable`.
        """
        document = self._read()
        before = msgspec.json.encode(document)
        clouds = document.setdefault("clouds", {})
        basic = _cloud(AuthMode.HTTP_BASIC, endpoint, login)
        clouds[CLOUD] = basic if mode is AuthMode.HTTP_BASIC else _cloud(mode, endpoint, None)
        clouds.pop(_SHELVED, None)
        if mode is AuthMode.NONE and login is not None:
            clouds[_SHELVED] = basic
        if msgspec.json.encode(document) != before:
            self._replace(_HEADER.encode() + msgspec.yaml.encode(document))

    def change_password(self, login: Login) -> bool:
        """Put a new password into the file when it holds that user's; whether it did."""
        document = self._read()
        changed = False
        for name in (CLOUD, _SHELVED):
            auth = document.get("clouds", {}).get(name, {}).get("auth", {})
            if auth.get("username") == login.username:
                auth["password"] = login.password
                changed = True
        if changed:
            self._replace(_HEADER.encode() + msgspec.yaml.encode(document))
        return changed

    def _read(self) -> dict[str, Any]:
        try:
            document = msgspec.yaml.decode(self.path.read_bytes())
        except FileNotFoundError:
            return {}
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise CloudsFileInvalid(
                f"{self.path} is not valid YAML. Repair it, or remove it: it is made anew."
            ) from None
        except OSError as error:
            raise CloudsFileUnwritable(f"{self.path} cannot be read: {error.strerror}.") from error
        document = {} if document is None else document
        clouds = document.get("clouds", {}) if isinstance(document, dict) else None
        if not isinstance(clouds, dict) or not all(isinstance(cloud, dict) for cloud in clouds.values()):
            raise CloudsFileInvalid(f"{self.path} is not a clouds.yaml. Repair it, or remove it: it is made anew.")
        return dict(document)

    def _replace(self, data: bytes) -> None:
        try:
            descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=".clouds.")  # mode 0600
            with os.fdopen(descriptor, "wb") as out:
                out.write(data)
                out.flush()
                os.fsync(descriptor)
            Path(name).rename(self.path)
        except OSError as error:
            raise CloudsFileUnwritable(f"{self.path} cannot be written: {error.strerror}.") from error


def _cloud(mode: AuthMode, endpoint: str, login: Login | None) -> dict[str, Any]:
    auth: dict[str, Any] = {"endpoint": endpoint}
    if login is not None:
        auth |= {"username": login.username, "password": login.password}
    # There is no catalogue to look the endpoint up in, so it is said twice: to the login and to the image client.
    return {"auth_type": mode.value, "auth": auth, "image_endpoint_override": endpoint}
