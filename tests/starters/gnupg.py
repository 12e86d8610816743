"""GnuPG with a home of its own: who signs as upstreams do, with keys of every state."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.starters.base import debian


class GnuPG:
    """One keyring. Keys have no passphrase, so that signing asks nobody."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def run(self, *words: str, data: bytes = b"") -> bytes:
        """What gpg prints."""
        command = ["gpg", "--homedir", str(self._home), "--batch", "--yes", "--pinentry-mode", "loopback"]
        done = subprocess.run([*command, "--passphrase", "", *words], input=data, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout

    def key(self, name: str, kind: str = "ed25519", use: str = "sign", expires: str = "never", at: str = "") -> str:
        """A new key; its fingerprint. `at` is when it is made, as 20200131T000000."""
        self.run(*_at(at), "--quick-gen-key", f"{name} <{name.lower()}@example.org>", kind, use, expires)
        return self.fingerprints(name)[0]

    def subkey(self, fingerprint: str, kind: str = "ed25519", expires: str = "never", at: str = "") -> str:
        """Another subkey for signing; its fingerprint."""
        self.run(*_at(at), "--quick-add-key", fingerprint, kind, "sign", expires)
        return self.fingerprints(fingerprint)[-1]

    def fingerprints(self, name: str) -> list[str]:
        """Of the primary key and its subkeys."""
        listed = self.run("--with-colons", "--fingerprint", "--fingerprint", "--list-keys", name).decode()
        return [line.split(":")[9].lower() for line in listed.splitlines() if line.startswith("fpr:")]

    def public(self, *names: str, armour: bool = True) -> bytes:
        """The public keys as their owners publish them."""
        return self.run(*(["--armor"] if armour else []), "--export", *names)

    def revoke(self, name: str) -> None:
        """Take a key back, by the certificate for that which gpg makes with each key."""
        path = self._home / "openpgp-revocs.d" / f"{self.fingerprints(name)[0].upper()}.rev"
        self.run("--import", data=path.read_bytes().replace(b":-----BEGIN", b"-----BEGIN"))

    def detached(self, name: str, data: bytes, *words: str, armour: bool = True, at: str = "") -> bytes:
        """A signature beside the data; with a subkey for FINGERPRINT!."""
        form = ["--armor"] if armour else []
        return self.run(*_at(at), *form, "-u", name, *words, "--detach-sign", data=data)

    def clear(self, name: str, text: bytes, *words: str) -> bytes:
        """The text with its signature in it."""
        return self.run("-u", name, *words, "--clear-sign", data=text)


def _at(moment: str) -> list[str]:
    return ["--faked-system-time", f"{moment}!"] if moment else []


@contextmanager
def gnupg() -> Iterator[GnuPG]:
    """A keyring, and its agent until the block ends; the path of the agent's socket has to be short."""
    debian(["gnupg"], "signatures are made as upstreams make them", provides=["gpg"])
    with tempfile.TemporaryDirectory(prefix="gpg-") as directory:
        home = Path(directory)
        home.chmod(0o700)
        try:
            yield GnuPG(home)
        finally:
            environment = {**os.environ, "GNUPGHOME": directory}
            subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=False, capture_output=True)
