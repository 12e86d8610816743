"""The plug-ins of imports: `[image_import_opts]`, `[inject_metadata_properties]`, and our bounds of unpacking."""

from intaglio.bootstrap.problems import Level
from intaglio.bootstrap.reading import Reading
from intaglio.imports.settings import CONVERT, INJECT, KNOWN, PluginSettings
from intaglio.ingest.unpacking import UnpackingLimits

GROUP = "image_import_opts"
_OPTION = "image_import_plugins"


def plugin_settings(reading: Reading) -> PluginSettings:
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
    )


def _check(reading: Reading, order: tuple[str, ...]) -> None:
    for name in order:
        if name == CONVERT:
            message = f"{CONVERT} comes with a later release: leave it out, or images would be imported unconverted."
            reading.complain(GROUP, _OPTION, message, code="plugin-not-yet")
        elif name not in KNOWN:
            message = f"There is no plug-in {name!r}; there are {', '.join(KNOWN)}."
            reading.complain(GROUP, _OPTION, message, code="plugin-unknown")
    if len(set(order)) != len(order):
        reading.complain(GROUP, _OPTION, "A plug-in is named twice.")
    if reading.is_set("inject_metadata_properties", "inject") and INJECT not in order:
        message = f"It has no effect: {INJECT} is not among [{GROUP}] {_OPTION}."
        reading.complain("inject_metadata_properties", "inject", message, code="no-effect", level=Level.WARNING)
