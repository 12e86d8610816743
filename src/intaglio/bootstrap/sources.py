"""Where configuration comes from: the files, directories and command line words that one start was given."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from intaglio.bootstrap.problems import ConfigInvalid, Level, Problem

ENVIRONMENT_DIRECTORY = "OS_GLANCE_CONFIG_DIR"
OWN_FILE = "intaglio.conf"


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line said. `overrides` are `[intaglio]` options by name, as text; None leaves one alone."""

    files: tuple[Path, ...] = ()
    directories: tuple[Path, ...] = ()
    overrides: Mapping[str, str | None] = {}

    def resolved(self) -> tuple[Path, ...]:
        """All files to read, later ones overriding earlier ones.

        The files given, then `*.conf` of each directory given, by name. With neither: glance-api.conf and
        glance-image-import.conf of $OS_GLANCE_CONFIG_DIR where that is set, otherwise intaglio.conf of the data
        directory if it is there. /etc/glance is read only when it is named. Raises `ConfigInvalid`.
        """
        if self.files or self.directories:
            found = [file.absolute() for file in self.files]
            for directory in self.directories:
                found += _configuration_in(directory)
            return tuple(found)
        if directory_name := os.environ.get(ENVIRONMENT_DIRECTORY):
            directory = Path(directory_name).absolute()
            optional = directory / "glance-image-import.conf"
            return (directory / "glance-api.conf", *((optional,) if optional.exists() else ()))
        own = self.early_data_dir() / OWN_FILE
        return (own,) if own.exists() else ()

    def early_data_dir(self) -> Path:
        """The data directory as far as it can be known before any file is read."""
        named = self.overrides.get("data_dir") or os.environ.get("OS_INTAGLIO__DATA_DIR")
        return Path(named).expanduser().absolute() if named else default_data_dir()


def default_data_dir() -> Path:
    """Where data is when nobody says: /var/lib/intaglio for root, a directory of the user's own otherwise."""
    if os.geteuid() == 0:
        return Path("/var/lib/intaglio")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "intaglio"


def _configuration_in(directory: Path) -> list[Path]:
    try:
        return sorted(path.absolute() for path in directory.iterdir() if path.name.endswith(".conf"))
    except OSError as error:
        message = f"The configuration directory cannot be read: {error.strerror}."
        problem = Problem(level=Level.ERROR, code="unreadable-file", message=message, file=str(directory))
        raise ConfigInvalid([problem]) from error
