"""Which plug-ins imports pass, as the operator configured them under Glance's names."""

from collections.abc import Mapping

import msgspec

from intaglio.domain.properties import SERVICE_PREFIX
from intaglio.imports.conversion import Conversion
from intaglio.ingest.unpacking import UnpackingLimits

NO_OP, INJECT, UNPACK, CONVERT = "no_op", "inject_image_metadata", "image_decompression", "image_conversion"
INTROSPECT = "image_introspection"
KNOWN = (NO_OP, INJECT, UNPACK, CONVERT, INTROSPECT)
"""The plug-ins of this release."""


class PluginSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`order`: the plug-ins by their names.

    `inject`: properties for images that are imported by a caller who has none of `ignore_user_roles`. `ovf`: what of an
    OVA's description becomes properties.
    """

    order: tuple[str, ...] = ()
    inject: Mapping[str, str] = {}
    ignore_user_roles: tuple[str, ...] = ("admin",)
    limits: UnpackingLimits = UnpackingLimits()
    conversion: Conversion | None = None  # set where images are converted
    ovf: tuple[str, ...] = ()

    @property
    def introspects(self) -> bool:
        """Whether what the data say of themselves becomes properties."""
        return INTROSPECT in self.order

    @property
    def foreign(self) -> tuple[str, ...]:
        """The plug-ins that other packages bring, in their order."""
        return tuple(name for name in self.order if name not in KNOWN)

    @property
    def unpacking(self) -> UnpackingLimits | None:
        """The limits when packed data are unpacked; None when they are imported as they are."""
        return self.limits if UNPACK in self.order else None

    def injected(self, roles: frozenset[str]) -> Mapping[str, str]:
        """The properties that an image gets which a caller with these roles imports; reserved names are left out."""
        ignored = {role.lower() for role in self.ignore_user_roles}
        if INJECT not in self.order or ignored & {role.lower() for role in roles}:
            return {}
        return {name: value for name, value in self.inject.items() if not name.startswith(SERVICE_PREFIX)}
