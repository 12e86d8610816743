"""The data directory of a service that runs from nothing: making it, holding it, giving it a first user."""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from intaglio.base.errors import Unavailable
from intaglio.identity import passwords
from intaglio.identity.roles import ADMIN
from intaglio.identity.users import User, UsersFile
from intaglio.stores.settings import StoreConfig, StoreSettings

FIRST_USER = "admin"
FIRST_PROJECT = "admin"


class DataDirectoryUnusable(Unavailable):
    """The data directory cannot be made, entered or written."""

    code = "data-directory-unusable"


class DataDirectoryTaken(Unavailable):
    """Another running service keeps its data in this directory."""

    code = "data-directory-taken"


def prepare(data_dir: Path, stores: StoreSettings, staging: StoreConfig) -> None:
    """Make the data directory and the directories of file stores inside it, for their owner only.

    What exists keeps its permissions. Raises `DataDirectoryUnusable`.
    """
    directories = [data_dir]
    for store in (*stores.stores, staging):
        place = store.options.get("filesystem_store_datadir")
        if store.type == "file" and isinstance(place, str) and Path(place).is_relative_to(data_dir):
            directories.append(Path(place))
    for directory in directories:
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=directory):  # the one sure way to learn whether it can be written
                pass
        except FileExistsError:
            raise DataDirectoryUnusable(f"{directory} is not a directory. Choose another with --data-dir.") from None
        except OSError as error:
            raise DataDirectoryUnusable(
                f"The data directory {directory} cannot be used: {error.strerror}. Choose another with --data-dir"
                " (make run DATA=…), or change its owner."
            ) from error


@contextlib.contextmanager
def held(data_dir: Path) -> Iterator[None]:
    """Hold the directory against a second service. The lock goes with the last process of this one, even killed."""
    path = data_dir / ".serve.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(descriptor, 32).decode(errors="replace").strip()
            raise DataDirectoryTaken(
                f"Another `intaglio serve`{f' (pid {owner})' if owner else ''} uses {data_dir}. Stop it, or choose"
                " another directory with --data-dir (make run DATA=…)."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def add_first_user(users: UsersFile, password: str, rounds: int = passwords.ROUNDS) -> None:
    """Make the file of users with one admin in it."""
    hashed = passwords.hash_password(password, rounds)
    users.add(User(name=FIRST_USER, password_hash=hashed, project=FIRST_PROJECT, roles=(ADMIN,)))
