"""Plug-ins that other packages bring: they see every byte of an import, may refuse it, and may describe the image.

A package offers one under a name in the entry point group `intaglio.import_plugins`; the operator puts that name into
`[image_import_opts] image_import_plugins`. The entry point is called without arguments, once in each worker, and gives
a `Plugin`.
"""

import importlib.metadata
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from intaglio.base.errors import IntaglioError, Invalid
from intaglio.domain.image import Image
from intaglio.domain.properties import SERVICE_PREFIX, property_name, property_value
from intaglio.formats.base import Buffer

_log = logging.getLogger(__name__)

GROUP = "intaglio.import_plugins"


class PluginRefused(Invalid):
    """A plug-in does not let the data in. Plug-ins raise it with the reason, which the image's owner reads."""

    code = "import-plugin-refused"


class PluginFailed(Invalid):
    """A plug-in did not work, or gave properties that cannot be."""

    code = "import-plugin-failed"


class Look(Protocol):
    """One plug-in's view of one import. Raising `PluginRefused` in either method refuses the data."""

    def update(self, data: Buffer, /) -> object:
        """Take the next bytes, unpacked, without keeping a reference; in order, in threads, never on the event loop."""
        ...

    def properties(self) -> Mapping[str, str]:
        """What the image is to say of them; called once, when all bytes have come, and must not wait for anything."""
        ...


class Plugin(Protocol):
    """What an entry point gives."""

    def look(self, image: Image) -> Look:
        """Begin with an import into `image`; called again when an import is begun again."""
        ...


def found() -> frozenset[str]:
    """The names under which installed packages offer plug-ins."""
    return frozenset(importlib.metadata.entry_points(group=GROUP).names)


def load(names: Iterable[str]) -> Mapping[str, Plugin]:
    """The plug-ins of these names. Raises `PluginFailed`."""
    loaded = {}
    for name in names:
        try:
            (entry,) = importlib.metadata.entry_points(group=GROUP, name=name)
            loaded[name] = entry.load()()
        except Exception as error:
            raise PluginFailed(f"The import plug-in {name!r} cannot be loaded: {error!r}.") from error
    return loaded


class Looks:
    """The looks of all plug-ins at one import."""

    def __init__(self, plugins: Mapping[str, Plugin], image: Image) -> None:
        self.consumers: Sequence[_Guarded] = [_Guarded(name, plugin, image) for name, plugin in plugins.items()]
        self.properties: dict[str, str] = {}

    def finish(self) -> None:
        """Ask for the properties, a later plug-in's being preferred. Raises `PluginRefused`, `PluginFailed`."""
        for each in self.consumers:
            self.properties |= each.properties()


class _Guarded:
    """A look whose accidents say which plug-in had them."""

    def __init__(self, name: str, plugin: Plugin, image: Image) -> None:
        self._name = name
        try:
            self._look = plugin.look(image)
        except Exception as error:
            raise self._failed(error) from error

    def update(self, data: Buffer, /) -> None:
        try:
            self._look.update(data)
        except PluginRefused:
            raise
        except Exception as error:
            raise self._failed(error) from error

    def properties(self) -> dict[str, str]:
        try:
            return {_name(name): str(property_value(name, value)) for name, value in self._look.properties().items()}
        except PluginRefused:
            raise
        except Exception as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> PluginFailed:
        _log.exception("import plug-in %s", self._name, exc_info=error)
        said = str(error) if isinstance(error, IntaglioError) else repr(error)
        return PluginFailed(f"The import plug-in {self._name!r} failed: {said}")


def _name(name: str) -> str:
    if name.startswith(SERVICE_PREFIX):
        raise ValueError(f"properties that begin with {SERVICE_PREFIX} are the service's own")
    return property_name(name)
