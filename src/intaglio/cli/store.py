"""`intaglio store`: whether the stores work, what is in them, and whether that is what the database says."""

import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from intaglio.cli.options import FormatOption
from intaglio.cli.output import print_json, print_table
from intaglio.cli.sources import ConfigOptions
from intaglio.cli.store_output import print_report, print_scores, progress, size

if TYPE_CHECKING:
    from intaglio.services.verify import Verdict

app = App(name="store", help="Check the stores, and compare them with the database.")
_NOWHERE = ConfigOptions()

Stores = Annotated[tuple[str, ...], Parameter(help="Ids of stores. [default: all]", negative="")]
OnlyStores = Annotated[
    tuple[str, ...], Parameter(name="--store", help="Only this store; can be repeated. [default: all]", negative="")
]


@app.command(name="list")
def list_stores(*, options: ConfigOptions = _NOWHERE, format: FormatOption = "table") -> None:  # noqa: A002 - the option's name
    """Show the stores as they are configured. Nothing is asked of them.

    For example:

        intaglio store list --config-file /etc/glance/glance-api.conf
    """
    from intaglio.bootstrap import store_commands
    from intaglio.bootstrap.load import load

    found = store_commands.listed(load(options.sources()))
    if format == "json":
        print_json(found)
        return
    rows = [
        (
            each.id,
            each.type,
            "default" if each.default else "",
            "read-only" if each.read_only else "",
            str(each.weight),
            each.description or "",
        )
        for each in found
    ]
    print_table(("Store", "Type", "Default", "Access", "Weight", "Description"), rows)


@app.command
def check(
    *stores: Annotated[str, Parameter(help="Ids of stores. [default: all]")],
    accept: Annotated[
        bool,
        Parameter(
            help="Take what is in the directories of these stores now for theirs, whatever was there before: after a "
            "disk was replaced, or a copy of it was made without hidden files.",
            negative="",
        ),
    ] = False,
    conformance: Annotated[
        bool,
        Parameter(
            help="Try everything the service relies on, with objects of its own under a name of their own, and print "
            "what passed. Takes minutes, and needs pytest and hypothesis.",
            negative="",
        ),
    ] = False,
    options: ConfigOptions = _NOWHERE,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> int:
    """Say whether each store works now: a block is written where that can be done. Exit code 1 when one does not.

    For example:

        intaglio store check

        intaglio store check nfs --accept
    """
    from intaglio.bootstrap import store_commands
    from intaglio.bootstrap.load import load

    settings = load(options.sources())
    if conformance:
        from intaglio.bootstrap import store_conformance

        with progress() as told:
            scores = store_conformance.run(settings, stores, told)
        if format == "json":
            print_json(scores)
        else:
            print_scores(scores)
        return 1 if any(score.failed for tests in scores.values() for score in tests.values()) else 0
    if accept and not stores:
        sys.stderr.write("intaglio: Name the stores whose directories are right as they are now.\n")
        return 2
    found = store_commands.check(settings, stores, accept=accept)
    if format == "json":
        print_json(found)
    else:
        rows = [(each.id, "works" if each.healthy else "does not work", each.reason) for each in found]
        print_table(("Store", "State", "Reason"), rows)
    return 0 if all(each.healthy for each in found) else 1


@app.command
def usage(*, options: ConfigOptions = _NOWHERE, format: FormatOption = "table") -> None:  # noqa: A002 - the option's name
    """Show how many copies of images each store has, and how large they are, as the database says.

    `Kept` are those of deleted images that can still be restored.

    For example:

        intaglio store usage --format json
    """
    from intaglio.bootstrap import store_commands
    from intaglio.bootstrap.load import load

    with progress() as told:
        found = store_commands.usage(load(options.sources()), told)
    if format == "json":
        print_json(found)
        return
    rows = [
        (each.store_id or "(none that is configured)", str(each.copies), size(each.bytes), size(each.kept_bytes))
        for each in found
    ]
    print_table(("Store", "Copies", "Size", "Kept"), rows)


@app.command
def verify(
    image: Annotated[str | None, Parameter(help="An image, by its id. [default: all]")] = None,
    /,
    *,
    store: OnlyStores = (),
    rate: Annotated[float | None, Parameter(help="MiB to read in a second at most. [default: no limit]")] = None,
    resume: Annotated[
        bool, Parameter(help="Go on where the last run of the same command was cut short.", negative="")
    ] = False,
    options: ConfigOptions = _NOWHERE,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> int:
    """Read copies of images back and compare them with the digests on record. Changes nothing, ever.

    Each bad copy is reported as soon as it is found. The exit code is 1 when one is bad, or cannot be read.

    For example:

        intaglio store verify --rate 50

        intaglio store verify 4b7e4e31-8f4c-4d8c-9c1f-2a3bd9e2f8a4 --store nfs
    """
    from intaglio.bootstrap import store_commands
    from intaglio.bootstrap.load import load

    if rate is not None and rate <= 0:
        sys.stderr.write("intaglio: --rate must be more than 0.\n")
        return 2

    def found(verdict: "Verdict") -> None:
        if format != "json" and not verdict.fine:
            where = f"image {verdict.image_id} in {verdict.store_id or 'no store'}"
            sys.stdout.write(f"{verdict.outcome}: {where}: {verdict.reason}\n")
            sys.stdout.flush()

    with progress(bytes_=True) as told:
        result = store_commands.read_back(
            load(options.sources()), image, store, mebibytes_per_second=rate, resume=resume, told=told, found=found
        )
    if format == "json":
        print_json(result)
    else:
        unproven = f", {result.unproven} without a digest to compare with" if result.unproven else ""
        sys.stdout.write(f"{result.looked_at} copies, {len(result.wrong)} of them bad or unreadable{unproven}.\n")
    return 1 if result.wrong else 0


@app.command
def reconcile(
    *stores: Annotated[str, Parameter(help="Ids of stores. [default: all, and the staging area]")],
    fix: Annotated[
        bool,
        Parameter(
            help="Remove objects and staged data that no image has and that are older than the grace time, what dead "
            "writers left unfinished, and what could not be removed before.",
            negative="",
        ),
    ] = False,
    grace_hours: Annotated[float, Parameter(help="Hours for which an object that nobody knows of is left.")] = 24.0,
    options: ConfigOptions = _NOWHERE,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> int:
    """Compare what the stores hold with what the database says, both ways. Without --fix nothing is changed.

    It may run while the service does: what an upload, an import or a removal is at work on is left alone. The exit
    code is 1 when something is left that a person should see to.

    For example:

        intaglio store reconcile

        intaglio store reconcile nfs --fix --grace-hours 48
    """
    from intaglio.bootstrap import store_commands
    from intaglio.bootstrap.load import load

    if grace_hours < 0:
        sys.stderr.write("intaglio: --grace-hours must be 0 or more.\n")
        return 2
    with progress() as told:
        report = store_commands.compare(load(options.sources()), stores, fix=fix, grace_hours=grace_hours, told=told)
    if format == "json":
        print_json(report)
    else:
        print_report(report, fixed=fix)
    return 0 if report.fine else 1
