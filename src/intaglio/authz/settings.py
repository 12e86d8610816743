"""Where the operator's rules are: policy overrides (oslo.policy's names), property protections (Glance's)."""

from pathlib import Path

import msgspec

from intaglio.authz.property_rules import RuleFormat


def there(places: tuple[Path, ...]) -> Path | None:
    """The first of the places that exists at this moment."""
    return next((place for place in places if place.exists()), None)


class PolicySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Places to look at, again and again: of the alternatives for one file or directory the first that exists counts.

    Directories override the file, later ones earlier ones. Without a file of property protections none is protected.
    """

    policy_file: tuple[Path, ...] = ()
    policy_dirs: tuple[tuple[Path, ...], ...] = ()
    enforce_new_defaults: bool = True
    property_protection_file: Path | None = None
    property_protection_rule_format: RuleFormat = RuleFormat.ROLES
