"""Signing the documents of a tree by the operator's gpg, where keys and their passwords already are."""

import shutil
import subprocess

from intaglio.base.errors import Invalid


class NotSigned(Invalid):
    """The documents could not be signed; nothing was published."""

    code = "stream-not-signed"


def clear_signed(text: bytes, key: str) -> bytes:
    """A document inside of its signature (`.sjson`). Raises `NotSigned`."""
    return _gpg(text, key, "--clearsign")


def detached(text: bytes, key: str) -> bytes:
    """The signature alone (`.json.gpg`). Raises `NotSigned`."""
    return _gpg(text, key, "--armor", "--detach-sign")


def _gpg(text: bytes, key: str, *how: str) -> bytes:
    program = shutil.which("gpg")
    if program is None:
        raise NotSigned("--sign needs gpg, and there is none. Install gnupg.")
    command = [program, "--batch", "--local-user", key, "--digest-algo", "SHA512", *how]
    done = subprocess.run(command, input=text, capture_output=True, check=False)  # noqa: S603 - no shell, its own words
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise NotSigned(f"gpg does not sign with '{key}': {said[-1] if said else 'it says nothing'}")
    return done.stdout
