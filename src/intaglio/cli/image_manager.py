"""The command `openstack-image-manager`: the original program's options, with their meanings, over the same manager.

What differs is on the page docs/howto/from-the-openstack-image-manager.md.
"""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console

from intaglio.base.errors import IntaglioError
from intaglio.cli.catalog_options import default_home
from intaglio.manager.policy import DELETIONS, MANAGED, Policy

if TYPE_CHECKING:
    from intaglio.manager.run import Target

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
Flag = Annotated[bool, Parameter(negative="")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Every option of the original program."""

    debug: Flag = False
    "Say more, also what is left as it is."
    dry_run: Flag = False
    "Change nothing; say what would be changed."
    check_age: Flag = False
    "Warn of images that are much older than the newest build of their definition."
    max_age: int = 90
    "Days that --check-age allows."
    latest: Flag = False
    "Of images with `multi: true`, import only the newest version."
    keep: Flag = False
    "Leave superseded images of `multi: false` definitions alone."
    cloud: str | None = None
    "A cloud of clouds.yaml; not asked when OS_AUTH_URL is set. [default: OS_CLOUD, or openstack]"
    images: Path = Path("etc/images/")
    "A directory of definitions, or one file."
    tag: str = MANAGED
    "The tag of managed images."
    filter: str = ""
    "Only definitions whose name this regular expression is found in."
    deactivate: Flag = False
    "Deactivate images that are due for deletion."
    hide: Flag = False
    "Retire every superseded image: to community, or as the next two say."
    use_os_hidden: Flag = False
    "Set os_hidden on superseded images; --hide then leaves visibility alone."
    hidden_visibility: Literal["community", "private", "shared"] | None = None
    "The visibility that --hide gives."
    retire_expired: Flag = False
    "Past `provided_until`, import nothing and retire the newest image, too."
    force: Flag = False
    "Process definitions with `enable: false`, too."
    delete: Flag = False
    "Delete superseded images that need not be kept; the next option is needed, too."
    yes_i_really_know_what_i_do: Flag = False
    "Confirms --delete."
    share_image: str | None = None
    "Share this image, by name or id, and do nothing else."
    share_action: Literal["add", "del"] = "add"
    "Share it, or end that."
    share_domain: str = "default"
    "The domain of the project to share with."
    share_target: str | None = None
    "The project, or with --share-type domain the domain, to share with."
    share_type: Literal["project", "domain"] = "project"
    "Share with a project, or with every project of a domain."
    check: bool = True
    "Check all definitions first; any error ends the run."
    check_only: Flag = False
    "Check the definitions and stop."
    stuck_retry: int = 0
    "How often an import that fails in the cloud is deleted and tried again."
    prefetch: Literal["never", "on-stuck", "always"] = "on-stuck"
    "Accepted: images are always fetched and verified here, then sent."
    import_timeout: int = 1800
    "Seconds that the cloud may take to import an image."
    verify_checksum: Flag = False
    "Refuse images of which neither the definition nor the upstream has a checksum."
    delete_limit: int = DELETIONS
    "Refuse a run that would delete more images."
    project_id: str | None = None
    "Your project, where the cloud does not say it (without Keystone)."

    def policy(self) -> Policy:
        """These as the manager takes them."""
        return Policy(
            tag=self.tag,
            filter=self.filter,
            latest=self.latest,
            force=self.force,
            keep=self.keep,
            hide=self.hide,
            os_hidden=self.use_os_hidden,
            hidden_visibility=self.hidden_visibility,
            deactivate=self.deactivate,
            delete=self.delete and self.yes_i_really_know_what_i_do,
            delete_limit=self.delete_limit,
            retire_expired=self.retire_expired,
            allow_unverified=not self.verify_checksum,
        )

    def cloud_name(self) -> str | None:
        """The cloud to connect to; None when OS_AUTH_URL and its like say it."""
        if os.environ.get("OS_AUTH_URL"):
            return None
        return self.cloud or os.environ.get("OS_CLOUD") or "openstack"

    def target(self) -> "Target":
        """A connection to it."""
        from intaglio.client.cloud import connect
        from intaglio.manager.run import Target

        name = self.cloud_name()
        return Target(connect(name), name or "environment", self.project_id)


NONE = Arguments()


def build() -> App:
    """The one command."""
    app = App(
        name="openstack-image-manager", help="Keep the images of an OpenStack cloud up to date.", version_flags=[]
    )
    app.default(manage)
    app.command("intaglio.cli.image_mirror:mirror", name="mirror")
    return app


def manage(arguments: Arguments = NONE) -> int:
    """Keep the images of an OpenStack cloud as their definitions say."""
    if arguments.hidden_visibility and not arguments.hide:
        return _say("--hidden-visibility needs --hide.", USAGE)
    if arguments.check_only:
        return _check(arguments)
    if arguments.share_image is not None:
        return _share(arguments)
    return _run(arguments)


def _check(arguments: Arguments) -> int:
    from intaglio.manager import catalogue

    found = catalogue.read(arguments.images)
    for problem in found.problems:
        _note(str(problem))
    return FAILED if found.errors else DONE


def _share(arguments: Arguments) -> int:
    from intaglio.client.projects import project_ids
    from intaglio.manager.sharing import share

    if not arguments.share_target or arguments.share_image is None:
        return _say("--share-image needs --share-target.", USAGE)
    projects = project_ids(
        arguments.cloud_name(),
        arguments.share_target,
        domain=arguments.share_domain,
        whole_domain=arguments.share_type == "domain",
    )
    if not arguments.dry_run:
        done = share(arguments.target().service, arguments.share_image, projects, arguments.share_action)
        _note(f"{arguments.share_image}: {done}")
    return DONE


def _run(arguments: Arguments) -> int:
    from intaglio.cli.catalog_output import print_outcomes, print_plan, progress
    from intaglio.manager import run
    from intaglio.manager.sending import Options
    from intaglio.manager.upstream.web import Web

    if arguments.delete and not arguments.yes_i_really_know_what_i_do:
        _note("warning: --delete deletes nothing without --yes-i-really-know-what-i-do")
    found, failed = run.read(arguments.images, strict=arguments.check)
    target = arguments.target()
    today = datetime.now(UTC).date()
    plan = run.make_plan(found.definitions, failed, target, arguments.policy(), today, Web())
    wrong = plan.failed
    if arguments.dry_run or arguments.debug:
        print_plan(plan, "table")
    if not arguments.dry_run:
        options = Options(import_seconds=arguments.import_timeout, retries=arguments.stuck_retry)
        with progress() as shown:
            outcomes = run.apply_plan(plan, target, default_home(), shown, options)
        print_outcomes(plan, outcomes, "table")
        wrong = wrong or any(each.result == "failed" for each in outcomes)
    if arguments.check_age:
        _ages(arguments, target)
    return FAILED if wrong else DONE


def _ages(arguments: Arguments, target: "Target") -> None:
    from intaglio.manager import looking, run
    from intaglio.manager.age import too_old

    definitions = run.read(arguments.images, strict=False)[0].definitions
    cloud = looking.look(target.service, target.name, arguments.tag, target.project)
    for sentence in too_old(definitions, cloud, arguments.max_age):
        _note(f"warning: {sentence}")


def main() -> None:
    """Run the command and end the process."""
    sys.exit(call(sys.argv[1:]))


def call(words: Sequence[str]) -> int:
    """Run the command; its exit code."""
    return _guarded(
        lambda: int(
            build()(
                list(words),
                exit_on_error=False,
                print_error=False,
                error_console=Console(stderr=True),
                result_action="return_value",
            )
            or 0
        )
    )


def _guarded(work: Callable[[], int]) -> int:
    try:
        return work()
    except CycloptsError as error:
        return _say(f"{' '.join(str(error).split())} See --help.", USAGE)
    except IntaglioError as error:
        return _say(str(error), FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("INTAGLIO_DEBUG"):
            raise
        kind = type(error).__name__
        return _say(f"A defect in Intaglio: {kind}: {error}. INTAGLIO_DEBUG=1 shows where; please report it.", FAILED)


def _note(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _say(text: str, code: int) -> int:
    sys.stderr.write("".join(f"openstack-image-manager: {line}\n" for line in text.splitlines()))
    return code
