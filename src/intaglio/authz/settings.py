"""Where the operator's policy overrides are, found (oslo.policy's names)."""

from pathlib import Path

import msgspec


class PolicySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Files and directories that exist; those of `policy_dirs`, in their order, override `policy_file`."""

    policy_file: Path | None = None
    policy_dirs: tuple[Path, ...] = ()
    policy_default_rule: str = "default"
