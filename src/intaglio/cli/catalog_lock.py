"""`intaglio catalog lock`: pin which bytes each version of a catalogue is."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from intaglio.cli.catalog import CHANGES, DONE, FAILED, Files, coded
from intaglio.cli.options import FormatOption

if TYPE_CHECKING:
    from intaglio.manager.pinning import Pinned


def lock(
    path: Files = Path("images"),
    /,
    *,
    renew: Annotated[
        bool, Parameter(help="Ask upstreams for all of it again, also for what is pinned.", negative="")
    ] = False,
    force: Annotated[bool, Parameter(help="Pin definitions with `enable: false`, too.", negative="")] = False,
    allow_unverified: Annotated[
        bool, Parameter(help="Fetch versions that nobody publishes a checksum of, and pin what came.", negative="")
    ] = False,
    dry_run: Annotated[bool, Parameter(help="Say what would be written, and write nothing.", negative="")] = False,
    cache: Annotated[
        Path | None, Parameter(help="Directory of the downloads. [default: ~/.cache/intaglio/catalog]")
    ] = None,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> int:
    """Write the lock file of a catalogue: URL, digest, size and signature of each version, in the order of the files.

    It is `catalog.lock` in the directory of definitions, or beside the one file with `.lock` as its ending. `plan`,
    `diff` and `apply` with --locked then use nothing else. What is pinned and still as it is defined is not asked for
    again.

    The exit code is 0 when it was done, 1 when a version could not be pinned, 2 when --dry-run found a difference, 3
    when the definitions are wrong.

    For example:

        intaglio catalog lock images/

        intaglio catalog apply images/ --locked --os-cloud intaglio
    """
    from intaglio.cli.catalog_options import default_home
    from intaglio.cli.output import print_json
    from intaglio.manager import pinning
    from intaglio.manager.upstream.web import Web

    def work() -> int:
        web = Web()
        home = (cache or default_home()) if allow_unverified else None
        found = pinning.pin_catalogue(path, web, renew=renew, force=force, home=home, dry=dry_run)
        if format == "json":
            print_json(found)
        else:
            _print(found)
        if any(each.result == "failed" for each in found):
            return FAILED
        return CHANGES if dry_run and any(each.result != "kept" for each in found) else DONE

    return coded(work)


def _print(found: "Sequence[Pinned]") -> None:
    for each in found:
        said = f": {each.message}" if each.message else ""
        by = f", signed by {each.signed_by}" if each.signed_by else ""
        digest = f" {each.digest}" if each.digest else ""
        if each.result != "kept":
            sys.stdout.write(f"{each.result:8} {each.definition} {each.version}{digest}{by}{said}\n")
    sys.stdout.write(f"{sum(each.result == 'kept' for each in found)} kept as they were\n")
