"""SCS-0102, image metadata, versions 1 (stable) and 2 (draft), as its text says and its test suite reads it.

Facts: the standard's pages and its tests in the SCS standards repository, of October 2026.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from intaglio.manager.reading import is_validity
from intaglio.manager.scs.subject import Finding, Level, Subject, is_address, moment

_ARCHITECTURES = ("x86_64", "aarch64", "risc-v")
_BUSES = ("virtio", "scsi")
_HYPERVISORS = ("qemu", "kvm", "xen", "hyper-v", "hyperv", "esxi", "vmware")
_PURPOSES = ("generic", "minimal", "k8snode", "gpu", "network", "custom")
_FREQUENCIES: Mapping[str, timedelta | None] = {
    "yearly": timedelta(days=365),
    "quarterly": timedelta(days=92),
    "monthly": timedelta(days=31),
    "weekly": timedelta(hours=7 * 25),
    "daily": timedelta(hours=25),
    "critical_bug": None,
    "never": None,
}
_PATIENCE = 1.1
_GIB = 1 << 30
_LITTLE_RAM = 64
_MARKS = ("old", "prev")
_RECOMMENDED = ("hypervisor_type", "hw_rng_model")  # others only where an image has what they are about

Said = Iterator[tuple[str, Level, str]]
"""Rule, level, message."""


def check(subjects: Sequence[Subject], version: int, now: datetime) -> list[Finding]:
    """What is not as version 1 or 2 wants it."""
    standard = f"scs-0102-v{version}"
    found = [
        Finding(standard=standard, rule=rule, level=level, image=each.name, where=each.where, message=message)
        for each in subjects
        for judge in _JUDGES
        for rule, level, message in judge(each, version, now)
    ]
    return [*found, *_recency(subjects, standard, now), *_uniqueness(subjects, standard)]


def _hardware(subject: Subject, version: int, _now: datetime) -> Said:
    yield from _one_of(subject, "architecture", _ARCHITECTURES, "must")
    yield from _one_of(subject, "hw_disk_bus", _BUSES, "must")
    purposes = (*_PURPOSES, "oldgeneric") if version > 1 else _PURPOSES
    yield from _one_of(subject, "os_purpose", purposes, "must" if version > 1 else "should")
    for name in ("os_version", "os_distro"):
        if not subject.get(name):
            yield f"prop-{name}", "must", f"'{name}' is missing"
    for name in _RECOMMENDED:
        if not subject.get(name):
            yield f"prop-{name}", "should", f"'{name}' is missing, which is recommended"
    if subject.get("hypervisor_type"):
        yield from _one_of(subject, "hypervisor_type", _HYPERVISORS, "must")
    if subject.get("hw_rng_model"):
        yield from _one_of(subject, "hw_rng_model", ("virtio",), "must")
    if subject.get("hw_disk_bus") == "scsi" and not subject.get("hw_scsi_model"):
        yield "prop-hw_scsi_model", "should", "'hw_scsi_model' is missing, which is recommended beside hw_disk_bus scsi"


def _sizes(subject: Subject, _version: int, _now: datetime) -> Said:
    if subject.min_disk == 0:
        yield "prop-min_disk", "must", "min_disk is not set"
    elif subject.min_disk and subject.size and subject.min_disk * _GIB < subject.size:
        yield "prop-min_disk", "must", f"min_disk is {subject.min_disk} GiB, less than the image's {subject.size} bytes"
    if not subject.min_ram:
        yield "prop-min_ram", "must", "min_ram is not set"
    elif subject.min_ram < _LITTLE_RAM:
        yield "prop-min_ram", "should", f"min_ram is {subject.min_ram} MiB, which starts hardly anything"
    if subject.created_at is not None and subject.hash_algorithm not in {"sha256", "sha512"}:
        yield "prop-hash_algo", "should", f"the image's digest is a {subject.hash_algorithm}, not a sha256 or sha512"


def _origin(subject: Subject, _version: int, _now: datetime) -> Said:
    source = subject.get("image_source")
    if source != "private" and not is_address(source):
        yield "prop-image_source", "must", f"'image_source' is a URL or the word private, not '{source}'"
    for name in ("image_description", "image_original_user"):
        if not subject.get(name):
            yield f"prop-{name}", "must", f"'{name}' is missing"
    for start in ("managed_by_", "os:"):
        if not any(tag.startswith(start) for tag in subject.tags):
            yield "tags", "should", f"no tag begins with '{start}'"


def _dates(subject: Subject, _version: int, now: datetime) -> Said:
    said = subject.get("image_build_date")
    built, registered = moment(said), moment(subject.created_at or "")
    if built is None:
        yield "prop-image_build_date", "must", f"'image_build_date' is a date such as 2026-01-31, not '{said}'"
    elif registered is not None and built > registered:
        yield "prop-image_build_date", "must", f"'image_build_date', {said}, is after the registration"
    if built is not None and built > now:
        yield "prop-image_build_date", "must", f"'image_build_date', {said}, is in the future"


def _promises(subject: Subject, _version: int, _now: datetime) -> Said:
    yield from _one_of(subject, "replace_frequency", tuple(_FREQUENCIES), "must")
    until, validity, hours = (subject.get(name) for name in ("provided_until", "uuid_validity", "hotfix_hours"))
    if until not in {"none", "notice"} and moment(until) is None:
        yield "prop-provided_until", "must", f"'provided_until' is none, notice or a date, not '{until}'"
    if not validity or not is_validity(validity):
        said = "'uuid_validity' is none, notice, forever, last-N or a date"
        yield "prop-uuid_validity", "must", f"{said}, not '{validity}'"
    if hours and not (hours.isascii() and hours.isdigit()):
        yield "prop-hotfix_hours", "must", f"'hotfix_hours' is a number, not '{hours}'"


def _one_of(subject: Subject, name: str, values: Sequence[str], level: Level) -> Said:
    value = subject.get(name)
    if value not in values:
        yield f"prop-{name}", level, f"'{name}' is one of {', '.join(values)}, not '{value}'"


_JUDGES: Sequence[Callable[[Subject, int, datetime], Said]] = (_hardware, _sizes, _origin, _dates, _promises)


def _recency(subjects: Sequence[Subject], standard: str, now: datetime) -> Iterator[Finding]:
    """Images older than they promise need a newer one under the name without its last word."""
    names = {subject.name: subject for subject in subjects}
    for subject in subjects:
        if not _outdated(subject, now):
            continue
        base = subject.name.rpartition(" ")[0].rstrip()
        newer = names.get(base) if base else None
        if newer is None or _outdated(newer, now):
            promise = subject.get("replace_frequency")
            message = f"it is older than its replace_frequency, {promise}, allows, and no newer one takes its place"
            yield _finding(standard, "image-recency", "must", subject, message)
        elif not subject.hidden and not _is_marked(subject.name):
            message = "it is outdated, and neither hidden nor named with a date as its last word"
            yield _finding(standard, "image-recency", "should", subject, message)


def _outdated(subject: Subject, now: datetime) -> bool:
    period = _FREQUENCIES.get(subject.get("replace_frequency"))
    since = moment(subject.get("image_build_date")) or moment(subject.created_at or "")
    if period is None or since is None or now <= since + _PATIENCE * period:
        return False
    until = moment(subject.get("provided_until"))
    return until is not None and now <= until


def _is_marked(name: str) -> bool:
    word = name.rpartition(" ")[2]
    compact = len(word) == 8 and word.isdigit() and moment(f"{word[:4]}-{word[4:6]}-{word[6:]}") is not None  # noqa: PLR2004 - 20260131
    return word in _MARKS or compact or moment(word) is not None


def _uniqueness(subjects: Sequence[Subject], standard: str) -> Iterator[Finding]:
    """One visible generic image for each architecture, distribution and version."""
    kinds: dict[tuple[str, ...], list[Subject]] = defaultdict(list)
    for subject in subjects:
        kind = tuple(subject.get(name) for name in ("architecture", "os_distro", "os_version"))
        if not subject.hidden and subject.get("os_purpose") == "generic" and kind[1] and kind[2]:
            kinds[kind].append(subject)
    for kind, same in kinds.items():
        for subject in same if len(same) > 1 else ():
            others = ", ".join(f"'{each.name}'" for each in same if each is not subject)
            message = f"{others} is generic for {' '.join(kind)}, too; only one may be"
            yield _finding(standard, "os_purpose-uniqueness", "must", subject, message)


def _finding(standard: str, rule: str, level: Level, subject: Subject, message: str) -> Finding:
    return Finding(standard=standard, rule=rule, level=level, image=subject.name, where=subject.where, message=message)
