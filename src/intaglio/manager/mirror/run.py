"""The mirror from top to bottom: read the files, ask upstream, copy, write addresses, prune."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import msgspec

from intaglio.manager import locking, pinning, plan
from intaglio.manager.cache import Cache
from intaglio.manager.definitions import Catalogue, Definition
from intaglio.manager.lockfile import Lock
from intaglio.manager.mirror import copying, pruning, writing
from intaglio.manager.mirror.copying import Copied, Copier, Item, Ways
from intaglio.manager.mirror.place import Place
from intaglio.manager.mirror.pruning import Pruned
from intaglio.manager.policy import Policy
from intaglio.manager.progress import Progress
from intaglio.manager.upstream import pointer
from intaglio.manager.upstream.web import Web


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is about.

    `base`: the address by which clients read the mirror; with it the files are written. `bucket`: take only builds that
    have a `mirror_url` in it, and the keys that it says.
    """

    filter: str = ""
    force: bool = False
    base: str | None = None
    bucket: str | None = None
    prune: bool = False
    grace_days: int = pruning.GRACE_DAYS
    prune_limit: int = pruning.LIMIT
    lock: Lock | None = None


class Mirrored(msgspec.Struct, frozen=True):
    """What a run did: builds, superfluous files, files of definitions written, and notes of what was not done."""

    builds: tuple[Copied, ...]
    pruned: tuple[Pruned, ...] = ()
    written: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether a build is not in the mirror that should be."""
        return any(each.result == "failed" for each in self.builds)

    @property
    def pending(self) -> bool:
        """Whether a dry run found something to do."""
        return any(each.result in {"missing", "broken"} for each in self.builds) or any(
            each.result == "superfluous" for each in self.pruned
        )


class Desk(msgspec.Struct, frozen=True):
    """Where and with what a run works."""

    home: Path
    web: Web
    progress: Progress
    today: date


def mirror(path: Path, found: Catalogue, place: Place, choices: Choices, ways: Ways, desk: Desk) -> Mirrored:
    """Bring the mirror in agreement with a catalogue that has no errors.

    Raises `AnotherRun`, `LockDiffers`, `MirrorFailed`, `TooMuchToPrune`, `FilterInvalid`; what fails of one build is
    said with it.
    """
    with locking.alone(desk.home / "locks", place.address, "mirror"):
        chosen = plan.selected(found.definitions, Policy(filter=choices.filter))
        chosen = [each for each in chosen if each.enable or choices.force]
        if choices.lock is not None:
            chosen = pinning.pinned(chosen, choices.lock)
        resolved, unresolved = pointer.resolve(chosen, desk.web)
        usable = [each for each in resolved if each.name not in unresolved]
        wanted = _items(usable, choices)
        cache = Cache(desk.home, desk.web)
        cache.tidy()
        builds = [*Copier(place, cache, desk.web, desk.progress, ways).copy(wanted)]
        builds += [
            Copied(definition=name, version="", key="", result="failed", message=why)
            for name, why in unresolved.items()
        ]
        written = writing.write(path, choices.base, builds) if choices.base and not ways.dry else []
        done = Mirrored(tuple(builds), written=tuple(map(str, written)))
        return _pruned(done, found.definitions, wanted, place, choices, ways, desk) if choices.prune else done


def _items(definitions: Sequence[Definition], choices: Choices) -> list[Item]:
    if choices.bucket is not None:
        return copying.items_in(definitions, choices.bucket)
    return copying.items(definitions, choices.base)


def _pruned(
    done: Mirrored,
    definitions: Sequence[Definition],
    wanted: Sequence[Item],
    place: Place,
    choices: Choices,
    ways: Ways,
    desk: Desk,
) -> Mirrored:
    """Named is what any definition names, chosen or not. After a failure nothing is removed: it may hide a name."""
    if done.failed:
        return msgspec.structs.replace(done, notes=("nothing is removed in a run with a failure",))
    resolved, unresolved = pointer.resolve(definitions, desk.web)
    if unresolved:
        return msgspec.structs.replace(done, notes=tuple(f"nothing is removed: {why}" for why in unresolved.values()))
    named = {each.key for each in (*wanted, *_items(resolved, choices))}
    removed = pruning.prune(
        place,
        sorted(named),
        desk.today,
        grace_days=choices.grace_days,
        limit=choices.prune_limit,
        dry=ways.dry,
    )
    return msgspec.structs.replace(done, pruned=tuple(removed))
