"""The rules by which content is accepted for an image of a declared format, or refused."""

import importlib.metadata
from collections.abc import Iterable
from types import MappingProxyType

from intaglio.formats.base import Buffer, FormatMismatch, UnsafeContent, Verdict
from intaglio.formats.detect import KNOWN, Detector, Match
from intaglio.formats.facts import facts
from intaglio.formats.settings import FormatSettings

_INSPECTED_CONTAINER = "bare"
_BOOT_SECTOR_FORMATS = frozenset({"aki", "ari"})
_MAX_SIZE = 2**63 - 1  # what the database holds, and more than any file system
_REASONS = MappingProxyType(
    {
        "backing_file": "it names a backing file",
        "banned": "this format is never accepted",
        "data_file": "it keeps its data in another file",
        "descriptor": "its descriptor is missing, of an unsupported type, or names extents outside the image",
        "footer": "its footer contradicts its header",
        "incomplete": "it ends before everything that must be checked",
        "mbr": "its partition table is not sound",
        "unknown_features": "it uses unknown features",
        "version": "this version of the format is not supported",
    }
)

_RULES = 1
"""Counts up with every change of the rules in this module that could make another verdict of the same content."""


def rule_set(settings: FormatSettings) -> str:
    """What names the rules that verdicts are made by: ours, the inspectors', and what the operator chose.

    Content that was accepted under another name may be refused under this one, and the other way round.
    """
    words = [str(_RULES), f"oslo.utils-{importlib.metadata.version('oslo.utils')}"]
    if not settings.require_image_format_match:
        words.append("any-format")
    if settings.gpt_safety_checks_nonfatal:
        words.append("tolerates-" + "-".join(sorted(settings.gpt_safety_checks_nonfatal)))
    return "/".join(words)[:255]


class Inspection:
    """Judges one stream of bytes: `feed` it in order while `wants_more`, then ask for the verdict with `finish`.

    Both raise `FormatMismatch` or `UnsafeContent`; `feed` does so as soon as no further byte could change it.
    """

    def __init__(self, settings: FormatSettings, disk_format: str, container_format: str) -> None:
        self._settings = settings
        self._declared = disk_format
        self._detector = Detector() if container_format == _INSPECTED_CONTAINER else None

    @property
    def wants_more(self) -> bool:
        """Whether bytes that follow could still change the verdict; when not, they need not be fed."""
        return self._detector is not None and self._detector.wants_more

    def feed(self, buffer: Buffer) -> None:
        """Look at the next bytes of the stream, whatever their number; no reference to them is kept."""
        if self._detector is not None and self._detector.feed(buffer) and self._detector.matches is not None:
            self._judge(match for match in self._agreed(self._detector.matches) if match.settled)

    def finish(self, size: int) -> Verdict:
        """The verdict on the whole stream, which was `size` bytes long."""
        if self._detector is None:
            return Verdict(None, None)
        matches = self._agreed(self._detector.finish())
        self._judge(matches)
        detected = "+".join(sorted(match.name for match in matches)) or "raw"
        return Verdict(detected, self._virtual_size(matches, size) or None, facts(matches))

    def _agreed(self, found: Iterable[Match]) -> list[Match]:
        """The formats that the content is taken for; `FormatMismatch` when the declared one is not among them."""
        matches = {match.name: match for match in found}
        if matches.keys() == {"iso", "gpt"}:
            del matches["gpt"]  # a boot sector in front of an ISO makes it bootable from a disk, too
        if self._settings.require_image_format_match:
            self._require_match(sorted(matches))
        return [matches[self._declared]] if self._declared in matches else list(matches.values())

    def _require_match(self, names: list[str]) -> None:
        if len(names) > 1:
            raise FormatMismatch(f"The data are several disk formats at once: {', '.join(names)}.")
        detected = names[0] if names else "raw"
        if self._declared in {"raw", detected}:
            return
        # what has no detector is only known not to be something else; a partition table says nothing against it
        if self._declared in KNOWN or detected not in {"raw", "gpt"}:
            raise FormatMismatch(f"The data are {detected}, not {self._declared} as disk_format says.")

    def _judge(self, matches: Iterable[Match]) -> None:
        for match in matches:
            if fatal := match.violations() - self._tolerated(match):
                reasons = "; ".join(_REASONS.get(name, f"it fails the check {name!r}") for name in sorted(fatal))
                raise UnsafeContent(f"The data are {match.name} and not safe: {reasons}.")

    def _tolerated(self, match: Match) -> frozenset[str]:
        if match.name != "gpt":
            return frozenset()
        kernel = {"mbr"} if self._declared in _BOOT_SECTOR_FORMATS else set()  # these imitate a boot sector
        return frozenset(self._settings.gpt_safety_checks_nonfatal) | kernel

    def _virtual_size(self, matches: Iterable[Match], size: int) -> int | None:
        if self._declared == "raw":
            return size
        for match in matches:
            if match.name == self._declared:
                virtual = match.virtual_size(size)
                if virtual is None or not 0 <= virtual <= _MAX_SIZE:
                    raise UnsafeContent(f"The data are {match.name} and not safe: the disk size in them is damaged.")
                return virtual
        return None
