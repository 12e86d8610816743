"""Which stores there are, as the operator configured them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

STAGING = "os_glance_staging_store"
"""The id, reserved by Glance, of the store that keeps data until they are imported."""

OUTBOUND = "outbound"
"""The option of a store that fetches from the web which holds the rules for that, an `OutboundSettings`."""


class StoreConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One store. `options` are the driver's own, by their Glance names, already typed; some are secrets.

    A store on the web has `OUTBOUND` instead, in which those are put together with what holds for all URLs.
    """

    id: str
    type: str
    description: str | None = None
    weight: int = 0
    options: Mapping[str, object] = {}

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Without the values of the options: settings end up in logs and tracebacks."""
        return [("id", self.id), ("type", self.type), ("options", sorted(self.options))]

    def __repr__(self) -> str:
        return f"StoreConfig({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True):
    """All stores and the default one.

    `multi` is False for Glance's older single-store configuration: then locations carry no `store` metadata and the
    field `stores` is not shown.
    """

    stores: tuple[StoreConfig, ...]
    default: str
    multi: bool = False


def single_file_store(directory: Path) -> StoreSettings:
    """The embedded default: one directory."""
    config = StoreConfig(id="file", type="file", options={"filesystem_store_datadir": str(directory)})
    return StoreSettings(stores=(config,), default=config.id)
