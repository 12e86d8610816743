"""Where the operator's policy overrides are, and which defaults they replace (oslo.policy's names)."""

from pathlib import Path

import msgspec


def there(places: tuple[Path, ...]) -> Path | None:
    """The first of the places that exists at this moment."""
    return next((place for place in places if place.exists()), None)


class PolicySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Places to look at, again and again: of the alternatives for one file or directory the first that exists counts.

    Directories override the file, later ones earlier ones.
    """

    policy_file: tuple[Path, ...] = ()
    policy_dirs: tuple[tuple[Path, ...], ...] = ()
    enforce_new_defaults: bool = True
