"""`[oslo_limit]`, read and checked where use_keystone_limits is set."""

import importlib.util

from intaglio.bootstrap.options.identity import LOGIN_NAMES
from intaglio.bootstrap.reading import Reading
from intaglio.identity.settings import UnifiedLimitsSettings

GROUP = "oslo_limit"
_TIMEOUT = 10.0  # seconds
_SAME = (
    "endpoint_id",
    "endpoint_service_type",
    "endpoint_service_name",
    "endpoint_region_name",
    "endpoint_interface",
    "region_name",
    "endpoint_override",
    "cafile",
    "certfile",
    "keyfile",
)


def unified_limits_settings(reading: Reading) -> UnifiedLimitsSettings | None:
    """The login for unified limits; None where they are not used, or where it is wrong, which is then a problem."""
    if not reading.get("DEFAULT", "use_keystone_limits"):
        return None
    if importlib.util.find_spec("keystoneauth1") is None:
        message = "Keystone's limits need another part; install it with: pip install 'intaglio[keystone]'."
        reading.complain("DEFAULT", "use_keystone_limits", message, code="extra-missing")
        return None
    group = reading.get(GROUP, "auth_section") or GROUP
    auth_type = reading.get(group, "auth_type")
    if not auth_type:
        reading.complain(
            group, "auth_type", "auth_type is not set: it names the login that reads limits, such as password."
        )
        return None
    if not any(reading.get(GROUP, name) for name in ("endpoint_id", "endpoint_service_type", "endpoint_service_name")):
        message = "Name this service's own endpoint in Keystone, or endpoint_service_type and endpoint_region_name."
        reading.complain(GROUP, "endpoint_id", message)
        return None
    login = {name: reading.get(group, name) for name in LOGIN_NAMES if name in _known(reading, group)}
    return UnifiedLimitsSettings(
        auth_type=auth_type,
        login={name: value for name, value in login.items() if value is not None},
        valid_interfaces=tuple(reading.get(GROUP, "valid_interfaces") or ("internal", "public")),
        insecure=bool(reading.get(GROUP, "insecure")),
        timeout=reading.get(GROUP, "timeout") or _TIMEOUT,
        **{name: reading.get(GROUP, name) for name in _SAME},
    )


def _known(reading: Reading, group: str) -> set[str]:
    return {name for name in LOGIN_NAMES if reading.catalogue.find(group, name) is not None}
