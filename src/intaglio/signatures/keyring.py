"""Which keys upstreams' signatures are judged by: those in the operator's directory, and those that callers bring."""

import re
from collections.abc import Sequence
from pathlib import Path

from intaglio.base.errors import Forbidden, Unavailable
from intaglio.signatures.upstream import LONGEST_KEY, Key, UpstreamKeyUnknown, UpstreamKeyUnusable

BY_CALLER = "caller"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a key in the directory is called: its file's name without the ending."""
_INLINE = "-----BEGIN "
_ENDINGS = (".asc", ".gpg", ".pgp", ".pem", ".pub", ".crt", ".cer")
_MOST_FILES = 1000


class CallersKeyRefused(Forbidden):
    """Here only the operator's keys count."""

    code = "callers-key-refused"


class KeyringUnreadable(Unavailable):
    """The operator's directory of keys cannot be read."""

    code = "keyring-unreadable"


class Keyring:
    """Reads the directory anew whenever it is asked: a key that the operator takes out does not count any more."""

    def __init__(self, path: Path = Path("upstream-keys"), *, callers: bool = True) -> None:
        self.path = path
        self._callers = callers

    def require_allowed(self, given: str | None) -> None:
        """Raise `CallersKeyRefused` when this is a key of the caller's own, and must not be."""
        if is_inline(given) and not self._callers:
            raise CallersKeyRefused(
                "Keys of one's own do not count here: name one that the operator keeps, or let 'signature_by' choose."
            )

    def keys(self, given: str | None) -> list[Key]:
        """The key given, or the one of that name; all of the operator's for None.

        Raises `CallersKeyRefused`, `UpstreamKeyUnknown`, `UpstreamKeyUnusable`, `KeyringUnreadable`. Reads disks.
        """
        self.require_allowed(given)
        if given is not None and is_inline(given):
            return [Key(data=given.encode(), source=BY_CALLER)]
        found = [Key(data=_read(path), source=f"operator:{path.stem}") for path in self._files(given)]
        if found:
            return found
        if given is None:
            raise UpstreamKeyUnknown("The operator keeps no keys of upstreams here: give the key in 'signature_key'.")
        raise UpstreamKeyUnknown(f"The operator keeps no key '{given[:64]}': give the key itself, or ask for it.")

    def _files(self, name: str | None) -> Sequence[Path]:
        if name is not None and NAME.fullmatch(name) is None:
            return ()
        try:
            there = sorted(path for path in self.path.iterdir() if path.suffix.lower() in _ENDINGS and path.is_file())
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            raise KeyringUnreadable(f"The operator's keys of upstreams cannot be read: {error.strerror}.") from None
        return [path for path in there if name is None or name in {path.stem, path.name}][:_MOST_FILES]


def is_inline(given: str | None) -> bool:
    """Whether this is a key, and no name of one."""
    return given is not None and given.lstrip().startswith(_INLINE)


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > LONGEST_KEY:
            raise UpstreamKeyUnusable(f"The operator's key {path.stem} has more than {LONGEST_KEY} bytes.")
        return path.read_bytes()
    except OSError as error:
        raise KeyringUnreadable(f"The operator's key {path.stem} cannot be read: {error.strerror}.") from None
