"""Asks Keystone for unified limits, with the login of `[oslo_limit]`. Blocking: it is called in threads.

Importing this module imports keystoneauth1, which takes half a second: it is imported by name where use_keystone_limits
is set, and nowhere else.
"""

import contextlib
import logging
import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from keystoneauth1 import exceptions
from keystoneauth1.adapter import Adapter
from keystoneauth1.session import Session

from intaglio.base.errors import Unavailable
from intaglio.identity.keystone_session import login_plugin
from intaglio.identity.settings import UnifiedLimitsSettings

_log = logging.getLogger(__name__)


class LimitsUnavailable(Unavailable):
    """Keystone does not tell the limits of projects at this moment, and they were not known from before."""

    code = "limits-unavailable"


class LimitsSession:
    """One login, used by several threads. Nothing is sent before the first limits are asked for."""

    def __init__(self, settings: UnifiedLimitsSettings) -> None:
        """Raises `LoginInvalid` when the kind of login is unknown or lacks an option."""
        self._settings = settings
        certificate = settings.certfile
        cert = (certificate, settings.keyfile) if certificate and settings.keyfile else certificate
        verify = False if settings.insecure else settings.cafile or True
        self._adapter = Adapter(
            Session(cert=cert, verify=verify, timeout=settings.timeout, user_agent="intaglio"),
            auth=login_plugin("oslo_limit", settings.auth_type, settings.login),
            service_type="identity",
            interface=list(settings.valid_interfaces),
            region_name=settings.region_name,
            endpoint_override=settings.endpoint_override,
            min_version="3",
            max_version="3.latest",
        )
        self._place: dict[str, str] | None = None
        self._lock = threading.Lock()

    def read(self, project_id: str) -> Mapping[str, int]:
        """The limits of a project by their names. Raises `LimitsUnavailable`; the reason goes to the log."""
        try:
            place = self._own_place()
            registered = self._list("registered_limits", place)
            own = self._list("limits", place | {"project_id": project_id})
        except (exceptions.ClientException, LookupError, ValueError, OSError) as error:
            _log.error("cannot read unified limits at Keystone: %s: %s", type(error).__name__, error)
            raise LimitsUnavailable(
                "The limits of the project cannot be read from the identity service (Keystone) at this moment."
            ) from error
        defaults = {limit["resource_name"]: int(limit["default_limit"]) for limit in registered}
        return defaults | {limit["resource_name"]: int(limit["resource_limit"]) for limit in own}

    def close(self) -> None:
        """Close the connections."""
        with contextlib.suppress(AttributeError):  # made only when first used
            self._adapter.session.session.close()

    def _own_place(self) -> dict[str, str]:
        """The service and region that limits are registered for: those of our own endpoint, found once."""
        with self._lock:
            if self._place is None:
                endpoint = self._own_endpoint()
                place = {"service_id": endpoint["service_id"], "region_id": endpoint.get("region_id")}
                self._place = {name: value for name, value in place.items() if value}
            return self._place

    def _own_endpoint(self) -> Mapping[str, Any]:
        settings = self._settings
        if settings.endpoint_id:
            found: Mapping[str, Any] = self._get(f"/endpoints/{settings.endpoint_id}")["endpoint"]
            return found
        wanted = {"type": settings.endpoint_service_type, "name": settings.endpoint_service_name}
        service = _one("service", self._list("services", wanted), wanted)
        place = {
            "service_id": service["id"],
            "region_id": settings.endpoint_region_name,
            "interface": settings.endpoint_interface.removesuffix("URL"),
        }
        return _one("endpoint", self._list("endpoints", place), place)

    def _list(self, name: str, query: Mapping[str, str | None]) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = self._get(f"/{name}", query)[name]
        return found

    def _get(self, path: str, query: Mapping[str, str | None] = MappingProxyType({})) -> Mapping[str, Any]:
        given = {name: value for name, value in query.items() if value}
        answer: Mapping[str, Any] = self._adapter.get(path, params=given, log=False).json()
        return answer


def _one(what: str, found: list[Mapping[str, Any]], wanted: Mapping[str, str | None]) -> Mapping[str, Any]:
    if len(found) != 1:
        described = ", ".join(f"{name} {value}" for name, value in wanted.items() if value)
        raise LookupError(
            f"the catalogue has {len(found)} entries of {what} for {described}; [oslo_limit] must name one"
        )
    return found[0]
