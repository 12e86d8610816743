"""What an inspection results in: a verdict, or one of the two refusals."""

from collections.abc import Mapping

import msgspec

from intaglio.base.errors import UnsupportedMedia

Buffer = bytes | bytearray | memoryview


class FormatMismatch(UnsupportedMedia):
    """The content is not what its declared disk format says, or is several formats at once."""

    code = "format-mismatch"


class UnsafeContent(UnsupportedMedia):
    """The content would make a tool that opens it reach outside the image, or its safety cannot be settled."""

    code = "unsafe-content"


class Verdict(msgspec.Struct, frozen=True):
    """Content that was accepted.

    `detected` is the recognised format, "raw" when none was, None when the container is not one that is inspected.
    `virtual_size` is the size in bytes of the disk that a guest sees, None when unknown. `facts` are what the content
    says of itself, as image properties.
    """

    detected: str | None
    virtual_size: int | None
    facts: Mapping[str, str] = {}
