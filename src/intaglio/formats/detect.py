"""Recognising the disk format of a stream while it passes, with oslo.utils' inspectors. The rules are in `judge`.

The result does not depend on how the stream is cut, since inspectors are shown aligned pieces of `PIECE` bytes whatever
arrives. Hardly anything of a stream is looked at: every inspector has its signature in the first 34 KiB, so after one
piece those that do not match are done with, and one that matches says when it has seen enough.
"""

from oslo_utils.imageutils import format_inspector

from intaglio.formats.base import Buffer

PIECE = 64 * 1024
"""Bytes shown at once. A multiple of it starts every part of a VHDX: in larger pieces its inspector overlooks some."""

KNOWN = frozenset(format_inspector.ALL_FORMATS) - {"raw"}
_GROWING = frozenset({"gpt", "luks"})


class Match:
    """One format that the content has the signature of."""

    def __init__(self, inspector: format_inspector.FileInspector) -> None:
        self._inspector = inspector
        self._broken = False
        self.name: str = inspector.NAME

    @property
    def signed(self) -> bool:
        """Whether the content bears this format's signature: no, if the inspector fails on the question."""
        try:
            return bool(self._inspector.format_match)
        except Exception:  # noqa: BLE001 - the VMDK inspector raises AttributeError on a text that is not ASCII
            return False

    @property
    def descriptor(self) -> str:
        """The text of a VMDK's descriptor, in small letters; "" when there is none."""
        text: str | None = getattr(self._inspector, "desc_text", None)
        return text or ""

    def region(self, name: str) -> bytes:
        """The bytes that the inspector kept under that name."""
        return bytes(self._inspector.region(name).data)

    @property
    def settled(self) -> bool:
        """Whether further bytes change nothing."""
        return self._broken or bool(self._inspector.complete)

    @property
    def awaits_end(self) -> int:
        """How many of the last bytes of the stream are all that is still to be seen; 0 when that is not so."""
        regions = [self._inspector.region(name) for name in self._inspector.context_info]
        ends = [region.length for region in regions if isinstance(region, format_inspector.EndCaptureRegion)]
        others = (each for each in regions if not isinstance(each, format_inspector.EndCaptureRegion))
        return max(ends, default=0) if all(region.complete for region in others) else 0

    def show(self, piece: bytes) -> None:
        """Let the inspector see the next bytes; one that fails is shown no more and judged by what it had."""
        if not self._broken:
            try:
                self._inspector.eat_chunk(piece)
            except Exception:  # noqa: BLE001 - hostile content may make it raise anything
                self._broken = True

    def end(self) -> None:
        """Say that the stream has ended."""
        self._inspector.finish()

    def violations(self) -> frozenset[str]:
        """Names of the safety checks that fail; "incomplete" when the content ends before they can be made."""
        try:
            self._inspector.safety_check()
        except format_inspector.SafetyCheckFailed as failed:
            return frozenset(failed.failures)
        except format_inspector.ImageFormatError:
            return frozenset({"incomplete"})
        return frozenset()

    def virtual_size(self, size: int) -> int | None:
        """Bytes of the disk inside a stream of `size` bytes by its header; 0 when it does not say, None if damaged."""
        try:
            virtual = int(self._inspector.virtual_size)
            unseen = size - int(self._inspector.actual_size)
        except Exception:  # noqa: BLE001 - hostile content may make it raise anything
            return None
        return virtual + unseen if self.name in _GROWING else virtual


class Detector:
    """Finds what formats a stream has: `feed` it in order while `wants_more`, then `finish`.

    `matches` is None until that is settled, which is after the first piece or at the end of a shorter stream.
    """

    def __init__(self) -> None:
        self._watching = [Match(make()) for name, make in format_inspector.ALL_FORMATS.items() if name in KNOWN]
        self._piece = bytearray()
        self._tail = 0
        self.matches: tuple[Match, ...] | None = None

    @property
    def wants_more(self) -> bool:
        """Whether bytes that follow could still change anything."""
        return bool(self._watching)

    def feed(self, buffer: Buffer) -> bool:
        """Look at the next bytes, whatever their number, keeping no reference to them. True when that told anything."""
        told = False
        with memoryview(buffer) as view:
            taken = 0
            while self._watching and not self._tail and taken < len(view):
                piece = view[taken : taken + PIECE - len(self._piece)]
                self._piece += piece
                taken += len(piece)
                if len(self._piece) == PIECE:
                    self._show()
                    told = True
            if self._tail:
                self._piece += view[max(taken, len(view) - self._tail) :]
                del self._piece[: -self._tail]
        return told

    def finish(self) -> tuple[Match, ...]:
        """Everything that matches, the stream having ended."""
        if self._watching and self._piece:
            self._show()
        for match in self._watching:
            match.end()
        self._watching = []
        if self.matches is None:  # an empty stream
            self.matches = ()
        return self.matches

    def _show(self) -> None:
        piece = bytes(self._piece)
        self._piece.clear()
        for match in self._watching:
            match.show(piece)
        if self.matches is None:
            self.matches = tuple(match for match in self._watching if match.signed)
        self._watching = [match for match in self.matches if not match.settled]
        ends = [match.awaits_end for match in self._watching]
        self._tail = max(ends) if ends and all(ends) else 0
