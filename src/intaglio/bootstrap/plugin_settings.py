"""The plug-ins of imports: `[image_import_opts]`, `[inject_metadata_properties]`, and our bounds of unpacking."""

from pathlib import Path

from intaglio.bootstrap.problems import Level
from intaglio.bootstrap.reading import Reading
from intaglio.imports.conversion import Conversion, Signed
from intaglio.imports.settings import CONVERT, INJECT, KNOWN, UNPACK, PluginSettings
from intaglio.ingest.conversion import sandbox
from intaglio.ingest.conversion.base import ConversionSettings
from intaglio.ingest.conversion.qemu import PROGRAM
from intaglio.ingest.unpacking import UnpackingLimits

GROUP = "image_import_opts"
_OPTION = "image_import_plugins"


def plugin_settings(reading: Reading, data_dir: Path) -> PluginSettings:
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
    for name in order:
        if name not in KNOWN:
            message = f"There is no plug-in {name!r}; there are {', '.join(KNOWN)}."
            reading.complain(GROUP, _OPTION, message, code="plugin-unknown")
    if UNPACK in order and CONVERT in order and order.index(CONVERT) < order.index(UNPACK):
        message = f"{UNPACK} has to come before {CONVERT}: packed data cannot be converted."
        reading.complain(GROUP, _OPTION, message, code="plugin-order")
    if len(set(order)) != len(order):
        reading.complain(GROUP, _OPTION, "A plug-in is named twice.")
    if reading.is_set("inject_metadata_properties", "inject") and INJECT not in order:
        message = f"It has no effect: {INJECT} is not among [{GROUP}] {_OPTION}."
        reading.complain("inject_metadata_properties", "inject", message, code="no-effect", level=Level.WARNING)
