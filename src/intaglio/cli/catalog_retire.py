"""`intaglio catalog retire`: take images out of the rotation by hand, and back in."""

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from intaglio.cli.catalog import CHANGES, DONE, FAILED, coded
from intaglio.cli.catalog_options import CloudOptions
from intaglio.cli.options import FormatOption
from intaglio.manager.policy import DELETIONS, MANAGED

_CLOUD = CloudOptions()


def retire(
    definition: Annotated[str, Parameter(help="The name of the definition.")],
    versions: Annotated[list[str] | None, Parameter(help="Versions of it.", negative="")] = None,
    /,
    *,
    images: Annotated[Path, Parameter(help="A file of definitions, or a directory of them.")] = Path("images"),
    older_than: Annotated[
        str | None, Parameter(help="Images built before a day (2026-01-31) or longer ago than some days (90d).")
    ] = None,
    superseded: Annotated[bool, Parameter(help="All images but the current one.", negative="")] = False,
    how: Annotated[
        Literal["community", "private", "shared", "hidden", "deactivated", "delete"] | None,
        Parameter(help="What becomes of them. [default: what the definition's retention says, or community]"),
    ] = None,
    undo: Annotated[bool, Parameter(help="Take them back: what retention says holds again.", negative="")] = False,
    anyway: Annotated[
        bool, Parameter(help="Also what the retention rule keeps, and the only image that is left.", negative="")
    ] = False,
    unlist: Annotated[bool, Parameter(help="Also take the versions out of the files.", negative="")] = False,
    apply: Annotated[bool, Parameter(help="Do it; without, it is only planned.", negative="")] = False,
    out: Annotated[Path | None, Parameter(help="Save the plan, for `intaglio catalog apply --plan`.")] = None,
    delete_limit: Annotated[int, Parameter(help="Refuse a plan that deletes more images.")] = DELETIONS,
    tag: Annotated[str, Parameter(help="The tag of managed images; others are never touched.")] = MANAGED,
    cloud: CloudOptions = _CLOUD,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> int:
    """Take images of one definition out of the rotation, for example a build that turned out bad.

    Plans first; --apply does it. A retired image does not count as current or visible any more: the build before it
    takes the plain name back. It stays retired in later runs of `apply`, until --undo. Images are deleted only if the
    retention rule would let them go, no file lists them, and they are not protected.

    The exit code is 0 when it was done, 1 when something failed, 2 when it was planned, 3 when the definitions are
    wrong, 5 when another run is at work.

    For example:

        intaglio catalog retire "Debian 13" 20260115-2360 --how hidden

        intaglio catalog retire "Debian 13" --older-than 180d --how delete --apply
    """
    from datetime import UTC, datetime

    from intaglio.cli.catalog_output import print_outcomes, print_plan, progress
    from intaglio.manager import run
    from intaglio.manager.actions import encoded
    from intaglio.manager.policy import Policy
    from intaglio.manager.retire import Wish, day_of
    from intaglio.manager.sending import Options

    if not (versions or older_than or superseded or undo):
        sys.stderr.write("intaglio: say which: versions, --older-than or --superseded.\n")
        return CHANGES
    if undo and how is not None:
        sys.stderr.write("intaglio: --undo takes no --how.\n")
        return CHANGES

    def work() -> int:
        today = datetime.now(UTC).date()
        wish = Wish(
            definition=definition,
            versions=tuple(versions or ()),
            before=day_of(older_than, today) if older_than else None,
            superseded=superseded,
            way="undo" if undo else how,
            anyway=anyway,
        )
        target = cloud.target()
        policy = Policy(tag=tag, delete_limit=delete_limit)
        made = run.plan_retirement(images, target, wish, policy, today, unlisted=unlist)
        if out is not None:
            out.write_bytes(encoded(made))
        if not apply:
            print_plan(made, format)
            return CHANGES if made.changes else DONE
        if unlist:
            run.unlist(images, definition, wish.versions)
        with progress() as shown:
            outcomes = run.apply_plan(made, target, cloud.home(), shown, Options())
        print_outcomes(made, outcomes, format)
        return FAILED if any(each.result != "done" for each in outcomes) else DONE

    return coded(work)
