"""`intaglio image receipts`: writing the receipts of images that have none, such as those of a Glance."""

import sys
from typing import Annotated

from cyclopts import Parameter

from intaglio.cli.options import FormatOption
from intaglio.cli.output import print_json
from intaglio.cli.sources import ConfigOptions

_NOWHERE = ConfigOptions()


def receipts(
    *,
    all: Annotated[  # noqa: A002 - the option's name
        bool,
        Parameter(help="Look at every image in use, as after a change of the key; otherwise the missing.", negative=""),
    ] = False,
    options: ConfigOptions = _NOWHERE,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> int:
    """Write the receipts of images that have none now, without waiting for a worker to do so.

    No bytes are read: of images that another service stored, a receipt says that their digests stood in the database.
    The command works on the database, and asks the stores. The exit code is 1 when receipts could not be written.

    For example:

        intaglio image receipts --config-file /etc/glance/glance-api.conf
    """
    from intaglio.bootstrap import image_commands
    from intaglio.bootstrap.load import load

    found = image_commands.write_receipts(load(options.sources()), everything=all)
    if format == "json":
        print_json(found)
    else:
        waiting = f", {found.waiting} images wait for one; see the log" if found.waiting else ""
        sys.stdout.write(f"{found.written} receipts were written; there are {found.there}{waiting}.\n")
    return 1 if found.waiting else 0
