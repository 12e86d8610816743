"""People with OpenPGP keys, whose signatures GnuPG makes: a real other implementation."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tests.starters.base import debian


class Person(msgspec.Struct, frozen=True):
    """Somebody with a key, in a directory of GnuPG's."""

    home: Path
    fingerprint: str
    on: str = ""

    def certificate(self, *, armoured: bool = True) -> bytes:
        """The public key."""
        return _gpg(self.home, *(["--armor"] if armoured else []), "--export", self.fingerprint)

    def clear(self, text: bytes) -> bytes:
        """The text with a signature in it."""
        return self._sign("--clear-sign", text)

    def detached(self, data: bytes, *, armoured: bool = False) -> bytes:
        """A signature of the data."""
        return self._sign("--detach-sign", data, *(["--armor"] if armoured else []))

    def _sign(self, how: str, data: bytes, *more: str) -> bytes:
        return _gpg(self.home, *_on(self.on), "--local-user", self.fingerprint, *more, how, data=data)


@contextmanager
def people(*names: str, lasts: str = "never", on: str = "") -> Iterator[list[Person]]:
    """Somebody for each name, until the block ends.

    `lasts` is GnuPG's word for how long keys do, `on` the day (20200101T000000) on which they are made and sign.
    """
    debian(["gnupg"], "signing as upstreams do", provides=["gpg", "gpgconf"])
    with tempfile.TemporaryDirectory(prefix="gpg-") as name:  # short: sockets are in it
        home = Path(name)
        home.chmod(0o700)
        try:
            yield [_person(home, each, lasts, on) for each in names]
        finally:
            subprocess.run(["gpgconf", "--homedir", name, "--kill", "all"], check=False, capture_output=True)


def _person(home: Path, name: str, lasts: str, on: str) -> Person:
    _gpg(
        home,
        *_on(on),
        "--passphrase",
        "",
        "--quick-generate-key",
        f"{name} <{name}@example.org>",
        "ed25519",
        "sign",
        lasts,
    )
    listing = _gpg(home, "--with-colons", "--list-keys", f"{name}@example.org").decode()
    print_ = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:"))
    return Person(home, print_.lower(), on)


def _on(day: str) -> list[str]:
    return ["--faked-system-time", f"{day}!"] if day else []


def _gpg(home: Path, *words: str, data: bytes = b"") -> bytes:
    full = ["gpg", "--homedir", str(home), "--batch", "--yes", "--pinentry-mode", "loopback", "--quiet", *words]
    return subprocess.run(full, input=data, capture_output=True, check=True).stdout
