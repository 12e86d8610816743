"""`intaglio image stuck`: images that a Glance left in the middle of something."""

import sys
from typing import Annotated

from cyclopts import Parameter

from intaglio.cli.options import FormatOption
from intaglio.cli.sources import ConfigOptions

_NOWHERE = ConfigOptions()


def stuck(
    *,
    fix: Annotated[
        bool, Parameter(help="Queue them again, and fail their tasks with the reason.", negative="")
    ] = False,
    drop_staged: Annotated[
        bool, Parameter(help="With --fix, also those whose staged data are, or may be, somewhere.", negative="")
    ] = False,
    idle_hours: Annotated[float, Parameter(help="Hours for which nobody may have changed an image.")] = 24.0,
    options: ConfigOptions = _NOWHERE,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> int:
    """Show images that were left saving, uploading or importing by a process that is gone, such as a Glance's.

    What this service itself began is not among them: a worker ends that. The command works on the database: it needs
    the service's configuration. The exit code is 1 when something is left that a person should see to.

    For example:

        intaglio image stuck --config-file /etc/glance/glance-api.conf

        intaglio image stuck --fix --idle-hours 48
    """
    from intaglio.bootstrap.administration import with_parts
    from intaglio.bootstrap.load import load
    from intaglio.cli.output import print_json, print_table
    from intaglio.services import stuck as images

    if idle_hours < 0:
        sys.stderr.write("intaglio: --idle-hours must be 0 or more.\n")
        return 2
    settings = load(options.sources())
    if fix:
        found = with_parts(settings, lambda parts: images.queue_again(parts, idle_hours, drop_staged=drop_staged))
    else:
        found = with_parts(settings, lambda parts: images.find(parts, idle_hours))
    if format == "json":
        print_json(found)
    else:
        rows = [
            (
                each.image_id,
                each.name or "",
                each.status,
                f"{each.since:%Y-%m-%d %H:%M}",
                _said(each.reason, fixed=each.fixed),
            )
            for each in found
        ]
        print_table(("Image", "Name", "Status", "Since (UTC)", "What there is to say"), rows)
    return 0 if all(each.fixed or each.remedy is images.Remedy.NONE for each in found) else 1


def _said(reason: str, *, fixed: bool) -> str:
    return f"{reason} It is queued now." if fixed else reason
