"""One run at a time on one cloud with one tag: a lock that ends with its process, however that ends."""

import contextlib
import fcntl
import hashlib
from collections.abc import Iterator
from pathlib import Path

from intaglio.base.errors import Conflict


class AnotherRun(Conflict):
    """Another run of the manager is at work on this cloud."""

    code = "another-run"


@contextlib.contextmanager
def alone(directory: Path, address: str, tag: str) -> Iterator[None]:
    """Hold the lock for a cloud, by its address, and a tag. Raises `AnotherRun` at once when somebody has it."""
    directory.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(f"{address} {tag}".encode()).hexdigest()[:32]
    with (directory / f"{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AnotherRun(f"Another run manages '{tag}' at {address}; start again when it has ended.") from None
        yield
