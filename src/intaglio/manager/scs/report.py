"""All standards that are known here, by their names, and a report about a set of images."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from intaglio.manager.scs import images, metadata
from intaglio.manager.scs.subject import Finding, Subject

STANDARDS: Mapping[str, Callable[[Sequence[Subject], datetime], list[Finding]]] = {
    "scs-0102-v1": lambda subjects, now: metadata.check(subjects, 1, now),
    "scs-0102-v2": lambda subjects, now: metadata.check(subjects, 2, now),
    "scs-0104-v1": lambda subjects, now: images.check(subjects, 1, now.date()),
    "scs-0104-v2": lambda subjects, now: images.check(subjects, 2, now.date()),
}


def findings(subjects: Sequence[Subject], standards: Sequence[str], now: datetime) -> list[Finding]:
    """What is not as these standards want it; musts before shoulds, then by image."""
    found = [finding for name in standards for finding in STANDARDS[name](subjects, now)]
    return sorted(found, key=lambda each: (each.standard, each.level, each.image, each.rule))
