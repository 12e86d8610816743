"""Whether an import is converted to the operator's format, by what its image says; and what a signature means then."""

from enum import StrEnum

import msgspec

from intaglio.base.errors import Conflict
from intaglio.domain.image import Image
from intaglio.domain.signatures import PROPERTIES, SIGNATURE
from intaglio.domain.status import Status
from intaglio.ingest.conversion.base import DRIVERS, CannotConvert, ConversionSettings

SOURCE_FORMAT, SOURCE_HASH, SOURCE_SIGNED = (f"os_glance_source_{name}" for name in ("format", "hash", "signed"))
"""Properties that remember what was sent, before it was converted; nobody but the service sets them."""

_CONTAINERS = frozenset({"bare", "ovf", "ova"})
_STAY = frozenset({"iso", "ami", "aki", "ari"})
"""Formats that machines boot from as they are, and that no conversion would serve."""


class SignedNotConverted(Conflict):
    """The image is signed, and its signature would not fit what its data are converted to."""

    code = "signed-not-converted"


class Signed(StrEnum):
    """What becomes of a signed image whose data would be converted."""

    REFUSE = "refuse"
    KEEP = "keep"  # it is imported as it is
    UNSIGN = "unsign"  # it is converted, and loses its signature
    RESIGN = "resign"  # it is verified, converted, and signed by the service


def is_signed(image: Image) -> bool:
    """Whether a signature of its data is on record."""
    return bool(image.properties.get(SIGNATURE))


class Conversion(msgspec.Struct, frozen=True, kw_only=True):
    """How imports are converted here."""

    settings: ConversionSettings
    signed: Signed = Signed.REFUSE

    def wanted(self, image: Image, *, required: bool) -> bool:
        """Whether the image's data are to be converted. `required`: it has to be signed where it is.

        Raises `SignedNotConverted`, `CannotConvert`.
        """
        output = self.settings.output_format
        if (
            image.status is Status.ACTIVE
            or image.container_format not in _CONTAINERS
            or image.disk_format in {output, None, *_STAY}
        ):
            return False
        if is_signed(image) and self.signed is Signed.KEEP:
            return False
        if image.disk_format not in DRIVERS:
            known = ", ".join(DRIVERS)
            raise CannotConvert(
                f"Imports are converted to {output} here, which {image.disk_format} cannot be; send one of: {known}."
            )
        if is_signed(image) and self.signed is not Signed.RESIGN and (self.signed is Signed.REFUSE or required):
            raise SignedNotConverted(
                f"Image {image.id} is signed, and its data would be converted to {output}, which its signature does "
                f"not fit: send {output}, or remove its properties {', '.join(sorted(PROPERTIES))}."
            )
        return True
