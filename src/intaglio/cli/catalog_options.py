"""Options of `intaglio catalog`: which cloud, and what a run may do."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from intaglio.manager.policy import DELETIONS, MANAGED, Policy

if TYPE_CHECKING:
    from intaglio.manager.run import Target


@Parameter(name="*")
@dataclass(frozen=True)
class CloudOptions:
    """Which cloud. Use as a parameter of a command: the fields become its options."""

    os_cloud: Annotated[str | None, Parameter(name="--os-cloud")] = None
    "A cloud of clouds.yaml. [default: OS_CLOUD and the other OS_* variables; or intaglio]"
    project_id: str | None = None
    "Your project, where the cloud does not say it (without Keystone)."
    cache: Path | None = None
    "Directory of the downloads. [default: ~/.cache/intaglio/catalog]"

    def name(self) -> str | None:
        """The cloud to connect to; None when the environment says it."""
        silent = self.os_cloud is None and not any(key.startswith("OS_") and os.environ[key] for key in os.environ)
        return "intaglio" if silent else self.os_cloud

    def target(self) -> "Target":
        """A connection to it."""
        from intaglio.client.cloud import connect
        from intaglio.manager.run import Target

        name = self.name()
        return Target(connect(name), name or os.environ.get("OS_CLOUD") or "environment", self.project_id)

    def home(self) -> Path:
        """The directory of downloads and locks."""
        return self.cache or default_home()


def default_home() -> Path:
    """Where downloads are kept when nothing else is said."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "intaglio" / "catalog"


@Parameter(name="*")
@dataclass(frozen=True)
class CatalogOptions:
    """What a run may do. Use as a parameter of a command: the fields become its options."""

    filter: str = ""
    "Only definitions whose name this regular expression is found in."
    tag: str = MANAGED
    "The tag of managed images; others are never touched."
    latest: Annotated[bool, Parameter(negative="")] = False
    "Of rebuilt images (multi: true), import only the newest version."
    force: Annotated[bool, Parameter(negative="")] = False
    "Process definitions with `enable: false`, too."
    delete: Annotated[bool, Parameter(negative="")] = False
    "Delete images that may be deleted."
    delete_limit: int = DELETIONS
    "Refuse a plan that deletes more images."
    prune: Annotated[bool, Parameter(negative="")] = False
    "With --delete: also delete images whose definition is gone."
    deactivate: Annotated[bool, Parameter(negative="")] = False
    "Deactivate images that may be deleted."
    retire_expired: Annotated[bool, Parameter(negative="")] = False
    "Past `provided_until`, import nothing and retire the newest image, too."
    allow_unverified: Annotated[bool, Parameter(negative="")] = False
    "Import images that neither the definition nor the upstream has a checksum of."

    def policy(self) -> Policy:
        """These as the manager takes them."""
        return Policy(
            tag=self.tag,
            filter=self.filter,
            latest=self.latest,
            force=self.force,
            delete=self.delete,
            delete_limit=self.delete_limit,
            prune=self.prune,
            deactivate=self.deactivate,
            retire_expired=self.retire_expired,
            allow_unverified=self.allow_unverified,
        )


DEFAULTS = CatalogOptions()
