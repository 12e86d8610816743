"""SCS-0104, standard images: what is offered, and from where. Version 1 goes by names, version 2 (draft) by properties.

Facts: the standard's pages and its lists in the SCS standards repository; releases of Ubuntu and Debian from their own
announcements. A release that is newer than this file is judged by its vendor's hosts only.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from intaglio.manager.scs.subject import Finding, Level, Subject

_UBUNTU = {"20.04": "focal", "22.04": "jammy", "24.04": "noble", "26.04": "resolute"}
_DEBIAN = {"10": "buster", "11": "bullseye", "12": "bookworm", "13": "trixie"}
_DEBIAN_RELEASED = {
    "10": date(2019, 7, 6),
    "11": date(2021, 8, 14),
    "12": date(2023, 6, 10),
    "13": date(2025, 8, 9),
}
_MONTH = 31  # days after a release of Debian until which it may still be missing
_HOSTS = {
    "ubuntu": ("https://cloud-images.ubuntu.com/releases/{}/", "https://cloud-images.ubuntu.com/{}/"),
    "debian": ("https://cloud.debian.org/images/cloud/{}/", "https://cdimage.debian.org/cdimage/cloud/{}/"),
}
_NODES_ON_SWIFT = (
    "https://swift.services.a.regiocloud.tech/swift/v1/AUTH_b182637428444b9aa302bb8d5a5a418c/openstack-k8s-capi-images/"
)
_NODES = ("https://nbg1.your-objectstorage.com/osism/openstack-k8s-capi-images/", _NODES_ON_SWIFT)
_NODES_V1 = (f"{_NODES_ON_SWIFT}ubuntu-2204-kube",)
_NODE_NAME = re.compile(r"ubuntu-capi-image[ -]v[0-9]\.[0-9]+(\.[0-9]+)?")
_NODE_NAME_HYPHEN = re.compile(r"ubuntu-capi-image-v[0-9]\.[0-9]+(\.[0-9]+)?")
_NODE_PROPERTIES = {"os_purpose": "k8snode", "image_description": "https://github.com/osism/k8s-capi-images"}
_NAMED: Mapping[str, Level] = {"Ubuntu 24.04": "must", "Debian 12": "should"}
_NO_PLACE = "-"


def check(subjects: Sequence[Subject], version: int, today: date) -> list[Finding]:
    """What is not as version 1 or 2 wants it."""
    visible = [subject for subject in subjects if not subject.hidden]
    return list(_by_names(visible) if version == 1 else _by_properties(visible, today))


def _by_names(subjects: Sequence[Subject]) -> Iterator[Finding]:
    standard = "scs-0104-v1"
    names = {subject.name: subject for subject in subjects}
    known = {f"Ubuntu {v}": _prefixes("ubuntu", v) for v in _UBUNTU if v != "26.04"}
    known |= {f"Debian {v}": _prefixes("debian", v) for v in _DEBIAN}
    for name, level in _NAMED.items():
        if name not in names:
            yield _missing(standard, level, name)
    for name, prefixes in known.items():
        if name in names:
            yield from _source(standard, names[name], prefixes)
    nodes = [subject for subject in subjects if _NODE_NAME.match(subject.name)]
    if not nodes:
        yield _missing(standard, "should", "ubuntu-capi-image")
    for node in nodes:
        yield from _source(standard, node, _NODES_V1)


def _by_properties(subjects: Sequence[Subject], today: date) -> Iterator[Finding]:
    standard = "scs-0104-v2"
    generic = [subject for subject in subjects if subject.get("os_purpose") == "generic"]
    for level, distribution, release in _wanted(today):
        if not any((each.get("os_distro"), each.get("os_version")) == (distribution, release) for each in generic):
            yield _missing(standard, level, f"{distribution.capitalize()} {release}", " (os_purpose generic)")
    for subject in generic:
        distribution, release = subject.get("os_distro"), subject.get("os_version")
        if distribution in _HOSTS:
            yield from _source(standard, subject, _prefixes(distribution, release))
    if not any(_NODE_NAME_HYPHEN.fullmatch(subject.name) for subject in subjects):
        yield _missing(standard, "should", "ubuntu-capi-image-v…")
    for subject in subjects:
        if _NODE_NAME.fullmatch(subject.name):
            yield from _source(standard, subject, _NODES)
            yield from _node_properties(standard, subject)


def _wanted(today: date) -> Iterator[tuple[Level, str, str]]:
    """The releases that are to be offered on a day: an LTS counts from the end of its April on."""
    newest = today.year - today.year % 2
    if today < date(newest, 4, 30):
        newest -= 2
    yield "must", "ubuntu", f"{newest % 100}.04"
    yield "should", "ubuntu", f"{newest % 100 - 2}.04"
    out = [release for release, day in _DEBIAN_RELEASED.items() if (today - day).days >= _MONTH]
    for release in sorted(out, key=int)[-2:]:
        yield "should", "debian", release


def _prefixes(distribution: str, release: str) -> tuple[str, ...]:
    codename = {"ubuntu": _UBUNTU, "debian": _DEBIAN}[distribution].get(release)
    if codename is None:
        return tuple(host.partition("{}")[0] for host in _HOSTS[distribution])
    return tuple(host.format(codename) for host in _HOSTS[distribution])


def _source(standard: str, subject: Subject, prefixes: Sequence[str]) -> Iterator[Finding]:
    said = subject.get("image_source")
    if not said.startswith(tuple(prefixes)):
        message = f"'image_source' is '{said}', and has to begin with {' or '.join(prefixes)}"
        yield _finding(standard, "source", "must", subject, message)


def _node_properties(standard: str, subject: Subject) -> Iterator[Finding]:
    for name, value in _NODE_PROPERTIES.items():
        if subject.get(name) != value:
            yield _finding(standard, "capi", "must", subject, f"'{name}' is {value}, not '{subject.get(name)}'")


def _finding(standard: str, rule: str, level: Level, subject: Subject, message: str) -> Finding:
    return Finding(standard=standard, rule=rule, level=level, image=subject.name, where=subject.where, message=message)


def _missing(standard: str, level: Level, name: str, more: str = "") -> Finding:
    word = "has to" if level == "must" else "should"
    message = f"no public image is '{name}'{more}, and one {word} be"
    return Finding(standard=standard, rule="image", level=level, image=name, where=_NO_PLACE, message=message)
