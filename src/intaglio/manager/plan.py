"""The plan: what makes a cloud agree with a catalogue. Pure: values in, a value out; neither network nor clock."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

import msgspec

from intaglio.base.errors import Invalid
from intaglio.manager import desired, naming, retention, retired
from intaglio.manager.actions import Action, Change, Delete, Import, Keep, Note, Plan, Update
from intaglio.manager.definitions import Definition, Version
from intaglio.manager.entries import Entry, matched, names, proven
from intaglio.manager.policy import Policy
from intaglio.manager.state import GONE, Build, Cloud, Image, build_of


class FilterInvalid(Invalid):
    """A filter is no regular expression."""

    code = "filter-invalid"


def make(
    definitions: Sequence[Definition],
    cloud: Cloud,
    policy: Policy,
    today: date,
    failed: Mapping[str, str] | None = None,
) -> Plan:
    """The plan for a cloud on a day. `failed` says of definitions that cannot be used why; they are left alone.

    Raises `FilterInvalid`.
    """
    failed = failed or {}
    builds = {image.id: build for image in cloud.images if (build := build_of(image, definitions)) is not None}
    actions: list[Action] = []
    notes = [Note("error", name, why) for name, why in failed.items()]
    for definition in selected(definitions, policy):
        if definition.name not in failed:
            pool = [i for i in cloud.images if i.id in builds and builds[i.id].definition == definition.name]
            actions += _Planner(definition, builds, policy, today, notes).actions(pool)
    if not policy.filter:
        actions += _orphans(definitions, cloud, builds, policy, failed, notes)
    return Plan(
        cloud=cloud.name,
        project=cloud.project,
        made=today.isoformat(),
        fingerprint=cloud.fingerprint(),
        policy=policy,
        actions=tuple(_in_order(actions, notes)),
        notes=tuple(notes),
    )


def selected(definitions: Iterable[Definition], policy: Policy) -> list[Definition]:
    """The definitions that a run is about. Raises `FilterInvalid`."""
    try:
        pattern = re.compile(policy.filter)
    except re.error as error:
        raise FilterInvalid(f"The filter '{policy.filter}' is no regular expression: {error}.") from None
    return [definition for definition in definitions if pattern.search(definition.name)]


def _in_order(actions: list[Action], notes: list[Note]) -> Iterator[Action]:
    """Deletions last; none at all after an error, because what looks superfluous may be what the error hides."""
    broken = any(note.severity == "error" for note in notes)
    yield from (each for each in actions if not isinstance(each, Delete) or each.unfinished)
    for each in actions:
        if isinstance(each, Delete) and not each.unfinished:
            if broken:
                why = f"not deleted, because a definition has an error ({each.reason})"
                yield Keep(definition=each.definition, name=each.name, reason=why, image_id=each.image_id)
            else:
                yield each


def _orphans(
    definitions: Sequence[Definition],
    cloud: Cloud,
    builds: Mapping[str, Build],
    policy: Policy,
    failed: Mapping[str, str],
    notes: list[Note],
) -> Iterator[Action]:
    known = {definition.name for definition in definitions} | failed.keys()
    for image in cloud.images:
        build = builds.get(image.id)
        if (build is not None and build.definition in known) or image.status in GONE:
            continue
        of = build.definition if build else ""
        about = f"its definition '{of}' is gone" if of else "no definition fits it"
        if policy.prune and policy.delete and not image.protected and of:
            yield Delete(definition=of, image_id=image.id, name=image.name, reason=f"{about}, and --prune is given")
        else:
            notes.append(Note("warning", of, f"'{image.name}' ({image.id}) is an orphan: {about}; it is left alone"))


class _Planner:
    """Plans one definition."""

    def __init__(
        self, definition: Definition, builds: Mapping[str, Build], policy: Policy, today: date, notes: list[Note]
    ) -> None:
        self._definition = definition
        self._builds = builds
        self._policy = policy
        self._today = today
        self._notes = notes
        self._rule = retention.rule_for(definition, policy)
        self._enabled = definition.enable or policy.force
        self._expired = retention.is_expired(definition, today)
        self._ended = self._expired and policy.retire_expired

    def actions(self, pool: Sequence[Image]) -> Iterator[Action]:
        if self._expired:
            until = self._definition.meta.get("provided_until")
            self._warn(
                f"provided_until, {until}, has passed" + ("" if self._ended else "; --retire-expired retires it")
            )
        importing = self._enabled and not self._ended
        listed = self._definition if self._enabled else msgspec.structs.replace(self._definition, versions=())
        if self._enabled and not self._definition.versions:
            return  # as the original program does: nothing listed, nothing done
        usable = [image for image in pool if image.usable and image.status not in GONE]
        leftovers = [image for image in pool if not image.usable and image.status not in GONE]
        history, multi = matched(listed, self._builds, usable), self._definition.multi
        ordered = [entry for entry in history if self._counts(entry, history)]
        current = self._current(ordered)
        if current is not None:
            ordered.remove(current)
            ordered.insert(0, current)
        kept = list(self._positions(ordered, current, importing=importing))
        kept += [(entry, max(1, place)) for place, entry in enumerate(history) if _is_retired(entry) and multi]
        going = {index for index, (entry, position) in enumerate(kept) if self._goes(entry, position)}
        naming_ = names(self._definition, [entry for entry, _ in kept], current, going)
        updates: list[Update] = []
        for index, (entry, position) in enumerate(kept):
            if entry.image is None:
                yield from self._import(entry, position, naming_[index], leftovers)
            elif retired.mark_of(entry.image) and not self._goes(entry, position):
                updates.append(self._update(entry, entry.image, position, self._retired(entry.image, naming_[index])))
            else:
                updates += self._existing(entry, entry.image, position, naming_[index])
        yield from self._discards(leftovers)
        yield from _renames_first([each for each in updates if each.changes])
        yield from self._endings(kept)

    def _current(self, ordered: Sequence[Entry]) -> Entry | None:
        """The entry that has the plain name: the newest listed; of a definition that is switched off, the newest."""
        if not self._definition.multi:
            return None
        listed = [entry for entry in ordered if entry.listed is not None]
        if self._ended:
            listed = [entry for entry in listed if entry.image is not None]
        return next(iter(listed or ordered), None)

    def _counts(self, entry: Entry, history: Sequence[Entry]) -> bool:
        """Whether it takes part in the rotation: not what was retired by hand, nor what would only fill that gap."""
        if not self._definition.multi:
            return True  # versions stand side by side
        if entry.image is not None:
            return not _is_retired(entry)
        newer = history[: history.index(entry)]
        left_out = self._policy.latest or self._rule.excludes(len(newer), self._today)
        return not (left_out and any(map(_is_retired, newer)))

    def _positions(
        self, ordered: Sequence[Entry], current: Entry | None, *, importing: bool
    ) -> Iterator[tuple[Entry, int]]:
        """Entries that are in the cloud or will be, with their places in the retention: 0 is the current one.

        A version that would be free to be deleted at once is not imported: or each run would delete and import it.
        """
        multi = self._definition.multi
        position = 0 if multi or self._ended else 1
        for entry in ordered:
            if not multi and entry.listed is not None and not self._ended:
                if entry.image is not None or importing:
                    yield entry, 0
                continue
            if entry.image is None:
                if not importing:
                    continue
                if self._policy.latest and entry is not current:
                    continue
                if self._rule.excludes(position, self._today):
                    continue
            yield entry, position
            position += 1

    def _import(self, entry: Entry, position: int, name: str, leftovers: list[Image]) -> Iterator[Action]:
        version = entry.listed
        if version is None:
            return
        wanted = desired.properties(self._definition, version, current=position == 0)
        tags = desired.tags(self._definition, self._policy.tag)
        wanted[naming.OWNED] = desired.owned(wanted, tags)
        if position > 0:
            wanted[naming.SUPERSEDED] = self._today.isoformat()
        leftover = self._leftover(version, leftovers)
        first = naming.suffixed(self._definition, version.version)
        yield Import(
            definition=self._definition.name,
            version=version.version,
            name=name,
            first_name=name if position > 0 else first,
            sources=tuple(dict.fromkeys(filter(None, (version.mirror_url, version.url)))),
            digest=str(version.checksum) if version.checksum else None,
            size=version.size,
            format=self._definition.format,
            visibility=self._visibility(version, position),  # type: ignore[arg-type]
            hidden=bool(self._hidden(version, position)),
            status=self._definition.status,
            min_disk=self._definition.min_disk,
            min_ram=self._definition.min_ram,
            tags=tags,
            properties=wanted,
            image_id=leftover.id if leftover else None,
            fixed_id=version.id,
            reason="an interrupted import goes on" if leftover else "it is not in the cloud",
        )

    def _leftover(self, version: Version, leftovers: list[Image]) -> Image | None:
        """An image that an interrupted run left for this build and that can still be filled."""
        for image in leftovers:
            build = self._builds[image.id]
            same_bytes = build.digest is None or version.checksum is None or build.digest == str(version.checksum)
            if build.version == version.version and same_bytes and image.status in {"queued", "active"}:
                leftovers.remove(image)
                return image
        return None

    def _discards(self, leftovers: Sequence[Image]) -> Iterator[Action]:
        for image in leftovers:
            why = f"an interrupted import left it, {image.status}"
            if image.protected:
                self._warn(f"'{image.name}' ({image.id}): {why}; it is protected and left alone")
            else:
                yield Delete(
                    definition=self._definition.name, image_id=image.id, name=image.name, reason=why, unfinished=True
                )

    def _existing(self, entry: Entry, image: Image, position: int, name: str) -> Iterator[Update]:
        if self._left_alone(entry):  # but for a name that a listed build needs
            renamed = desired.field_changes(image, {"name": name})
            yield self._update(entry, image, position, renamed)
            return
        version = entry.listed
        fields: dict[str, object] = {"name": name, "visibility": self._visibility(version, position, image)}
        hidden = self._hidden(version, position)
        fields |= {} if hidden is None else {"os_hidden": hidden}
        if self._goes(entry, position):  # it gives up its name all the same: it may be in use, and stay for a while
            yield self._update(entry, image, position, desired.field_changes(image, fields))  # type: ignore[arg-type]
            return
        fields |= self._status(entry, position)
        changes: list[Change] = []
        if version is not None:
            fields["min_disk"] = desired.min_disk(self._definition.min_disk, image.virtual_size)
            fields["min_ram"] = self._definition.min_ram
        changes += desired.field_changes(image, fields)  # type: ignore[arg-type]
        changes += self._properties(entry, image, position)
        yield self._update(entry, image, position, changes)

    def _retired(self, image: Image, name: str) -> list[Change]:
        """What keeps an image out of sight that was taken out of the rotation by hand."""
        fallback = self._definition.retention.retire or "community"
        fields = {"name": name, **retired.fields(image, fallback)}
        wanted = dict(image.properties) | {
            naming.DEFINITION: self._definition.name,
            naming.SUPERSEDED: retention.superseded_since(image) or self._today.isoformat(),
        }
        if self._definition.multi and image.properties.get("os_purpose") == "generic":
            wanted["os_purpose"] = "oldgeneric"
        return desired.field_changes(image, fields) + desired.property_changes(image, wanted, frozenset())

    def _update(self, entry: Entry, image: Image, position: int, changes: Sequence[Change]) -> Update:
        return Update(
            definition=self._definition.name,
            image_id=image.id,
            name=image.name,
            changes=tuple(changes),
            reason=self._why(position, entry),
        )

    def _properties(self, entry: Entry, image: Image, position: int) -> list[Change]:
        version = entry.listed
        if version is None:
            wanted = {naming.DEFINITION: self._definition.name}
            if self._definition.multi and position > 0 and image.properties.get("os_purpose") == "generic":
                wanted["os_purpose"] = "oldgeneric"
            removed: frozenset[str] = frozenset()
            kept = {name: value for name, value in image.properties.items() if name not in wanted}
            wanted = kept | wanted  # nothing is known of the rest
        else:
            wanted = desired.properties(self._definition, version, current=position == 0)
            tags = desired.tags(self._definition, self._policy.tag)
            wanted[naming.OWNED] = desired.owned(wanted, tags)
            wanted.pop(naming.SIGNER, None)  # said of what was verified before it was imported, and of nothing else
            wanted |= self._proof(image, version)
            meta = self._definition.meta | version.meta
            removed = frozenset(name for name, value in meta.items() if value is None)
        if position > 0:
            wanted[naming.SUPERSEDED] = retention.superseded_since(image) or self._today.isoformat()
        else:
            wanted.pop(naming.SUPERSEDED, None)
            removed |= {naming.SUPERSEDED}
        changes = desired.property_changes(image, wanted, removed)
        return changes + (desired.tag_changes(image, tags) if version is not None else [])

    def _proof(self, image: Image, version: Version) -> dict[str, str]:
        """Compare what an adopted image holds with what the file says it holds."""
        equal = proven(image, self._definition, version)
        if equal is False:
            self._warn(f"'{image.name}' ({image.id}) holds other bytes than {version.checksum} of '{version.version}'")
        return {naming.DIGEST: str(version.checksum)} if equal else {}

    def _visibility(self, version: Version | None, position: int, image: Image | None = None) -> str:
        own = (version.visibility if version else None) or self._definition.visibility
        if self._shows(position):
            keeps = version is None and not self._definition.multi
            return image.visibility if image is not None and keeps else own
        return retention.retired_visibility(self._definition, self._policy, own)

    def _shows(self, position: int) -> bool:
        return self._rule.shows(position) and not self._ended

    def _hidden(self, version: Version | None, position: int) -> bool | None:
        """What os_hidden should be; None is to leave it."""
        if version is not None and version.hidden is not None:
            return version.hidden
        if self._definition.retention.retire == "hidden" and not self._policy.hide:
            return not self._shows(position)
        if self._policy.os_hidden:
            return position > 0 or self._ended
        return False if self._definition.multi and position == 0 else None

    def _status(self, entry: Entry, position: int) -> dict[str, object]:
        if self._frees(entry, position):
            off = self._policy.deactivate or self._definition.retention.deactivate
            return {"status": "deactivated"} if off else {}
        return {"status": self._definition.status} if entry.listed is not None else {}

    def _frees(self, entry: Entry, position: int) -> bool:
        since = retention.superseded_since(entry.image) if entry.image else None
        return self._rule.frees(position, since, self._today)

    def _left_alone(self, entry: Entry) -> bool:
        return self._policy.keep and not self._definition.multi and entry.listed is None

    def _goes(self, entry: Entry, position: int) -> bool:
        may = self._policy.delete and not self._definition.keep and not self._left_alone(entry)
        return may and entry.image is not None and not entry.image.protected and self._frees(entry, position)

    def _endings(self, kept: Iterable[tuple[Entry, int]]) -> Iterator[Action]:
        """Deletions, and why images that may be deleted stay."""
        for entry, position in kept:
            image = entry.image
            if image is None or not self._frees(entry, position):
                continue
            of, why = self._definition.name, self._rule.why
            if self._goes(entry, position):
                yield Delete(definition=of, image_id=image.id, name=image.name, reason=f"superseded, and {why}")
            else:
                yield Keep(definition=of, name=image.name, image_id=image.id, reason=self._stays(image, why))

    def _stays(self, image: Image, why: str) -> str:
        if self._definition.keep or (self._policy.keep and not self._definition.multi):
            return "it could be deleted, but is to be kept"
        return (
            "it could be deleted, but is protected" if image.protected else f"it may be deleted: {why}; --delete does"
        )

    def _why(self, position: int, entry: Entry) -> str:
        if mark := retired.mark_of(entry.image):
            return f"it was retired by hand: {mark}"
        if not self._definition.multi and entry.listed is None:
            return "the file does not list it any more"
        if position == 0:
            return "it is the current one" if self._definition.multi else "the file says so"
        return f"it is number {position + 1}" + (
            "" if self._shows(position) else f", and {self._rule.visible} are visible"
        )

    def _warn(self, message: str) -> None:
        self._notes.append(Note("warning", self._definition.name, message))


def _is_retired(entry: Entry) -> bool:
    return retired.mark_of(entry.image) is not None


def _renames_first(updates: Sequence[Update]) -> list[Update]:
    """Who gives up a name comes right before who takes it, so that the name is missing for one call only."""
    new_names = {_new_name(each): each for each in updates if _new_name(each)}
    ordered: list[Update] = []
    for each in updates:
        taker = new_names.get(each.name)
        if taker is not None and taker is not each and each not in ordered:
            ordered += [one for one in (each, taker) if one not in ordered]
    return ordered + [each for each in updates if each not in ordered]


def _new_name(update: Update) -> str | None:
    return next((str(change.new) for change in update.changes if change.field == "name"), None)
