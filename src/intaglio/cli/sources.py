"""The command line options that say where configuration comes from; every command that reads it has them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from intaglio.bootstrap.sources import Sources


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ConfigOptions:
    """Where configuration comes from. Use as a parameter of a command: the fields become its options."""

    config_file: Annotated[list[Path] | None, Parameter(name="--config-file", negative="")] = None
    "A file in the format of glance-api.conf. May be repeated; later files override earlier ones."
    config_dir: Annotated[list[Path] | None, Parameter(name="--config-dir", negative="")] = None
    "A directory whose *.conf files are read after those. May be repeated."
    data_dir: Path | None = None
    "Directory for the database, the images and the users, where nothing else places them."

    def sources(self, **overrides: str | None) -> "Sources":
        """These, with other `[intaglio]` options from the command line; None is one that was not given."""
        from intaglio.bootstrap.sources import Sources

        data_dir = None if self.data_dir is None else str(self.data_dir)
        return Sources(
            files=tuple(self.config_file or ()),
            directories=tuple(self.config_dir or ()),
            overrides={"data_dir": data_dir, **overrides},
        )
