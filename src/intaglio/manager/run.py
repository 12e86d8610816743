"""The manager's use cases, each from top to bottom: read the files, ask upstream, look at the cloud, plan, apply."""

from datetime import date
from pathlib import Path

import msgspec

from intaglio.client.cloud import ImageService
from intaglio.manager import apply, catalogue, locking, looking, plan
from intaglio.manager.actions import Plan
from intaglio.manager.apply import Applier, Outcome
from intaglio.manager.cache import Cache
from intaglio.manager.definitions import Catalogue, Definition
from intaglio.manager.policy import Policy
from intaglio.manager.progress import Progress
from intaglio.manager.sending import Options
from intaglio.manager.upstream import pointer
from intaglio.manager.upstream.web import Web


class Target(msgspec.Struct, frozen=True):
    """A cloud, and what is known of it beforehand."""

    service: ImageService
    name: str
    project: str | None = None


def read(path: Path, *, strict: bool = True) -> tuple[Catalogue, dict[str, str]]:
    """A catalogue; without `strict`, those of its definitions that can be used, and why the others cannot, by name.

    Raises `CatalogueMissing`; with `strict`, `CatalogueInvalid`.
    """
    found = catalogue.read(path)
    if strict:
        return catalogue.checked(found), {}
    return catalogue.usable(found), {error.definition: str(error) for error in found.errors}


def make_plan(
    definitions: tuple[Definition, ...], failed: dict[str, str], target: Target, policy: Policy, today: date, web: Web
) -> Plan:
    """The plan for a cloud as it is now. Raises what reading a cloud does."""
    chosen = plan.selected(definitions, policy)
    asked = [each for each in chosen if each.enable or policy.force]
    resolved, unresolved = pointer.resolve(asked, web)
    known = {each.name: each for each in resolved}
    everything = [known.get(each.name, each) for each in definitions]
    cloud = looking.look(target.service, target.name, policy.tag, target.project)
    return plan.make(everything, cloud, policy, today, failed | unresolved)


def apply_plan(wanted: Plan, target: Target, home: Path, progress: Progress, options: Options) -> list[Outcome]:
    """Apply a plan, unless the cloud has changed since it was made; what became of each action.

    Raises `PlanStale`, `AnotherRun`, `TooManyDeletions`; what fails later is in the outcomes.
    """
    with locking.alone(home / "locks", target.service.address, wanted.policy.tag):
        project = target.project or wanted.project
        apply.check(wanted, looking.look(target.service, target.name, wanted.policy.tag, project))
        if not wanted.changes:
            return []
        cache = Cache(home, Web())
        cache.tidy()
        return Applier(target.service, cache, progress, options).apply(wanted)
