"""`intaglio image inspect`: judging stored data anew, by the rules of today."""

import sys
from collections import Counter
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from intaglio.cli.options import FormatOption
from intaglio.cli.output import print_json
from intaglio.cli.sources import ConfigOptions
from intaglio.cli.store_output import progress

if TYPE_CHECKING:
    from intaglio.services.inspection import Finding

_NOWHERE = ConfigOptions()


def inspect(
    image: Annotated[str | None, Parameter(help="An image, by its id.")] = None,
    /,
    *,
    all: Annotated[  # noqa: A002 - the option's name
        bool, Parameter(help="Every image in use that today's rules have not judged yet, or have refused.", negative="")
    ] = False,
    again: Annotated[
        bool, Parameter(help="With --all: also those that today's rules have accepted already.", negative="")
    ] = False,
    deactivate: Annotated[
        bool,
        Parameter(
            help="Deactivate what is refused: nobody but administrators can download it, until it is reactivated.",
            negative="",
        ),
    ] = False,
    rate: Annotated[float | None, Parameter(help="MiB to read in a second at most. [default: no limit]")] = None,
    options: ConfigOptions = _NOWHERE,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> int:
    """Inspect the stored data of images as uploads are inspected: that they are what disk_format says and safe to open.

    Rules get better, and images that were stored before, or by another service, were judged by others or by none. A run
    that is cut short goes on where it was when it is started again. Most formats are judged by their first 64 KiB. The
    command works on database and stores, beside the running service. The exit code is 1 when an image is refused or
    cannot be read.

    For example:

        intaglio image inspect --all --deactivate --rate 50

        intaglio image inspect 4b7e4e31-8f4c-4d8c-9c1f-2a3bd9e2f8a4
    """
    from intaglio.bootstrap import image_commands
    from intaglio.bootstrap.load import load

    if (image is None) is not all:
        sys.stderr.write("intaglio: Name an image by its id, or say --all.\n")
        return 2
    if rate is not None and rate <= 0:
        sys.stderr.write("intaglio: --rate must be more than 0.\n")
        return 2

    def found(finding: "Finding") -> None:
        if format != "json" and not finding.fine:
            after = " It was deactivated." if finding.deactivated else ""
            name = f" ({finding.name})" if finding.name else ""
            sys.stdout.write(f"{finding.outcome}: image {finding.image_id}{name}: {finding.reason}{after}\n")
            sys.stdout.flush()

    with progress(bytes_=True) as told:
        findings = image_commands.inspect(
            load(options.sources()),
            image,
            again=again,
            deactivate=deactivate,
            mebibytes_per_second=rate,
            told=told,
            found=found,
        )
    if format == "json":
        print_json(findings)
    else:
        counts = Counter(str(each.outcome) for each in findings)
        counted = ", ".join(f"{number} {outcome}" for outcome, number in sorted(counts.items()))
        sys.stdout.write(f"{len(findings)} images looked at{': ' if counted else ''}{counted}.\n")
    return 0 if all_fine(findings) else 1


def all_fine(findings: "list[Finding]") -> bool:
    """Whether nothing was refused or unreadable."""
    return not [each for each in findings if not each.fine]
