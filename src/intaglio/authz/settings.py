"""Where the operator's rules are, found: policy overrides (oslo.policy's names), property protections (Glance's)."""

from pathlib import Path

import msgspec

from intaglio.authz.property_rules import RuleFormat


class PolicySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Files and directories that exist; those of `policy_dirs`, in their order, override `policy_file`."""

    policy_file: Path | None = None
    policy_dirs: tuple[Path, ...] = ()
    policy_default_rule: str = "default"


class ProtectionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The file of property protections; without one no property is protected."""

    property_protection_file: Path | None = None
    property_protection_rule_format: RuleFormat = RuleFormat.ROLES
