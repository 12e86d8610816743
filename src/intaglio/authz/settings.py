"""Where the operator's policy overrides are, and which defaults they replace (oslo.policy's names)."""

from pathlib import Path

import msgspec


class PolicySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Places to look at, again and again: of the alternatives for one file or directory the first that exists counts.

    Directories override the file, later ones earlier ones.
    """

    file_places: tuple[Path, ...] = ()
    dir_places: tuple[tuple[Path, ...], ...] = ()
    enforce_new_defaults: bool = True

    @property
    def policy_file(self) -> Path | None:
        """The file that is there now."""
        return next((place for place in self.file_places if place.exists()), None)

    @property
    def policy_dirs(self) -> tuple[Path, ...]:
        """The directories that are there now."""
        found = (next((place for place in places if place.exists()), None) for places in self.dir_places)
        return tuple(place for place in found if place is not None)
