"""The calls to Cinder that the store needs, as functions that block; the session of keystoneauth does the rest.

It renews tokens, reads the catalogue, verifies certificates and tries again to connect.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec
from keystoneauth1 import exceptions
from keystoneauth1.adapter import Adapter
from keystoneauth1.identity import v3
from keystoneauth1.session import Session

from intaglio.stores.base import Broken, Misconfigured
from intaglio.stores.drivers.cinder_faults import InUse, Lost, absent, explained, told
from intaglio.stores.drivers.cinder_options import CinderOptions

VERSION = "3.54"
"""The first with attachments that are completed and have a mode; Glance needs the same."""
_PAGE = 500
T = TypeVar("T")
_GONE = object()  # what was asked for is not there
_READY = "to reserve"  # how a refusal to attach ends that another moment may lift


class Held(msgspec.Struct, frozen=True):
    """An attachment as the volume tells of it; `device` is the mount point that its maker gave."""

    attachment_id: str
    host_name: str | None = None
    device: str | None = None


class Volume(msgspec.Struct, frozen=True, kw_only=True):
    """A volume as Cinder shows it; `size` is in GiB, times are as Cinder writes them, in UTC."""

    id: str
    status: str
    size: int
    metadata: dict[str, str] = {}
    attachments: list[Held] = []
    created_at: str | None = None
    updated_at: str | None = None
    volume_type: str | None = None
    multiattach: bool = False
    encrypted: bool = False


class Api:
    """One project's volumes. Every call may block for `seconds` per attempt, and raises a `StoreError`."""

    def __init__(self, store: str, chosen: CinderOptions, seconds: float) -> None:
        self._store = store
        self._options = chosen
        kind, name, interface = chosen.catalogue_entry
        verify: bool | str = chosen.cinder_ca_certificates_file or True
        self._session = Session(
            auth=_plugin(chosen),
            verify=False if chosen.cinder_api_insecure else verify,
            timeout=seconds,
            redirect=False,
        )
        self._adapter = Adapter(
            self._session,
            service_type=kind,
            service_name=name,
            interface=interface,
            region_name=chosen.cinder_os_region_name,
            endpoint_override=_override(store, chosen),
            connect_retries=chosen.cinder_http_retries,
            default_microversion=VERSION,
            allow_version_hack=True,
        )

    # Volumes

    def create(self, name: str, size: int, metadata: Mapping[str, str]) -> Volume:
        """Begin to make a volume of `size` GiB."""
        wanted: dict[str, object] = {"name": name, "size": size, "metadata": dict(metadata)}
        if self._options.cinder_volume_type:
            wanted["volume_type"] = self._options.cinder_volume_type
        return self._volume(self._ask("make a volume", "POST", "/volumes", {"volume": wanted}))

    def find(self, volume: str) -> Volume | None:
        """The volume, or None."""
        answer = self._ask("look at a volume", "GET", f"/volumes/{volume}", may_lack=True)
        return None if answer is _GONE else self._volume(answer)

    def get(self, volume: str) -> Volume:
        """The volume. Raises `NotFound`."""
        found = self.find(volume)
        if found is None:
            raise absent(self._store, volume)
        return found

    def volumes(self, metadata: Mapping[str, str] | None = None, status: str | None = None) -> Iterator[Volume]:
        """The project's volumes that have this metadata, and this status, in pages."""
        query: dict[str, str] = {"limit": str(_PAGE)}
        if metadata:
            query["metadata"] = repr(dict(metadata))  # as Cinder's own client writes it
        if status:
            query["status"] = status
        while True:
            answer = self._ask("list volumes", "GET", "/volumes/detail", params=query)
            volumes = self._read(answer, list[Volume], "volumes")
            yield from volumes
            if not volumes or "volumes_links" not in answer:
                return
            query["marker"] = volumes[-1].id

    def delete(self, volume: str) -> bool:
        """Begin to remove a volume; whether it was there. Raises `InUse` when its state does not allow it now."""
        return self._ask("remove a volume", "DELETE", f"/volumes/{volume}", may_lack=True) is not _GONE

    def replace_metadata(self, volume: str, metadata: Mapping[str, str]) -> None:
        """Give the volume this metadata and no other, at once. Raises `NotFound`."""
        self._mark("PUT", volume, metadata)

    def add_metadata(self, volume: str, metadata: Mapping[str, str]) -> None:
        """Give the volume this metadata, too. Raises `NotFound`."""
        self._mark("POST", volume, metadata)

    def protect(self, volume: str) -> None:
        """From now on the volume can be attached for reading only."""
        self._act("protect a volume", volume, "os-update_readonly_flag", {"readonly": True})

    def extend(self, volume: str, size: int) -> None:
        """Begin to make a volume larger, to `size` GiB."""
        self._act("extend a volume", volume, "os-extend", {"new_size": size})

    def require_type(self) -> None:
        """Reach Cinder, signed in; raises `Broken` when it does not have the configured type of volumes."""
        name = self._options.cinder_volume_type
        if not name:
            self._ask("reach Cinder", "GET", "/volumes", params={"limit": "1"})
            return
        answer = self._ask("reach Cinder", "GET", "/types", params={"is_public": "None"})
        types = self._read(answer, list[dict[str, Any]], "volume_types")
        if not any(name in {each.get("name"), each.get("id")} for each in types):
            raise Broken(f"store {self._store!r}: Cinder has no volume type {name!r}; see cinder_volume_type")

    # Attachments

    def reserve(self, volume: str, mode: str) -> str:
        """Begin to attach a volume, `ro` or `rw`; the id of the attachment.

        Raises `NotFound`, and `InUse` when it is attached elsewhere or changing.
        """
        wanted = {"attachment": {"volume_uuid": volume, "connector": None, "mode": mode}}
        answer = self._ask("attach a volume", "POST", "/attachments", wanted, may_lack=True)
        if answer is _GONE:
            raise absent(self._store, volume)
        return self._read(answer, str, "attachment", "id")

    def connect(self, attachment: str, connector: Mapping[str, object]) -> dict[str, Any]:
        """Have the volume exported to the host that `connector` describes; what os-brick needs to reach it."""
        wanted = {"attachment": {"connector": dict(connector)}}
        answer = self._ask("attach a volume", "PUT", f"/attachments/{attachment}", wanted)
        return self._read(answer, dict[str, Any], "attachment", "connection_info")

    def complete(self, attachment: str) -> None:
        """Say that the volume is in use."""
        self._ask("attach a volume", "POST", f"/attachments/{attachment}/action", {"os-complete": {}})

    def connection(self, attachment: str) -> dict[str, Any] | None:
        """What `connect` answered for an attachment; None when it is gone or was never connected."""
        answer = self._ask("look at an attachment", "GET", f"/attachments/{attachment}", may_lack=True)
        found = None if answer is _GONE else self._read(answer, dict[str, Any], "attachment").get("connection_info")
        return found or None

    def attachments(self, volume: str) -> list[str]:
        """The ids of a volume's attachments, those that are not complete too."""
        answer = self._ask("list attachments", "GET", "/attachments", params={"volume_id": volume})
        return [str(each.get("id")) for each in self._read(answer, list[dict[str, Any]], "attachments")]

    def detach(self, attachment: str) -> None:
        """End an attachment; one that is gone is fine."""
        self._ask("detach a volume", "DELETE", f"/attachments/{attachment}", may_lack=True)

    def close(self) -> None:
        """End the connections."""
        self._session.session.close()

    def _volume(self, answer: Any) -> Volume:
        return self._read(answer, Volume, "volume")

    def _read(self, answer: Any, kind: type[T], *names: str) -> T:
        """What an answer has under these names."""
        try:
            for name in names:
                answer = answer[name]
            return msgspec.convert(answer, kind)
        except (KeyError, TypeError, msgspec.ValidationError) as error:
            raise Lost(f"store {self._store!r}: Cinder's answer has no {'/'.join(names)} as it should") from error

    def _mark(self, method: str, volume: str, metadata: Mapping[str, str]) -> None:
        wanted = {"metadata": dict(metadata)}
        if self._ask("mark a volume", method, f"/volumes/{volume}/metadata", wanted, may_lack=True) is _GONE:
            raise absent(self._store, volume)

    def _act(self, doing: str, volume: str, action: str, what: Mapping[str, object]) -> None:
        self._ask(doing, "POST", f"/volumes/{volume}/action", {action: dict(what)})

    def _ask(
        self,
        doing: str,
        method: str,
        path: str,
        document: object = None,
        *,
        params: Mapping[str, str] | None = None,
        may_lack: bool = False,
    ) -> Any:
        """One call and the document that answers it. With `may_lack`, a 404 is answered by `_GONE`."""
        with explained(self._store, doing):
            try:
                answer = self._adapter.request(path, method, json=document, params=dict(params or {}))
            except exceptions.NotFound:
                if may_lack:
                    return _GONE
                raise
            except exceptions.BadRequest as error:
                raise _refusal(self._store, doing, error) from error
            return _document(self._store, doing, answer.content)


def _refusal(store: str, doing: str, error: Exception) -> Exception:
    """Cinder answers 400 where the state of a volume does not allow a call now."""
    said = told(error)
    if _READY in said or "status must be" in said or "Invalid volume" in said:
        return InUse(f"store {store!r} could not {doing}: Cinder says {said}")
    return error


def _document(store: str, doing: str, content: bytes) -> Any:
    if not content:
        return None
    try:
        return json.loads(content)
    except ValueError as error:
        raise Lost(f"store {store!r} could not {doing}: the answer is not Cinder's") from error


def _override(store: str, chosen: CinderOptions) -> str | None:
    """The endpoint that is not the catalogue's; keystoneauth puts the project's id where one is asked for."""
    template = chosen.cinder_endpoint_template
    if not template:
        return None
    ours = template
    for name in ("project_id", "tenant_id", "tenant"):
        ours = ours.replace(f"%({name})s", "%(project_id)s")
    if ours.replace("%(project_id)s", "").count("%("):
        raise Misconfigured(
            f"store {store!r} (type cinder): cinder_endpoint_template may name %(project_id)s and nothing else"
        )
    return ours


def _plugin(chosen: CinderOptions) -> v3.Auth:
    if chosen.by_application_credential:
        return v3.ApplicationCredential(
            auth_url=chosen.cinder_store_auth_address,
            application_credential_id=chosen.cinder_store_application_credential_id,
            application_credential_secret=chosen.cinder_store_application_credential_secret,
        )
    return v3.Password(
        auth_url=chosen.cinder_store_auth_address,
        username=chosen.cinder_store_user_name,
        password=chosen.cinder_store_password,
        user_domain_name=chosen.cinder_store_user_domain_name,
        project_name=chosen.cinder_store_project_name,
        project_domain_name=chosen.cinder_store_project_domain_name,
    )
