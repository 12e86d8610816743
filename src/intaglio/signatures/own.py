"""The service's own key for those who sign with it; what reads keys is loaded when the first of them comes."""

import asyncio
import importlib
from typing import TYPE_CHECKING, Any

from intaglio.signatures.settings import ServiceKeySettings

if TYPE_CHECKING:
    from intaglio.signatures.service_key import ServiceKey


class OwnKey:
    """One for each process; a key that was replaced meanwhile is noticed."""

    def __init__(self, settings: ServiceKeySettings = ServiceKeySettings()) -> None:  # noqa: B008 - a frozen value
        self._settings = settings
        self._keys: Any = None

    async def current(self) -> "ServiceKey":
        """The key that is in use now, read or made in a thread. Raises `ServiceKeyUnusable`."""
        return await asyncio.to_thread(self._current)

    def _current(self) -> "ServiceKey":
        if self._keys is None:
            self._keys = importlib.import_module("intaglio.signatures.service_key").ServiceKeys(self._settings)
        key: ServiceKey = self._keys.current()
        return key
