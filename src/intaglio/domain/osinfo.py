"""Operating systems as libosinfo's database knows them: which there are, and what hardware they drive.

Source: the osinfo-db format (libosinfo.org) and, for what devices are called there, the PCI and USB ids. The values of
image properties are Nova's.
"""

import difflib
import re
from collections.abc import Iterable, Mapping

import msgspec

from intaglio.domain.metadefs.vocabulary import Finding, Severity

OS_PROPERTIES = frozenset({"os_distro", "os_version", "os_name"})

_MIB, _GIB = 1 << 20, 1 << 30
_SHOWN = 12
_PCI = "http://pcisig.com/pci/"


class Os(msgspec.Struct, frozen=True, kw_only=True):
    """One release of one operating system, as one file of the database says. Sizes are bytes."""

    id: str
    short_ids: tuple[str, ...] = ()
    name: str = ""
    version: str = ""
    distro: str = ""
    parents: tuple[str, ...] = ()  # ids of those it derives from or clones
    devices: Mapping[str, bool] = {}  # by id; False takes back what a parent has
    firmware: Mapping[tuple[str, str], bool] = {}  # by architecture and type
    ram: int | None = None  # recommended, or else the least
    storage: int | None = None


class Suggestion(msgspec.Struct, frozen=True):
    """A value for an image's field or property, and what it is concluded from.

    `certain`: it suits whatever was installed; otherwise it suits the system, and whoever made the image knows more.
    """

    name: str
    value: str
    reason: str
    certain: bool = True


# from the best choice to the last; the first whose device the system drives is proposed
_CHOICES: tuple[tuple[str, tuple[tuple[str, tuple[str, ...], str], ...]], ...] = (
    (
        "hw_disk_bus",
        (
            ("virtio", (f"{_PCI}1af4/1042", f"{_PCI}1af4/1001"), "a virtio block device"),
            ("scsi", (f"{_PCI}1af4/1048", f"{_PCI}1af4/1004"), "a virtio SCSI controller"),
            ("sata", (f"{_PCI}8086/2922",), "an AHCI controller"),
            ("ide", (f"{_PCI}8086/7010",), "a PIIX3 IDE controller"),
        ),
    ),
    (
        "hw_scsi_model",
        (("virtio-scsi", (f"{_PCI}1af4/1048", f"{_PCI}1af4/1004"), "a virtio SCSI controller"),),
    ),
    (
        "hw_vif_model",
        (
            ("virtio", (f"{_PCI}1af4/1041", f"{_PCI}1af4/1000"), "a virtio network card"),
            ("e1000e", (f"{_PCI}8086/10d3",), "an Intel 82574L network card"),
            ("e1000", (f"{_PCI}8086/100e",), "an Intel 82540EM network card"),
            ("rtl8139", (f"{_PCI}10ec/8139",), "a Realtek 8139 network card"),
            ("pcnet", (f"{_PCI}1022/2000",), "an AMD PCnet network card"),
            ("ne2k_pci", (f"{_PCI}10ec/8029",), "an NE2000 network card"),
        ),
    ),
    ("hw_machine_type", (("q35", ("http://qemu.org/chipset/x86/q35",), "the Q35 chipset"),)),
    (
        "hw_video_model",
        (
            ("virtio", (f"{_PCI}1af4/1050",), "a virtio graphics card"),
            ("qxl", (f"{_PCI}1b36/0100",), "a QXL graphics card"),
            ("vga", (f"{_PCI}1234/1111",), "a standard VGA card"),
        ),
    ),
    ("hw_rng_model", (("virtio", (f"{_PCI}1af4/1044", f"{_PCI}1af4/1005"), "a virtio random number generator"),)),
    ("hw_pointer_model", (("usbtablet", ("http://usb.org/usb/80ee/0021",), "a USB tablet"),)),
)
_X86 = frozenset({"x86_64", "i686"})
_X86_ONLY = frozenset({"hw_machine_type"})


class OsCatalogue:
    """All systems of a database."""

    def __init__(self, systems: Iterable[Os]) -> None:
        self._by_id: dict[str, Os] = {}
        self._names: dict[str, Os] = {}  # by short id and id
        self._distros: dict[str, list[Os]] = {}
        for system in systems:
            self._by_id[system.id] = system
            for name in (system.id, *system.short_ids):
                self._names[name.lower()] = system
            if system.distro:
                self._distros.setdefault(system.distro.lower(), []).append(system)

    def __len__(self) -> int:
        return len(self._by_id)

    def find(self, properties: Mapping[str, str]) -> Os | None:
        """The system an image's `os_distro` and `os_version` name; None when that is not one of the database."""
        distro, version = properties.get("os_distro", "").lower(), properties.get("os_version", "")
        if distro in self._names:
            return self._names[distro]
        return next((system for system in self._distros.get(distro, ()) if version and system.version == version), None)

    def check(self, properties: Mapping[str, str]) -> tuple[Finding, ...]:
        """What in `os_distro`, `os_version` and `os_name` the database does not know.

        Of a distribution it knows, it may be too old to know the version: only the distribution's name is an error.
        """
        distro = properties.get("os_distro")
        if distro is None:
            return ()
        if distro not in self._names and distro not in self._distros:
            return (self._unknown_distro(distro),)
        found = (self._check_version(distro, properties), self._check_name(properties))
        return tuple(finding for finding in found if finding is not None)

    def suggest(self, properties: Mapping[str, str]) -> tuple[Suggestion, ...]:
        """Hardware for the system that `properties` name: nothing when the database does not know it."""
        system = self.find(properties)
        if system is None:
            return ()
        arch = properties.get("architecture") or properties.get("hw_architecture") or "x86_64"
        devices = {name for name, there in self._devices(system.id, frozenset()).items() if there}
        found = [
            Suggestion(name, value, f"{system.name} drives {what}")
            for name, choices in _CHOICES
            if arch in _X86 or name not in _X86_ONLY
            for value, what in (_best(choices, devices),)
            if value
        ]
        buses = {each.value for each in found if each.name == "hw_disk_bus"} | {properties.get("hw_disk_bus", "")}
        found = [each for each in found if each.name != "hw_scsi_model" or "scsi" in buses]
        return (*found, *self._suggest_firmware(system, arch), *_resources(system))

    def _suggest_firmware(self, system: Os, arch: str) -> Iterable[Suggestion]:
        """UEFI: certainly where the system boots by nothing else, or the architecture has nothing else."""
        firmware = self._firmware(system.id, frozenset())
        if firmware.get((arch, "efi")):
            only = firmware.get((arch, "bios")) is False or arch not in _X86
            also = "" if only else " too, if it was installed for that"
            yield Suggestion("hw_firmware_type", "uefi", f"{system.name} boots by UEFI on {arch}{also}", certain=only)

    def _check_version(self, distro: str, properties: Mapping[str, str]) -> Finding | None:
        version = properties.get("os_version")
        known = [system.version for system in self._systems(distro) if system.version]
        if version is None or not known or version in known:
            return None
        newest = sorted(set(known), key=_by_numbers, reverse=True)[:_SHOWN]
        said = f"libosinfo's database knows of {distro} the versions {_listed(newest)}"
        return _finding(Severity.WARNING, "os_version", version, said)

    def _check_name(self, properties: Mapping[str, str]) -> Finding | None:
        name, system = properties.get("os_name"), self.find(properties)
        if name is None or system is None or name in {system.name, *system.short_ids, system.id}:
            return None
        return _finding(Severity.WARNING, "os_name", name, f"libosinfo's database calls this system '{system.name}'")

    def _unknown_distro(self, distro: str) -> Finding:
        near = difflib.get_close_matches(distro.lower(), [*self._distros, *self._names], n=3, cutoff=0.6)
        said = "must be a distribution or a short id of libosinfo's database"
        return _finding(Severity.ERROR, "os_distro", distro, said + (f", such as {_listed(near)}" if near else ""))

    def _systems(self, distro: str) -> list[Os]:
        named = self._names.get(distro.lower())
        return [named] if named is not None else self._distros.get(distro.lower(), [])

    def _devices(self, os_id: str, seen: frozenset[str]) -> dict[str, bool]:
        system = self._by_id.get(os_id)
        if system is None or os_id in seen:
            return {}
        found: dict[str, bool] = {}
        for parent in system.parents:
            found |= self._devices(parent, seen | {os_id})
        return {**found, **system.devices}

    def _firmware(self, os_id: str, seen: frozenset[str]) -> dict[tuple[str, str], bool]:
        system = self._by_id.get(os_id)
        if system is None or os_id in seen:
            return {}
        found: dict[tuple[str, str], bool] = {}
        for parent in system.parents:
            found |= self._firmware(parent, seen | {os_id})
        return {**found, **system.firmware}


def _best(choices: Iterable[tuple[str, tuple[str, ...], str]], devices: set[str]) -> tuple[str, str]:
    for value, ids, what in choices:
        if devices & set(ids):
            return value, what
    return "", ""


def _resources(system: Os) -> Iterable[Suggestion]:
    """Whole MiB of memory and whole GiB of disk, rounded up."""
    if system.ram:
        yield Suggestion("min_ram", str(-(-system.ram // _MIB)), f"what {system.name} is recommended to have")
    if system.storage:
        yield Suggestion("min_disk", str(-(-system.storage // _GIB)), f"what {system.name} is recommended to have")


def _finding(severity: Severity, name: str, value: str, allowed: str) -> Finding:
    return Finding(severity=severity, code="os-unknown", name=name, value=value, allowed=allowed, namespace="libosinfo")


def _by_numbers(version: str) -> tuple[list[int], str]:
    """8 before 11, and words such as testing before all numbers."""
    return [int(number) for number in re.findall("[0-9]+", version)], version


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
