"""What the operator asks of a run, beside what the definitions say."""

import msgspec

from intaglio.manager.definitions import Visibility

MANAGED = "managed_by_osism"
"""The original program's default tag: clouds that it manages are adopted."""
DELETIONS = 10
"""Images that a run deletes at most, when nothing else is said."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Options of one run. The words are those of the original program where it has the option."""

    tag: str = MANAGED
    filter: str = ""
    """A regular expression, searched in the names of definitions."""
    latest: bool = False
    """Of rebuilt images, import the newest version only."""
    force: bool = False
    """Process definitions that are not enabled, too."""
    keep: bool = False
    """Leave superseded images of `multi: false` definitions alone."""
    hide: bool = False
    """Retire every superseded image, not only those beyond the visible ones."""
    os_hidden: bool = False
    """Hide superseded images by `os_hidden`, and leave their visibility."""
    hidden_visibility: Visibility | None = None
    """With `hide`: the visibility that superseded images get."""
    deactivate: bool = False
    """Deactivate images that may be deleted."""
    delete: bool = False
    """Delete images that may be deleted."""
    delete_limit: int = DELETIONS
    """A plan with more deletions is refused as a whole."""
    prune: bool = False
    """With `delete`: also delete images whose definition is gone."""
    retire_expired: bool = False
    """Import nothing past `provided_until`, and retire the newest image, too."""
    allow_unverified: bool = False
    """Import images that nobody publishes a checksum of."""
