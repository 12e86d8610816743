"""Options that several commands share, and the settings they lead to."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

if TYPE_CHECKING:
    from intaglio.bootstrap.settings import Settings


FormatOption = Annotated[Literal["text", "json"], Parameter(name="--format", help="Form of what is printed.")]


@Parameter(name="*")
@dataclass(frozen=True)
class Source:
    """Where settings come from."""

    data_dir: Annotated[
        Path | None,
        Parameter(help="Directory of database, images, users and clouds.yaml. [default: ~/.local/share/intaglio]"),
    ] = None
    config_file: Annotated[
        list[Path] | None,
        Parameter(help="A glance-api.conf; may be given several times, later ones win.", negative=""),
    ] = None
    config_dir: Annotated[
        list[Path] | None, Parameter(help="A directory of *.conf files, read in order of their names.", negative="")
    ] = None

    def settings(self, overrides: Mapping[str, Any] | None = None) -> "Settings":
        """The settings from files, environment and command line; `overrides` that are None were not given."""
        from intaglio.bootstrap.load import load

        given = {name: value for name, value in (overrides or {}).items() if value is not None}
        if self.data_dir is not None:
            given["data_dir"] = str(self.data_dir)
        return load(config_files=self.config_file or (), config_dirs=self.config_dir or (), overrides=given)
