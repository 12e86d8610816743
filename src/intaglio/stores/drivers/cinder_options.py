"""The options of a Cinder store under Glance's names, and what follows from them: who signs in, and locations."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from intaglio.stores.base import Misconfigured, NotFound

GIB = 1024**3
SCHEME = "cinder"

_VOLUME = re.compile(r"[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
_Positive = Annotated[int, msgspec.Meta(ge=1)]
_Count = Annotated[int, msgspec.Meta(ge=0)]


class CinderOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Glance's options of the Cinder store, and three that stand in groups of the libraries it uses.

    `lock_path` is that of `[os_brick]` or `[oslo_concurrency]`, `helper_command` that of `[privsep_osbrick]`;
    `single` says that this is the one store of a configuration without ids, whose locations name no store.
    """

    cinder_catalog_info: str = "volumev3::publicURL"
    cinder_endpoint_template: str | None = None
    cinder_os_region_name: str | None = None
    cinder_ca_certificates_file: str | None = None
    cinder_api_insecure: bool = False
    cinder_http_retries: _Count = 3
    cinder_state_transition_timeout: _Count = 300
    cinder_store_auth_address: str | None = None
    cinder_store_user_name: str | None = None
    cinder_store_user_domain_name: str = "Default"
    cinder_store_password: str | None = None
    cinder_store_project_name: str | None = None
    cinder_store_project_domain_name: str = "Default"
    cinder_store_application_credential_id: str | None = None
    cinder_store_application_credential_secret: str | None = None
    cinder_volume_type: str | None = None
    rootwrap_config: str = "/etc/glance/rootwrap.conf"
    cinder_use_multipath: bool = False
    cinder_enforce_multipath: bool = False
    cinder_mount_point_base: str = "/var/lib/glance/mnt"
    cinder_do_extend_attached: bool = False
    cinder_attachment_retry_attempts: _Positive = 5
    lock_path: str | None = None
    helper_command: str | None = None
    single: bool = False

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Without what is secret: settings end up in logs and tracebacks."""
        return [("cinder_volume_type", self.cinder_volume_type)]

    def __repr__(self) -> str:
        return f"CinderOptions(cinder_volume_type={self.cinder_volume_type!r})"

    @property
    def by_application_credential(self) -> bool:
        """Whether an application credential signs in, and not a user with a password."""
        return bool(self.cinder_store_application_credential_id and self.cinder_store_application_credential_secret)

    @property
    def catalogue_entry(self) -> tuple[str, str | None, str]:
        """Type, name (None is any) and interface of the service in the catalogue."""
        kind, name, interface = self.cinder_catalog_info.split(":")
        return kind, name or None, interface.removesuffix("URL")


def options(store: str, given: Mapping[str, object]) -> CinderOptions:
    """The options, checked; raises `Misconfigured` naming the option."""
    try:
        chosen = msgspec.convert(dict(given), CinderOptions, strict=False)
    except msgspec.ValidationError as error:
        raise Misconfigured(f"store {store!r} (type cinder): {error}") from error
    wrong = _wrong(chosen)
    if wrong:
        raise Misconfigured(f"store {store!r} (type cinder): {wrong}")
    return chosen


def _wrong(chosen: CinderOptions) -> str:
    """What is wrong about the options together; empty when nothing is."""
    needed = {"cinder_store_auth_address": chosen.cinder_store_auth_address}
    if not chosen.by_application_credential:
        needed |= {
            "cinder_store_user_name": chosen.cinder_store_user_name,
            "cinder_store_password": chosen.cinder_store_password,
            "cinder_store_project_name": chosen.cinder_store_project_name,
        }
    missing = [name for name, value in needed.items() if not value]
    if missing:
        return (
            f"set {', '.join(missing)}: volumes are kept in the project of a service account, not in those of users, "
            "who could change them there"
        )
    if chosen.cinder_catalog_info.count(":") != 2:  # noqa: PLR2004 - three parts
        return f"cinder_catalog_info must be type:name:endpoint, not {chosen.cinder_catalog_info!r}"
    if chosen.cinder_enforce_multipath and not chosen.cinder_use_multipath:
        return "cinder_enforce_multipath has no meaning without cinder_use_multipath"
    return ""


def location(store: str, chosen: CinderOptions, volume: str) -> str:
    """`cinder://<store>/<volume>`; `cinder://<volume>` where stores have no ids."""
    return f"{SCHEME}://{volume}" if chosen.single else f"{SCHEME}://{store}/{volume}"


def volume_of(store: str, chosen: CinderOptions, uri: str) -> str:
    """The id of the volume in a location that names this store, or in an older one that names none.

    Raises `NotFound`.
    """
    scheme, separator, rest = uri.strip().partition("://")
    match rest.split("/") if scheme == SCHEME and separator else []:
        case [volume] if is_volume(volume):
            return volume
        case [named, volume] if is_volume(volume) and (named == store or chosen.single):
            return volume
    raise NotFound(f"the location is not of store {store!r}, which is in Cinder")


def is_volume(text: str) -> bool:
    """Whether it could be a volume's id."""
    return _VOLUME.fullmatch(text) is not None
