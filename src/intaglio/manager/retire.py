"""Taking images out of the rotation by hand, or back in: which ones, whether they may, and the plan that does it. Pure.

The plan is one like others: it can be saved, is refused when the cloud has changed, and deletes no more than it may.
"""

import difflib
import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Literal

import msgspec

from intaglio.base.errors import Conflict, Invalid, NotFound
from intaglio.manager import naming, plan, retention, retired
from intaglio.manager.actions import Action, Change, Delete, Plan, Update, Value
from intaglio.manager.definitions import Definition
from intaglio.manager.entries import Entry, matched
from intaglio.manager.policy import Policy
from intaglio.manager.state import GONE, Build, Cloud, Image, build_of

Way = retired.Mark | Literal["delete", "undo"]
_PROPERTY = f"property:{naming.RETIRED}"


class NotDefined(NotFound):
    """The catalogue has no definition of this name."""

    code = "definition-unknown"


class NothingChosen(NotFound):
    """The cloud has no image of a definition that was asked for."""

    code = "nothing-to-retire"


class AgeInvalid(Invalid):
    """An age is neither a date nor a number of days."""

    code = "age-invalid"


class RetireRefused(Conflict):
    """Images may not be retired in this way; the text says of each why."""

    code = "retire-refused"


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for: images of one definition, by versions, by age, or all that are superseded."""

    definition: str
    versions: tuple[str, ...] = ()
    before: date | None = None
    """Built before this day; without a date of its own an image counts from the day it was made in the cloud."""
    superseded: bool = False
    """All but the current one."""
    way: Way | None = None
    """None: as the definition's retention says."""
    anyway: bool = False
    """Also what the retention rule keeps, and the only image that is left."""


def make(definitions: Sequence[Definition], cloud: Cloud, wish: Wish, policy: Policy, today: date) -> Plan:
    """The plan that retires. Raises `NotDefined`, `NothingChosen`, `RetireRefused`."""
    definition = _definition(definitions, wish.definition)
    history = _history(definition, definitions, cloud)
    chosen = _chosen(definition, history, wish)
    way = wish.way or definition.retention.retire or "community"
    if way != "undo":
        _allowed(definition, history, chosen, way, policy, today, anyway=wish.anyway)
    ids = {image.id for image in chosen}
    mark = None if way == "undo" else "hidden" if way == "delete" else way
    imagined = msgspec.structs.replace(
        cloud, images=tuple(_marked(image, mark) if image.id in ids else image for image in cloud.images)
    )
    present = _present(definition, history)
    others = [each for each in definitions if each.name != definition.name]
    name = f"^{re.escape(definition.name)}$"
    only = msgspec.structs.replace(policy, filter=name, delete=False, force=bool(present.versions))
    made = plan.make([*others, present], imagined, only, today)
    actions = [each for each in made.actions if isinstance(each, Update) and (definition.multi or each.image_id in ids)]
    allowed = msgspec.structs.replace(policy, delete=way == "delete")
    return msgspec.structs.replace(
        made, fingerprint=cloud.fingerprint(), policy=allowed, actions=tuple(_actions(actions, chosen, definition, way))
    )


def day_of(text: str, today: date) -> date:
    """A day from a date or from an age such as 90d. Raises `AgeInvalid`."""
    if found := re.fullmatch(r"(\d{1,5})\s*d(ays?)?", text):
        return today - timedelta(days=int(found[1]))
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise AgeInvalid(f"'{text}' is neither a date such as 2026-01-31 nor an age such as 90d.") from None


def _definition(definitions: Sequence[Definition], name: str) -> Definition:
    known = {each.name: each for each in definitions}
    if name in known:
        return known[name]
    like = difflib.get_close_matches(name, known, 1)
    raise NotDefined(f"No definition is named '{name}'" + (f"; did you mean '{like[0]}'?" if like else "."))


def _history(definition: Definition, definitions: Sequence[Definition], cloud: Cloud) -> list[Entry]:
    """The builds of a definition that the cloud has, newest first."""
    builds = {image.id: build for image in cloud.images if (build := build_of(image, definitions)) is not None}
    pool = [
        image
        for image in cloud.images
        if image.usable and image.status not in GONE and _of(builds.get(image.id)) == definition.name
    ]
    return [entry for entry in matched(definition, builds, pool) if entry.image is not None]


def _of(build: Build | None) -> str | None:
    return build.definition if build else None


def _present(definition: Definition, history: Sequence[Entry]) -> Definition:
    """The definition without what is still to be imported; with nothing left of it, as if it were switched off."""
    versions = tuple(entry.listed for entry in history if entry.listed is not None)
    return msgspec.structs.replace(definition, versions=versions, enable=bool(versions))


def _chosen(definition: Definition, history: Sequence[Entry], wish: Wish) -> list[Image]:
    there = {entry.version: entry for entry in history}
    missing = [version for version in wish.versions if version not in there]
    if missing:
        known = ", ".join(str(version) for version in there) or "none"
        raise NothingChosen(f"The cloud has no '{definition.name}' {', '.join(missing)}; it has {known}.")
    found = []
    current = next((entry for entry in history if retired.mark_of(entry.image) is None), None)
    for entry in history:
        if entry.image is None or (wish.way != "undo" and entry is current and entry.version not in wish.versions):
            continue
        named = entry.version in wish.versions
        aged = wish.before is not None and _built(entry) < wish.before.isoformat()
        undone = wish.way == "undo" and not wish.versions and retired.mark_of(entry.image) is not None
        if named or aged or undone or (wish.superseded and entry is not current):
            found.append(entry.image)
    if not found:
        raise NothingChosen(f"No image of '{definition.name}' is of the age or kind that was asked for.")
    return found


def _built(entry: Entry) -> str:
    """The day on which a build was made, YYYY-MM-DD, or else on which its image was."""
    image = entry.image
    listed = entry.listed.build_date if entry.listed else None
    own = image.properties.get(naming.BUILD_DATE) if image else None
    return (listed or own or (image.created_at if image else ""))[:10]


def _allowed(
    definition: Definition,
    history: Sequence[Entry],
    chosen: Sequence[Image],
    way: Way,
    policy: Policy,
    today: date,
    *,
    anyway: bool,
) -> None:
    ids = {image.id for image in chosen}
    reasons = []
    if not anyway and all(entry.image is None or entry.image.id in ids for entry in history):
        reasons.append(f"no image of '{definition.name}' would be left; --anyway does it all the same")
    for position, entry in enumerate(history):
        if way == "delete" and entry.image is not None and entry.image.id in ids:
            why = _undeletable(definition, entry, entry.image, position, policy, today, anyway=anyway)
            reasons += [f"'{entry.image.name}' ({entry.image.id}) {why}"] if why else []
    if reasons:
        raise RetireRefused("; ".join(reasons) + ". Nothing was changed.")


def _undeletable(
    definition: Definition, entry: Entry, image: Image, position: int, policy: Policy, today: date, *, anyway: bool
) -> str | None:
    if image.protected:
        return "is protected"
    if entry.listed is not None:
        return f"is listed at {entry.listed.place}: the next run would import it again; --unlist takes it out there"
    if definition.keep and not anyway:
        return "is to be kept, says its definition; --anyway deletes it"
    rule = retention.rule_for(definition, policy)
    if not anyway and not rule.frees(position, retention.superseded_since(image), today):
        return f"may not be deleted yet: {rule.why}; --anyway deletes it"
    return None


def _marked(image: Image, mark: str | None) -> Image:
    """The image as it would be with a mark, or without one and what only that had changed."""
    others = {name: value for name, value in image.properties.items() if name != naming.RETIRED}
    if mark:
        return msgspec.structs.replace(image, properties=others | {naming.RETIRED: mark})
    reset = _reset(image)
    return msgspec.structs.replace(
        image,
        properties=others,
        hidden=bool(reset.get("os_hidden", image.hidden)),
        status=str(reset.get("status", image.status)),
    )


def _reset(image: Image) -> dict[str, Value]:
    """The fields that a mark had set, as they are without it."""
    mark = retired.mark_of(image)
    found: dict[str, Value] = {}
    if mark in {"hidden", "deactivated"} and image.hidden:
        found["os_hidden"] = False
    if mark == "deactivated" and image.status == "deactivated":
        found["status"] = "active"
    return found


def _actions(updates: Sequence[Update], chosen: Iterable[Image], definition: Definition, way: Way) -> list[Action]:
    """The updates, those of the chosen with their mark; who gives up a name stays in front of who takes it."""
    by_id = {each.image_id: each for each in updates}
    marked: dict[str, Update] = {}
    ends: list[Action] = []
    for image in chosen:
        update = by_id.get(image.id)
        changes = list(update.changes) if update else []
        if way == "delete":
            changes = [change for change in changes if change.field == "name"]
            reason = "it is retired by hand"
            ends.append(Delete(definition=definition.name, image_id=image.id, name=image.name, reason=reason))
        else:
            changes = _own(image, way, changes)
        if changes:
            marked[image.id] = Update(
                definition=definition.name,
                image_id=image.id,
                name=image.name,
                changes=tuple(changes),
                reason="it is taken back" if way == "undo" else f"it is retired by hand: {way}",
            )
    ordered = [marked.pop(each.image_id, each) for each in updates if each.image_id in marked or not _was(each, chosen)]
    return [*ordered, *marked.values(), *ends]


def _was(update: Update, chosen: Iterable[Image]) -> bool:
    return any(image.id == update.image_id for image in chosen)


def _own(image: Image, way: Way, changes: Sequence[Change]) -> list[Change]:
    """The changes with that of the mark itself, from what the image is and not from what was imagined."""
    old = image.properties.get(naming.RETIRED)
    if way != "undo":
        return [*changes, Change(_PROPERTY, old, way)] if old != way else list(changes)
    now: dict[str, Value] = {"os_hidden": image.hidden, "status": image.status}
    reset = _reset(image)
    target = reset | {change.field: change.new for change in changes if change.field in reset}
    back = [Change(field, now[field], value) for field, value in target.items() if now[field] != value]
    mark = [Change(_PROPERTY, old, None)] if old else []
    return [*(change for change in changes if change.field not in reset), *back, *mark]
