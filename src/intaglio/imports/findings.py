"""What is learnt of an image from its data while they pass, and becomes its properties."""

from collections.abc import Mapping

from intaglio.domain.image import Image
from intaglio.formats.ovf import ovf_properties
from intaglio.imports.base import Bench
from intaglio.imports.plugins import Looks
from intaglio.ingest.base import Ingested


class Findings:
    """The findings of one import; an attempt that is begun again begins them anew, but for what is told of all data."""

    def __init__(self, bench: Bench, image: Image) -> None:
        self._bench = bench
        self._image = image
        self._described: Mapping[str, str] = {}
        self._looks = Looks({}, image)

    def begin(self) -> Looks:
        """What the plug-ins of other packages see the bytes with. Raises `PluginFailed`."""
        self._looks = Looks(self._bench.plugins, self._image)
        return self._looks

    def describe(self, document: bytes) -> None:
        """Take the OVF description that stood beside the disk."""
        if self._bench.introspects and self._bench.ovf:
            self._described = ovf_properties(document, self._bench.ovf)

    def properties(self, facts: Ingested) -> Mapping[str, str]:
        """All of it; what a plug-in says is preferred."""
        own = {**self._described, **facts.facts} if self._bench.introspects else {}
        return {**own, **self._looks.properties}
