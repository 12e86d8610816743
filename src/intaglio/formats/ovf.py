"""What an OVF description (DSP0243) says of the processors that its system wants, in the words of CIM.

Only character data of elements in one namespace are looked at; a document with a type declaration is not read, since
entities could make a small text large or take in other files.
"""

from collections.abc import Collection
from xml.parsers import expat

_NAMESPACE = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ProcessorAllocationSettingData"
_PREFIX = "cim_pasd_"
_LONGEST = 255  # characters of a value


def ovf_properties(document: bytes, wanted: Collection[str]) -> dict[str, str]:
    """Those `wanted` that the document has, as image properties with Glance's names; none when it is unsound."""
    reader = _Reader(wanted)
    try:
        reader.parse(document)
    except (expat.ExpatError, _Declared, ValueError):
        return {}
    return reader.found


class _Declared(Exception):
    """The document declares its own type."""


class _Reader:
    def __init__(self, wanted: Collection[str]) -> None:
        self.found: dict[str, str] = {}
        self._wanted = wanted
        self._name: str | None = None
        self._text = ""

    def parse(self, document: bytes) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartDoctypeDeclHandler = self._refuse
        parser.StartElementHandler = self._begin
        parser.CharacterDataHandler = self._take
        parser.EndElementHandler = self._end
        parser.Parse(document, True)  # noqa: FBT003 - expat takes it by position

    def _refuse(self, *_: object) -> None:
        raise _Declared

    def _begin(self, tag: str, _: object) -> None:
        namespace, _, name = tag.rpartition(" ")
        self._name = name if namespace == _NAMESPACE and name in self._wanted else None
        self._text = ""

    def _take(self, text: str) -> None:
        if self._name is not None:
            self._text = (self._text + text)[: _LONGEST * 4]

    def _end(self, _: str) -> None:
        if self._name is not None:
            self.found[_PREFIX + self._name] = self._text.strip()[:_LONGEST]
        self._name = None
