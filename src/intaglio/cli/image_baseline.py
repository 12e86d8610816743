"""`intaglio image sign-all`: signing what is stored already with the service's own key."""

import sys
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from intaglio.cli.options import FormatOption
from intaglio.cli.output import print_json
from intaglio.cli.sources import ConfigOptions
from intaglio.cli.store_output import progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from intaglio.services.baseline import Signed

_NOWHERE = ConfigOptions()


def sign_all(
    image: Annotated[str | None, Parameter(help="Only this image, by its id.")] = None,
    /,
    *,
    visibility: Annotated[
        list[Literal["public", "community", "shared", "private"]] | None,
        Parameter(help="Only images of this visibility; may be repeated.", negative=""),
    ] = None,
    dry_run: Annotated[bool, Parameter(help="Say what would be signed; read and change nothing.", negative="")] = False,
    rate: Annotated[float | None, Parameter(help="MiB to read in a second at most. [default: no limit]")] = None,
    options: ConfigOptions = _NOWHERE,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> int:
    """Sign stored images that are not signed, with the service's own key, so that signatures can be required.

    The bytes are read and compared with the digest on record first; what does not match is not signed, and said. The
    key and its certificate are made if there are none: `intaglio cert service show`. A run that is cut short goes on
    where it was when it is started again. The command works on database and stores, beside the running service. The
    exit code is 1 when an image could not be signed.

    For example:

        intaglio image sign-all --dry-run

        intaglio image sign-all --visibility public --rate 100 --format json > baseline.json
    """
    from intaglio.bootstrap import image_commands
    from intaglio.bootstrap.load import load
    from intaglio.domain.image import Visibility

    if rate is not None and rate <= 0:
        sys.stderr.write("intaglio: --rate must be more than 0.\n")
        return 2

    def found(each: "Signed") -> None:
        if format != "json":
            name = f" ({each.name})" if each.name else ""
            why = f": {each.reason}" if each.reason else ""
            sys.stdout.write(f"{each.outcome}: image {each.image_id}{name}{why}\n")
            sys.stdout.flush()

    with progress(bytes_=True) as told:
        done = image_commands.sign_all(
            load(options.sources()),
            image,
            visibilities=[Visibility(each) for each in visibility or ()],
            dry_run=dry_run,
            mebibytes_per_second=rate,
            told=told,
            found=found,
        )
    if format == "json":
        print_json(done)
    else:
        _count(done)
    return 0 if all(each.fine for each in done) else 1


def _count(done: "Sequence[Signed]") -> None:
    counts = Counter(str(each.outcome) for each in done)
    counted = ", ".join(f"{number} {outcome}" for outcome, number in sorted(counts.items()))
    sys.stdout.write(f"{len(done)} images looked at{': ' if counted else ''}{counted}.\n")
