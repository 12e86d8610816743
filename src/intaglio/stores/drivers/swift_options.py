"""The options of a Swift store under Glance's names, and what follows from them: the account, containers, locations."""

import configparser
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit

import msgspec

from intaglio.stores.base import KEY, Misconfigured, NotFound

MB = 1000 * 1024
"""Bytes in what Glance's options of this store call a megabyte."""
SCHEMES = ("swift", "swift+http", "swift+https")
BY_REFERENCE = "swift+config"

_LONGEST = 256  # bytes of a container's name
_CONTAINER = re.compile(r"[^/?]{1,200}")


class SwiftOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Glance's options of the Swift store; sizes in its megabytes of 1 024 000 bytes.

    Objects longer than a part are sent as segments of a static large object. Both sizes can only lower the length of a
    part, which is held in memory.
    """

    swift_store_auth_version: str = "3"
    swift_store_auth_address: str | None = None
    swift_store_user: str | None = None
    swift_store_key: str | None = None
    swift_store_config_file: str | None = None
    default_swift_reference: str = "ref1"
    swift_store_application_credential_id: str | None = None
    swift_store_application_credential_secret: str | None = None
    swift_store_project_name: str | None = None
    swift_store_project_id: str | None = None
    swift_store_region: str | None = None
    swift_store_endpoint: str | None = None
    swift_store_endpoint_type: Literal["publicURL", "adminURL", "internalURL"] = "publicURL"
    swift_store_service_type: str = "object-store"
    swift_store_container: str = "glance"
    swift_store_create_container_on_put: bool = False
    swift_store_multiple_containers_seed: Annotated[int, msgspec.Meta(ge=0, le=32)] = 0
    swift_store_multi_tenant: bool = False
    swift_store_large_object_size: Annotated[int, msgspec.Meta(ge=1)] = 5 * 1024
    swift_store_large_object_chunk_size: Annotated[int, msgspec.Meta(ge=1)] = 200
    swift_store_expire_soon_interval: Annotated[int, msgspec.Meta(ge=0)] = 60
    swift_store_auth_insecure: bool = False
    swift_store_cacert: str | None = None
    swift_store_admin_tenants: tuple[str, ...] = ()
    swift_store_use_trusts: bool = True
    swift_store_retry_get_count: int = 0
    swift_store_ssl_compression: bool = True
    swift_buffer_on_upload: bool = False
    swift_upload_buffer_dir: str | None = None

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Without what is secret: settings end up in logs and tracebacks."""
        return [("swift_store_container", self.swift_store_container)]

    def __repr__(self) -> str:
        return f"SwiftOptions(swift_store_container={self.swift_store_container!r})"

    @property
    def many_containers(self) -> bool:
        """Whether there are more than one, whose names begin alike."""
        return self.swift_store_multi_tenant or self.swift_store_multiple_containers_seed > 0

    def container(self, key: str) -> str:
        """The container of an object: the one, or with a seed one for so many first characters of the key.

        Dashes among them do not count, and letters are those of lower case. In the accounts of projects each object has
        one of its own, whose name is shortened where Swift would not take it, which is never so for an image.
        """
        if self.swift_store_multi_tenant:
            name = f"{self.swift_store_container}_{key}"
            short = f"{self.swift_store_container}_{hashlib.sha256(key.encode()).hexdigest()}"
            return name if len(name) <= _LONGEST else short[:_LONGEST]
        seed = self.swift_store_multiple_containers_seed
        if not seed:
            return self.swift_store_container
        return f"{self.swift_store_container}_{key.lower()[: seed + key[:seed].count('-')]}"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Who signs in, and where. Either user and key, or an application credential."""

    auth_address: str
    auth_version: str = "3"
    user: str = ""
    key: str = ""
    user_domain_id: str | None = "default"
    user_domain_name: str | None = None
    project_domain_id: str | None = "default"
    project_domain_name: str | None = None
    application_credential_id: str = ""
    application_credential_secret: str = ""

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("auth_address", self.auth_address)]

    def __repr__(self) -> str:
        return f"Account(auth_address={self.auth_address!r})"

    @property
    def secure(self) -> bool:
        """Whether its identity service is reached by TLS, which is so unless http:// is written."""
        return not self.auth_address.lower().startswith("http://")

    @property
    def host_and_path(self) -> str:
        """The address as Glance writes it into locations: without its scheme."""
        return re.sub(r"(?i)^https?://", "", self.auth_address).strip("/")

    @property
    def address(self) -> str:
        """The address with its scheme."""
        return f"{'https' if self.secure else 'http'}://{self.host_and_path}"


class Locations(msgspec.Struct, frozen=True):
    """How locations in this store are written, and recognised."""

    prefix: str  # before the container: swift+https://user:key@host/path/ or swift+config://reference/
    host_and_path: str
    references: frozenset[str]  # of the same account

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("host_and_path", self.host_and_path)]

    def __repr__(self) -> str:
        return f"Locations({self.host_and_path!r})"


def options(store: str, given: Mapping[str, object]) -> SwiftOptions:
    """The options, checked; raises `Misconfigured` naming the option."""
    try:
        chosen = msgspec.convert(dict(given), SwiftOptions, strict=False)
    except msgspec.ValidationError as error:
        raise Misconfigured(f"store {store!r} (type swift): {error}") from error
    if _CONTAINER.fullmatch(chosen.swift_store_container) is None:
        raise Misconfigured(f"store {store!r} (type swift): swift_store_container is no name of a container")
    return chosen


def account(store: str, chosen: SwiftOptions) -> Account:
    """The account that new images go to. Reads the file of accounts; raises `Misconfigured`."""
    if chosen.swift_store_config_file:
        accounts = _accounts(store, chosen.swift_store_config_file)
        found = accounts.get(chosen.default_swift_reference)
        if found is None:
            raise Misconfigured(
                f"store {store!r}: {chosen.swift_store_config_file} has no section "
                f"[{chosen.default_swift_reference}], which default_swift_reference names"
            )
        return found
    if not chosen.swift_store_auth_address:
        raise Misconfigured(
            f"store {store!r} (type swift): set swift_store_config_file, or swift_store_auth_address, swift_store_user "
            "and swift_store_key"
        )
    return _checked(
        store,
        "its options",
        {
            "auth_address": chosen.swift_store_auth_address,
            "auth_version": chosen.swift_store_auth_version,
            "user": chosen.swift_store_user,
            "key": chosen.swift_store_key,
            "application_credential_id": chosen.swift_store_application_credential_id,
            "application_credential_secret": chosen.swift_store_application_credential_secret,
        },
    )


def locations(store: str, chosen: SwiftOptions, who: Account) -> Locations:
    """How locations are written: by reference where there is a file of accounts, with the credentials otherwise.

    The latter is what Glance writes, and needs for reading them.
    """
    if chosen.swift_store_config_file:
        accounts = _accounts(store, chosen.swift_store_config_file)
        same = frozenset(name for name, other in accounts.items() if other == who)
        return Locations(f"{BY_REFERENCE}://{chosen.default_swift_reference}/", who.host_and_path, same)
    scheme = "swift+https" if who.secure else "swift+http"
    login = f"{quote(who.user)}:{quote(who.key)}@" if who.user and who.key else ""
    return Locations(f"{scheme}://{login}{who.host_and_path}/", who.host_and_path, frozenset())


def key_of(store: str, chosen: SwiftOptions, known: Locations, uri: str) -> str:
    """The key in a location that Glance or this service wrote for the same account. Raises `NotFound`.

    Credentials in it are skipped: the configured ones count.
    """
    scheme, separator, rest = uri.strip().partition("://")
    if separator and "://" not in rest:
        _, _, rest = rest.rpartition("@")
        before, _, key = rest.rpartition("/")
        place, _, container = before.rpartition("/")
        here = (scheme in SCHEMES and _alike(place) == _alike(known.host_and_path)) or (
            scheme == BY_REFERENCE and place in known.references
        )
        if here and KEY.fullmatch(key) and container == chosen.container(key):
            return key
    raise NotFound(f"the location is not of store {store!r}")


def _accounts(store: str, file: str) -> dict[str, Account]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(Path(file).read_text(encoding="utf-8"), source=file)
    except OSError as error:
        raise Misconfigured(
            f"store {store!r}: swift_store_config_file {file} cannot be read: {error.strerror}"
        ) from error
    except (configparser.Error, UnicodeDecodeError) as error:
        raise Misconfigured(
            f"store {store!r}: swift_store_config_file {file} is no file of [sections] with name = value"
        ) from error
    return {
        name: _checked(store, f"section [{name}] of {file}", {key: _unquoted(value) for key, value in section.items()})
        for name, section in parser.items()
        if name != parser.default_section
    }


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] in "\"'" and value[-1] == value[0] else value


def _checked(store: str, where: str, values: Mapping[str, object]) -> Account:
    """An account that can sign in. Raises `Misconfigured`, whose text has no value."""
    known = {name: value for name, value in values.items() if name in Account.__struct_fields__ and value}
    if "user_domain_name" in known:
        known.setdefault("user_domain_id", None)
    if "project_domain_name" in known:
        known.setdefault("project_domain_id", None)
    try:
        who = msgspec.convert(known, Account)
    except msgspec.ValidationError as error:
        raise Misconfigured(f"store {store!r}: {where}: {error}") from error
    host = urlsplit(f"//{who.host_and_path}")
    if not host.hostname or "@" in host.netloc or "://" in who.host_and_path:
        raise Misconfigured(f"store {store!r}: {where}: auth_address must be like https://identity.example.com:5000/v3")
    by_credential = who.application_credential_id and who.application_credential_secret
    if not by_credential and not (who.user and who.key):
        raise Misconfigured(f"store {store!r}: {where}: user and key must be set, or an application credential")
    version = who.auth_version.partition(".")[0].lstrip("v")
    if version not in {"1", "3"}:
        raise Misconfigured(f"store {store!r}: {where}: auth_version must be 3, or 1 for Swift's own tempauth")
    if version == "3" and not by_credential and who.user.count(":") != 1:
        raise Misconfigured(f"store {store!r}: {where}: user must be project:user")
    return msgspec.structs.replace(who, auth_version=version)


def _alike(host_and_path: str) -> tuple[str, str]:
    """Host names are compared without case and without the port that the scheme implies; paths as they are."""
    host, _, rest = host_and_path.partition("/")
    return re.sub(r":(80|443)$", "", host.lower()), rest.strip("/")
