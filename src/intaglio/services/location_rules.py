"""Which locations a caller may name: what users reach on the web, what services put into a store for an image."""

from intaglio.authz.engine import Caller
from intaglio.base.errors import Forbidden
from intaglio.domain.patch_locations import InvalidLocation
from intaglio.outbound.base import FetchRefused
from intaglio.outbound.rules import Rules
from intaglio.services.parts import Parts
from intaglio.stores.base import StoreError
from intaglio.stores.registry import Found

INTERNAL = ("file", "filesystem", "memory", "swift+config")
"""Schemes of what lies inside this service, or names its own logins: nobody adds a location of these."""

_SERVICE = "service"


class LocationForeign(Forbidden):
    """The location is not one that a user may give this image."""

    code = "location-foreign"


def is_service(caller: Caller) -> bool:
    """Whether another service asks, for itself or with a token of its own beside a user's."""
    service = caller.principal.service
    return _SERVICE in caller.roles or (service is not None and _SERVICE in service.roles)


def require_nameable(parts: Parts, caller: Caller, image_id: str, url: str) -> Found:
    """What the URL leads to, if this caller may add it to this image.

    A user names what is on the web, by the rules for URLs; or the object that a store of this service would have for
    this very image, so that nobody reads another project's data by their name.

    Raises `InvalidLocation`, `FetchRefused`, `LocationForeign`.
    """
    scheme = url.partition(":")[0].lower() if ":" in url else ""
    try:
        found = None if scheme in INTERNAL else parts.stores.at(url)
    except StoreError:
        found = None
    if found is None:
        raise InvalidLocation(f"No store of this service takes a location of the kind {scheme!r:.20} from a caller.")
    if not found.store.abilities.owned:
        _require_fetchable(parts, url)
    elif found.key != image_id and not caller.principal.is_admin and not is_service(caller):
        raise LocationForeign("The location is of an object that is not this image's own; a service can add it.")
    return found


def _require_fetchable(parts: Parts, url: str) -> None:
    """As far as can be told without a name server; the addresses are looked at when it is fetched."""
    try:
        Rules(parts.outbound).target(url)
    except FetchRefused as refused:
        raise FetchRefused(refused.reason, f"The location does not pass filtering. {refused}") from None
