"""The manager's use cases, each from top to bottom: read the files, ask upstream, look at the cloud, plan, apply."""

from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path

import msgspec

from intaglio.client.cloud import ImageService
from intaglio.manager import apply, catalogue, editing, locking, looking, pinning, plan, retire
from intaglio.manager.actions import Plan
from intaglio.manager.apply import Applier, Outcome
from intaglio.manager.cache import Cache
from intaglio.manager.definitions import Catalogue, Definition
from intaglio.manager.lockfile import Lock
from intaglio.manager.policy import Policy
from intaglio.manager.progress import Progress
from intaglio.manager.retire import Wish
from intaglio.manager.sending import Options
from intaglio.manager.upstream import pointer, signed
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
    definitions: tuple[Definition, ...],
    failed: dict[str, str],
    target: Target,
    policy: Policy,
    today: date,
    web: Web,
    lock: Lock | None = None,
) -> Plan:
    """The plan for a cloud as it is now; with a lock, for the builds that it pins. Asks for signatures of new builds.

    Raises what reading a cloud does, and `LockDiffers`.
    """
    chosen = plan.selected(definitions, policy)
    asked = [each for each in chosen if each.enable or policy.force]
    if lock is not None:
        asked = pinning.pinned(asked, lock)
    resolved, unresolved = pointer.resolve(asked, web)
    everything = _with(definitions, resolved)
    cloud = looking.look(target.service, target.name, policy.tag, target.project)
    wrong = failed | unresolved
    made = plan.make(everything, cloud, policy, today, wrong)
    verified, unsigned = signed.imports(everything, made.actions, web)
    if verified or unsigned:
        made = plan.make(_with(everything, verified), cloud, policy, today, wrong | unsigned)
    return made


def _with(definitions: Sequence[Definition], newer: Sequence[Definition]) -> tuple[Definition, ...]:
    """The definitions, some of them replaced by newer ones of the same name."""
    known = {each.name: each for each in newer}
    return tuple(known.get(each.name, each) for each in definitions)


def plan_retirement(path: Path, target: Target, wish: Wish, policy: Policy, today: date, *, unlisted: bool) -> Plan:
    """The plan that takes images out of the rotation; with `unlisted`, as if the files did not list those versions.

    Raises what reading a catalogue and a cloud does, and what `retire.make` does.
    """
    definitions = read(path)[0].definitions
    if unlisted:
        definitions = tuple(_without(each, wish) for each in definitions)
    cloud = looking.look(target.service, target.name, policy.tag, target.project)
    return retire.make(definitions, cloud, wish, policy, today)


def _without(definition: Definition, wish: Wish) -> Definition:
    if definition.name != wish.definition:
        return definition
    left = tuple(each for each in definition.versions if each.version not in wish.versions)
    return msgspec.structs.replace(definition, versions=left)


def unlist(path: Path, definition: str, versions: Collection[str]) -> None:
    """Take versions of a definition out of the files. Raises `CatalogueMissing`, `ManagerMissing`."""
    for each in catalogue.files(path):
        file = editing.File(each)
        for found in file.definitions():
            if str(found["name"]) == definition:
                editing.drop(found, versions)
        file.save()


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
