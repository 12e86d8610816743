"""`intaglio catalog`: keep a cloud in agreement with a catalogue of images: validate, plan, apply, status, diff."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from intaglio.cli.catalog_options import DEFAULTS, CatalogOptions, CloudOptions
from intaglio.cli.options import FormatOption

if TYPE_CHECKING:
    from intaglio.manager.actions import Plan

app = App(name="catalog", help="Keep a cloud in agreement with a catalogue of operating system images.")

DONE, FAILED, CHANGES, WRONG, STALE, BUSY, UNLOCKED = 0, 1, 2, 3, 4, 5, 6
Files = Annotated[Path, Parameter(help="A file of definitions, or a directory of them (.yml, .yaml).")]
LockedOption = Annotated[
    bool, Parameter(help="Use only what the lock file pins, and refuse definitions that differ from it.", negative="")
]
_CLOUD = CloudOptions()


@app.command
def validate(
    path: Files = Path("images"),
    /,
    *,
    strict: Annotated[bool, Parameter(help="Fail for warnings, too.", negative="")] = False,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> int:
    """Check definitions, without network and cloud. Each problem is said with file, line and column.

    The exit code is 3 when there are errors.

    For example:

        intaglio catalog validate images/
    """
    from intaglio.cli.catalog_output import print_validation
    from intaglio.manager import catalogue

    found = catalogue.read(path)
    print_validation(found, format)
    return WRONG if found.errors or (strict and found.problems) else DONE


@app.command
def plan(
    path: Files = Path("images"),
    /,
    *,
    locked: LockedOption = False,
    out: Annotated[Path | None, Parameter(help="Save the plan, for `intaglio catalog apply --plan`.")] = None,
    cloud: CloudOptions = _CLOUD,
    options: CatalogOptions = DEFAULTS,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> int:
    """Say what would be done to the cloud, and why; nothing is changed.

    The exit code is 0 when there is nothing to do, 2 when there is, 1 when a definition could not be planned.

    For example:

        intaglio catalog plan images/ --os-cloud intaglio --out monday.json
    """
    from intaglio.cli.catalog_output import print_plan
    from intaglio.manager.actions import encoded

    def work() -> int:
        made = _planned(path, cloud, options, locked=locked)
        if out is not None:
            out.write_bytes(encoded(made))
        print_plan(made, format)
        return _code(made)

    return coded(work)


@app.command
def diff(
    path: Files = Path("images"),
    /,
    *,
    locked: LockedOption = False,
    cloud: CloudOptions = _CLOUD,
    options: CatalogOptions = DEFAULTS,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> int:
    """Show where the cloud differs from the catalogue, value by value: - is what it has, + what it should have.

    The exit code is 0 when nothing differs, 2 when something does, 1 when a definition could not be compared.

    For example:

        intaglio catalog diff images/ --os-cloud intaglio
    """
    from intaglio.cli.catalog_output import print_diff, print_plan

    def work() -> int:
        made = _planned(path, cloud, options, locked=locked)
        if format == "json":
            print_plan(made, format)
        else:
            print_diff(made)
        return _code(made)

    return coded(work)


@app.command
def apply(
    path: Files = Path("images"),
    /,
    *,
    saved: Annotated[
        Path | None, Parameter(name="--plan", help="Apply this saved plan, if the cloud has not changed since.")
    ] = None,
    locked: LockedOption = False,
    jobs: Annotated[int, Parameter(help="Downloads at once.")] = 4,
    retries: Annotated[int, Parameter(help="How often an import that fails in the cloud is tried again.")] = 0,
    import_timeout: Annotated[int, Parameter(help="Seconds that the cloud may take to import an image.")] = 1800,
    cloud: CloudOptions = _CLOUD,
    options: CatalogOptions = DEFAULTS,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> int:
    """Make the cloud agree with the catalogue: plan, then do it. Applying twice changes nothing.

    Images are fetched, verified and private until all of them is right; images are deleted only with --delete, last,
    and only if nothing failed. A run that was interrupted is continued by the next one.

    The exit code is 0 when it was done, 1 when something failed, 3 when the definitions are wrong, 4 when the cloud is
    not any more what a saved plan was made for, 5 when another run is at work, 6 when --locked finds a difference.

    For example:

        intaglio catalog apply images/ --os-cloud intaglio

        intaglio catalog apply --plan monday.json --os-cloud intaglio
    """
    from intaglio.cli.catalog_output import print_outcomes, progress
    from intaglio.manager import lockfile, pinning, run
    from intaglio.manager.actions import decoded
    from intaglio.manager.sending import Options

    def work() -> int:
        if saved is None:
            made = _planned(path, cloud, options, locked=locked)
        else:
            made = decoded(_bytes(saved))
            if locked:
                pinning.check_plan(made, lockfile.load(lockfile.beside(path)))
        patience = Options(import_seconds=import_timeout, retries=retries, jobs=jobs)
        with progress() as shown:
            outcomes = run.apply_plan(made, cloud.target(), cloud.home(), shown, patience)
        print_outcomes(made, outcomes, format)
        return FAILED if made.failed or any(each.result == "failed" for each in outcomes) else DONE

    return coded(work)


@app.command
def update(
    path: Files = Path("images"),
    /,
    *,
    filter: Annotated[  # noqa: A002 - the option's name
        str, Parameter(help="Only definitions whose name this regular expression is found in.")
    ] = "",
    builds: Annotated[
        int | None, Parameter(help="Builds that a definition lists afterwards. [default: as many as before]")
    ] = None,
    dry_run: Annotated[bool, Parameter(help="Say what is newer, and write nothing.", negative="")] = False,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> int:
    """Look for the newest build of each definition at its upstream, and write it into the files with its digest.

    Comments and order stay. Asked are AlmaLinux, Alpine, CentOS Stream, Debian, Fedora, Flatcar, openSUSE, Rocky and
    Ubuntu, by their own indexes and sums; `latest_url` says where, or the URL of the newest version. A build that is
    not published in full is passed over. A lock file that is there is written, too.

    The exit code is 0 when it was done, 1 when a definition failed, 2 when --dry-run found something newer, 3 when the
    definitions are wrong.

    For example:

        intaglio catalog update images/ --filter Debian --builds 3
    """
    import re

    from intaglio.cli.catalog_output import print_updates
    from intaglio.manager import pinning
    from intaglio.manager import update as updates
    from intaglio.manager.upstream.web import Web

    try:
        only = re.compile(filter)
    except re.error as error:
        sys.stderr.write(f"intaglio: --filter is no regular expression: {error}.\n")
        return CHANGES
    if builds is not None and builds < 1:
        sys.stderr.write("intaglio: --builds must be 1 or more.\n")
        return CHANGES

    def work() -> int:
        web = Web()
        found = list(updates.update(path, web, only=only, builds=builds, dry=dry_run))
        print_updates(found, format)
        unpinned = [] if dry_run else pinning.pin_again(path, web, only=only)
        sys.stderr.writelines(f"{each.definition} {each.version}: not pinned: {each.message}\n" for each in unpinned)
        if unpinned or any(each.result == "failed" for each in found):
            return FAILED
        return CHANGES if dry_run and any(each.result in {"new", "changed"} for each in found) else DONE

    return coded(work)


@app.command
def mirror(
    path: Files = Path("images"),
    /,
    *,
    to: Annotated[str, Parameter(help="The mirror: s3://BUCKET/PREFIX, or a directory.")],
    endpoint: Annotated[str | None, Parameter(help="The S3 server. [default: AWS's, or AWS_ENDPOINT_URL]")] = None,
    region: Annotated[str | None, Parameter(help="The region. [default: AWS_DEFAULT_REGION]")] = None,
    base_url: Annotated[
        str | None,
        Parameter(help="The address at which clients read the mirror: write each build's `mirror_url` into the files."),
    ] = None,
    filter: Annotated[  # noqa: A002 - the option's name
        str, Parameter(help="Only definitions whose name this regular expression is found in.")
    ] = "",
    force: Annotated[bool, Parameter(help="Definitions with `enable: false`, too.", negative="")] = False,
    verify: Annotated[
        bool, Parameter(help="Read what is in the mirror again, and replace what is broken.", negative="")
    ] = False,
    prune: Annotated[
        bool, Parameter(help="Remove the mirror's files that no definition names any more.", negative="")
    ] = False,
    grace_days: Annotated[int, Parameter(help="With --prune: days for which such files stay.")] = 14,
    prune_limit: Annotated[int, Parameter(help="With --prune: refuse to remove more files.")] = 10,
    jobs: Annotated[int, Parameter(help="Files at once.")] = 4,
    allow_unverified: Annotated[
        bool, Parameter(help="Copy files that nobody publishes a checksum of, too.", negative="")
    ] = False,
    dry_run: Annotated[bool, Parameter(help="Say what would be done, and do nothing.", negative="")] = False,
    locked: LockedOption = False,
    cache: Annotated[Path | None, Parameter(help="Directory of the downloads.")] = None,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> int:
    """Copy what the definitions name into a mirror, verified; what is there already is not fetched again.

    Files are as the upstream has them, packed ones too. Each appears when it is complete and its digest is right, with
    a `.sha256` beside it. A run that was interrupted is continued by the next one. Keys for S3 are found as by other
    programs: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile.

    The exit code is 0 when it was done, 1 when something failed, 2 when --dry-run found something to do, 3 when the
    definitions are wrong, 5 when another run is at work, 6 when --locked finds a difference.

    For example:

        intaglio catalog mirror images/ --to s3://images/os --endpoint https://s3.example.org --base-url https://s3.example.org/images/os
    """
    from datetime import UTC, datetime

    from intaglio.cli.catalog_options import default_home
    from intaglio.cli.catalog_output import print_mirrored, progress
    from intaglio.manager import lockfile, run
    from intaglio.manager.mirror.copying import Ways
    from intaglio.manager.mirror.layout import open_place
    from intaglio.manager.mirror.run import Choices, Desk
    from intaglio.manager.mirror.run import mirror as mirror_all
    from intaglio.manager.upstream.web import Web

    def work() -> int:
        found = run.read(path)[0]
        place = open_place(to, endpoint, region)
        ways = Ways(jobs=jobs, dry=dry_run, again=verify, unverified=allow_unverified)
        choices = Choices(
            filter=filter,
            force=force,
            base=base_url,
            prune=prune,
            grace_days=grace_days,
            prune_limit=prune_limit,
            lock=lockfile.load(lockfile.beside(path)) if locked else None,
        )
        with progress() as shown:
            desk = Desk(cache or default_home(), Web(), shown, datetime.now(UTC).date())
            done = mirror_all(path, found, place, choices, ways, desk)
        print_mirrored(done, format)
        return FAILED if done.failed else CHANGES if dry_run and done.pending else DONE

    return coded(work)


@app.command
def export(
    path: Files = Path("images"),
    /,
    *,
    simplestreams: Annotated[Path, Parameter(help="The directory, which a web server shows.")],
    maas: Annotated[bool, Parameter(help="Also each disk raw and packed, as MAAS takes it.", negative="")] = False,
    sign: Annotated[str | None, Parameter(help="Sign the index and the list of products with this key of gpg.")] = None,
    filter: Annotated[  # noqa: A002 - the option's name
        str, Parameter(help="Only definitions whose name this regular expression is found in; others stay listed.")
    ] = "",
    force: Annotated[bool, Parameter(help="Definitions with `enable: false`, too.", negative="")] = False,
    jobs: Annotated[int, Parameter(help="Files at once.")] = 4,
    allow_unverified: Annotated[
        bool, Parameter(help="Export files that nobody publishes a checksum of, too.", negative="")
    ] = False,
    locked: LockedOption = False,
    cache: Annotated[Path | None, Parameter(help="Directory of the downloads.")] = None,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> int:
    """Publish what the definitions name as simplestreams, so that Incus, LXD, MAAS and other tools find it.

    Files are fetched and verified, packed ones unpacked, raw disks converted to qcow2; a build that is there already is
    not fetched again. The lists are written when all files are there.

    The exit code is 0 when it was done, 1 when something failed, 3 when the definitions are wrong, 5 when another run
    is at work, 6 when --locked finds a difference.

    For example:

        intaglio catalog export images/ --simplestreams /srv/www/images --sign images@example.org
    """
    from intaglio.cli.catalog_options import default_home
    from intaglio.cli.catalog_output import print_exported, progress
    from intaglio.manager import lockfile, run
    from intaglio.manager.streams.export import Choices
    from intaglio.manager.streams.export import export as export_all
    from intaglio.manager.upstream.web import Web

    def work() -> int:
        found = run.read(path)[0]
        choices = Choices(
            filter=filter,
            force=force,
            key=sign,
            maas=maas,
            jobs=jobs,
            unverified=allow_unverified,
            lock=lockfile.load(lockfile.beside(path)) if locked else None,
        )
        with progress() as shown:
            done = export_all(found.definitions, simplestreams, choices, cache or default_home(), Web(), shown)
        print_exported(done, format)
        return FAILED if done.failed else DONE

    return coded(work)


@app.command
def share(
    image: Annotated[str, Parameter(help="The image, by id or name.")],
    project: Annotated[list[str], Parameter(help="Projects, by id.", negative="")],
    /,
    *,
    remove: Annotated[bool, Parameter(help="End it instead.", negative="")] = False,
    cloud: CloudOptions = _CLOUD,
) -> None:
    """Make projects members of an image whose visibility is shared, accepted at once; or end that.

    For example:

        intaglio catalog share "Debian 13" 4d4a6ce1f7a84a0ea0cd5ee7a2ec8e2f --os-cloud intaglio
    """
    from intaglio.manager.sharing import share as share_image

    done = share_image(cloud.target().service, image, project, "del" if remove else "add")
    sys.stdout.write(f"{image}: {done}\n")


@app.command
def status(
    path: Files = Path("images"),
    /,
    *,
    cloud: CloudOptions = _CLOUD,
    options: CatalogOptions = DEFAULTS,
    format: FormatOption = "table",  # noqa: A002 - the option's name
) -> None:
    """List the managed images of the cloud: of which definition, which version, how visible, and how verified.

    For example:

        intaglio catalog status images/ --os-cloud intaglio
    """
    from intaglio.cli.catalog_output import print_status
    from intaglio.manager import looking, run

    definitions = run.read(path, strict=False)[0].definitions
    target = cloud.target()
    found = looking.look(target.service, target.name, options.tag, target.project)
    print_status(found, definitions, format)


def _planned(path: Path, cloud: CloudOptions, options: CatalogOptions, *, locked: bool) -> "Plan":
    from datetime import UTC, datetime

    from intaglio.manager import lockfile, run
    from intaglio.manager.upstream.web import Web

    found, failed = run.read(path)
    lock = lockfile.load(lockfile.beside(path)) if locked else None
    today = datetime.now(UTC).date()
    return run.make_plan(found.definitions, failed, cloud.target(), options.policy(), today, Web(), lock)


def _bytes(path: Path) -> bytes:
    from intaglio.manager.actions import PlanInvalid

    try:
        return path.read_bytes()
    except OSError as error:
        raise PlanInvalid(f"{path} cannot be read: {error.strerror}.") from None


def _code(made: "Plan") -> int:
    return FAILED if made.failed else CHANGES if made.changes else DONE


def coded(work: Any) -> int:
    """Run a command; errors that a program may want to tell apart have exit codes of their own."""
    from intaglio.base.errors import IntaglioError
    from intaglio.manager.apply import PlanStale
    from intaglio.manager.catalogue import CatalogueInvalid, CatalogueMissing
    from intaglio.manager.lockfile import LockInvalid, LockMissing
    from intaglio.manager.locking import AnotherRun
    from intaglio.manager.pinning import LockDiffers

    codes: dict[type[IntaglioError], Literal[3, 4, 5, 6]] = {
        CatalogueInvalid: 3,
        CatalogueMissing: 3,
        PlanStale: 4,
        AnotherRun: 5,
        LockMissing: 6,
        LockInvalid: 6,
        LockDiffers: 6,
    }
    try:
        return int(work())
    except tuple(codes) as error:
        sys.stderr.write("".join(f"intaglio: {line}\n" for line in str(error).splitlines()))
        return codes[type(error)]
