"""Signatures of images whose data a task brings: judged when it is asked for, as far as that goes without the bytes.

A worker has no token of the caller, so the certificate is fetched here, and kept with the task.
"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from intaglio.domain.image import Image
from intaglio.domain.signatures import PROPERTIES
from intaglio.imports import signed
from intaglio.services.parts import Parts
from intaglio.signatures.base import Asker, Found

_NOTHING: Mapping[str, str] = {}


class CheckNeeded(Exception):
    """The transaction deals with a signature that was not looked at; `Signatures.look_up` does, when it was undone."""

    def __init__(self, image: Image, stores: tuple[str, ...]) -> None:
        super().__init__(image.id)
        self.image = image
        self.stores = stores


class Signatures:
    """What one request finds out.

    `added` are properties that the image is to get with its data; with `described_later` its signature may come with
    them, from another region.
    """

    def __init__(
        self, parts: Parts, asker: Asker, *, added: Mapping[str, str] = _NOTHING, described_later: bool = False
    ) -> None:
        self._parts = parts
        self._asker = asker
        self._added = added
        self._described_later = described_later
        self._known: dict[str, Found] = {}

    def kept(self, image: Image, stores: tuple[str, ...]) -> Mapping[str, Any]:
        """What the task is to know of it. Raises `CheckNeeded`, and what `Verification.wanted` raises."""
        image = replace(image, properties={**image.properties, **self._added})
        if self._described_later and not set(PROPERTIES) & image.properties.keys():
            return {}
        signature = self._parts.verification.wanted(image, stores)
        if signature is None:
            return {}
        if signature.fingerprint not in self._known:
            raise CheckNeeded(image, stores)
        return signed.kept(signature, self._known[signature.fingerprint])

    async def look_up(self, image: Image, stores: tuple[str, ...]) -> None:
        """Fetch and judge it. Raises what `Verification.check` raises."""
        signature = self._parts.verification.wanted(image, stores)
        if signature is not None:
            found = await self._parts.verification.find(signature, self._asker)
            await self._parts.verification.check(image, stores, found=found)
            self._known[signature.fingerprint] = found
