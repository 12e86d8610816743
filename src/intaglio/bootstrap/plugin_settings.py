"""The plug-ins of imports: `[image_import_opts]`, `[inject_metadata_properties]`, and our bounds of unpacking."""

from pathlib import Path

import msgspec

from intaglio.bootstrap.problems import Level, Problem
from intaglio.bootstrap.reading import Reading
from intaglio.imports import plugins
from intaglio.imports.conversion import Conversion, Signed
from intaglio.imports.settings import CONVERT, INJECT, INTROSPECT, KNOWN, UNPACK, PluginSettings
from intaglio.ingest.conversion import sandbox
from intaglio.ingest.conversion.base import ConversionSettings
from intaglio.ingest.conversion.qemu import PROGRAM
from intaglio.ingest.unpacking import UnpackingLimits

GROUP = "image_import_opts"
OVF_FILE_NAME = "ovf-metadata.json"
_OPTION = "image_import_plugins"


class _Ovf(msgspec.Struct):
    """The file that lists what of an OVA's description becomes properties, as Glance reads it."""

    cim_pasd: tuple[str, ...] = ()


def plugin_settings(reading: Reading, data_dir: Path, ovf_file: Path | None) -> PluginSettings:
    """All of it; an order that could not work is a problem, and the service does not start with it."""
    order: tuple[str, ...] = tuple(reading.get(GROUP, _OPTION))
    _check(reading, order)
    return PluginSettings(
        order=order,
        inject={
            name.strip("\"'"): value.strip("\"'")  # quotes are in many examples, and meant as such
            for name, value in reading.get("inject_metadata_properties", "inject")
        },
        ignore_user_roles=tuple(reading.get("inject_metadata_properties", "ignore_user_roles")),
        limits=UnpackingLimits(
            ratio=reading.get("intaglio", "unpack_ratio"), free=reading.get("intaglio", "unpack_free_gib") << 30
        ),
        conversion=_conversion(reading, data_dir) if CONVERT in order else None,
        ovf=() if ovf_file is None else _ovf(reading, ovf_file),
    )


def _conversion(reading: Reading, data_dir: Path) -> Conversion:
    scratch = reading.get("task", "work_dir")
    _check_tools(reading)
    return Conversion(
        settings=ConversionSettings(
            output_format=reading.get("image_conversion", "output_format"),
            vmdk_types=tuple(reading.get("image_format", "vmdk_allowed_types")),
            memory=reading.get("intaglio", "convert_memory_mib") << 20,
            seconds=reading.get("intaglio", "convert_minutes") * 60,
            work_dir=Path(scratch).expanduser().absolute() if scratch else data_dir / "converting",
        ),
        signed=Signed(reading.get("intaglio", "convert_signed")),
    )


def _check_tools(reading: Reading) -> None:
    """Say what this machine lacks for converting; another one may run the workers."""
    lacking = sandbox.missing(PROGRAM)
    if lacking:
        message = f"This machine has no {' and no '.join(lacking)}: its workers convert from qcow2 to raw, no more."
    else:
        message = sandbox.walls().said
    if message:
        reading.complain(GROUP, _OPTION, message, code="conversion-tools", level=Level.WARNING)


def _check(reading: Reading, order: tuple[str, ...]) -> None:
    foreign = plugins.found() if set(order) - set(KNOWN) else frozenset()
    for name in order:
        if name not in KNOWN and name not in foreign:
            there = ", ".join((*KNOWN, *sorted(foreign)))
            message = f"There is no plug-in {name!r}; there are {there}."
            reading.complain(GROUP, _OPTION, message, code="plugin-unknown")
    if UNPACK in order and CONVERT in order and order.index(CONVERT) < order.index(UNPACK):
        message = f"{UNPACK} has to come before {CONVERT}: packed data cannot be converted."
        reading.complain(GROUP, _OPTION, message, code="plugin-order")
    if len(set(order)) != len(order):
        reading.complain(GROUP, _OPTION, "A plug-in is named twice.")
    for name in (INTROSPECT, *sorted(foreign & set(order))):
        if UNPACK in order and name in order and order.index(name) < order.index(UNPACK):
            message = f"{name} before {UNPACK} would look at packed data: name it behind."
            reading.complain(GROUP, _OPTION, message, code="plugin-order")
    if reading.is_set("inject_metadata_properties", "inject") and INJECT not in order:
        message = f"It has no effect: {INJECT} is not among [{GROUP}] {_OPTION}."
        reading.complain("inject_metadata_properties", "inject", message, code="no-effect", level=Level.WARNING)


def _ovf(reading: Reading, file: Path) -> tuple[str, ...]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Ovf).cim_pasd
    except (OSError, msgspec.DecodeError) as error:
        message = f"It is no JSON object with a list of names under cim_pasd: {error}."
        reading.problems.append(
            Problem(level=Level.ERROR, code="ovf-metadata-invalid", message=message, file=str(file))
        )
        return ()
