"""How long superseded images stay: visible, kept, then free to be deleted. Pure rules, after SCS-0102."""

import re
from datetime import date, timedelta

import msgspec

from intaglio.manager import naming
from intaglio.manager.definitions import Definition
from intaglio.manager.policy import Policy
from intaglio.manager.state import Image

VISIBLE = 3
"""Images of a rebuilt definition that stay visible when nothing is said: the current one and two before it."""
_RANK = {"private": 0, "shared": 1, "community": 2, "public": 3}


class Rule(msgspec.Struct, frozen=True):
    """Counts are with the current image; None is without limit."""

    visible: int | None
    kept: int | None
    until: date | None
    """No image may be deleted before this day."""
    grace: timedelta
    why: str
    """What decides about deletion, for people."""

    def shows(self, position: int) -> bool:
        """Whether the image at this position (0: the current one) keeps its visibility."""
        return self.visible is None or position < self.visible

    def excludes(self, position: int, today: date) -> bool:
        """Whether the count leaves this position out, whatever the grace: such a build is not imported any more."""
        return self.kept is not None and position >= self.kept and (self.until is None or today >= self.until)

    def frees(self, position: int, superseded: str | None, today: date) -> bool:
        """Whether the image at this position, superseded since a day (YYYY-MM-DD), may be deleted."""
        if not self.excludes(position, today):
            return False
        if not self.grace:
            return True
        return superseded is not None and today >= date.fromisoformat(superseded) + self.grace


def rule_for(definition: Definition, policy: Policy) -> Rule:
    """What a definition and the options of this run say."""
    wanted = definition.retention
    visible = wanted.visible if wanted.visible is not None else (VISIBLE if definition.multi else None)
    kept, until, why = _validity(definition, visible)
    if wanted.kept is not None:
        kept, until = (None if wanted.kept == "all" else wanted.kept), None
        why = f"retention keeps {wanted.kept}"
    elif wanted.visible is not None and kept is not None:
        kept = max(kept, wanted.visible)
    if policy.hide:
        visible = 1
    return Rule(visible, kept, until, timedelta(days=wanted.grace_days), why)


def _validity(definition: Definition, visible: int | None) -> tuple[int | None, date | None, str]:
    """How many images `uuid_validity` keeps, until when all of them, and that in words."""
    said = definition.meta.get("uuid_validity")
    if said is None:
        kept = visible if definition.multi and visible else 1
        return kept, None, f"{kept} images are kept by default"
    why = f"uuid_validity is {said}"
    if said == "none":
        return 1, None, why
    if found := re.fullmatch(r"last-([1-9]\d{0,5})", said):
        return int(found[1]), None, why
    try:
        return 1, date.fromisoformat(said[:10]), why
    except ValueError:
        return None, None, why


def retired_visibility(definition: Definition, policy: Policy, own: str) -> str:
    """The visibility of an image that is not visible any more: community, and never more than its own."""
    if policy.hide and policy.hidden_visibility:
        return policy.hidden_visibility
    if policy.os_hidden or definition.retention.retire == "hidden":
        return own
    return less_visible(definition.retention.retire or "community", own)


def less_visible(one: str, other: str) -> str:
    """Of two visibilities the one that fewer see."""
    return one if _RANK[one] < _RANK[other] else other


def superseded_since(image: Image) -> str | None:
    """The day, YYYY-MM-DD, on which the manager first saw the image superseded."""
    said = image.properties.get(naming.SUPERSEDED, "")[:10]
    return said if re.fullmatch(r"\d{4}-\d\d-\d\d", said) and _is_day(said) else None


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_expired(definition: Definition, today: date) -> bool:
    """Whether `provided_until` has passed."""
    said = (definition.meta.get("provided_until") or "")[:10]
    return _is_day(said) and date.fromisoformat(said) < today
