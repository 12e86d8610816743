"""Removing from a mirror what no definition names any more: not at once, not much at a time, and only its own files."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Literal

import msgspec

from intaglio.base.errors import Invalid
from intaglio.manager.mirror.place import NOTES, SUM, Place

GRACE_DAYS = 14
LIMIT = 10


class TooMuchToPrune(Invalid):
    """A mirror has more to remove than one run may."""

    code = "too-much-to-prune"


class Pruned(msgspec.Struct, frozen=True):
    """A file that no definition names: since when, and whether it is gone, would be, or waits."""

    key: str
    since: str
    result: Literal["removed", "superfluous", "waiting"]


class _Notes(msgspec.Struct):
    """What is remembered: the day, YYYY-MM-DD, on which a file was first seen that no definition names."""

    unnamed: dict[str, str] = {}


def prune(
    place: Place,
    named: Sequence[str],
    today: date,
    *,
    grace_days: int = GRACE_DAYS,
    limit: int = LIMIT,
    dry: bool = False,
) -> Iterator[Pruned]:
    """Remove files that a mirror has put there, of which no definition has named any for `grace_days`.

    The first run that sees such a file notes the day; with `dry` nothing is noted and nothing removed. Files of others
    are never touched. Raises `TooMuchToPrune` before anything is removed, `MirrorFailed`.
    """
    notes = _read(place)
    superfluous = sorted(set(place.keys()) - set(named) - {name + SUM for name in named} - {NOTES})
    own = [key for key in superfluous if not _is_sum(key, superfluous, named) and _ours(place, key)]
    unnamed = {key: notes.unnamed.get(key, today.isoformat()) for key in own}
    due = [key for key in own if (today - date.fromisoformat(unnamed[key])).days >= grace_days]
    if len(due) > limit:
        raise TooMuchToPrune(
            f"{len(due)} files would be removed from {place.address} ({', '.join(due[:3])}, …), and one run may remove "
            f"{limit}: look at --dry-run, then allow more with --prune-limit. Nothing was removed."
        )
    for key in own:
        if key not in due:
            yield Pruned(key, unnamed[key], "waiting")
        elif dry:
            yield Pruned(key, unnamed[key], "superfluous")
        else:
            place.delete(key)
            place.delete(key + SUM)
            yield Pruned(key, unnamed.pop(key), "removed")
    if not dry and unnamed != notes.unnamed:
        place.put_text(NOTES, msgspec.json.encode(_Notes(unnamed), order="sorted").decode() + "\n")


def _is_sum(key: str, superfluous: Sequence[str], named: Sequence[str]) -> bool:
    """Whether it goes or stays with the file that it is the sum of."""
    of = key.removesuffix(SUM)
    return of != key and (of in superfluous or of in named)


def _ours(place: Place, key: str) -> bool:
    held = place.look(key)
    return held is not None and held.facts is not None


def _read(place: Place) -> _Notes:
    text = place.text(NOTES)
    try:
        notes = msgspec.json.decode(text or "{}", type=_Notes)
        for day in notes.unnamed.values():
            date.fromisoformat(day)
    except (msgspec.DecodeError, ValueError):
        return _Notes()  # the grace begins anew
    return notes
