"""Passwords of local users, hashed with bcrypt. Nothing here keeps, shows or logs one."""

import secrets
import unicodedata

import bcrypt

from intaglio.base.errors import Invalid

MAX_BYTES = 72  # bcrypt reads no further; what lies beyond would not protect anything
ROUNDS = 12
_BCRYPT_ALPHABET = frozenset("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")


class PasswordUnusable(Invalid):
    """The password cannot be used for a local user."""

    code = "password-unusable"


def generate() -> str:
    """A new random password of 128 bits."""
    return secrets.token_urlsafe(16)


def hash_password(password: str, rounds: int = ROUNDS) -> str:
    """The bcrypt hash of `password`; takes about 0.2 s at the usual rounds. Raises `PasswordUnusable`."""
    data = _prepared(password)
    if not data:
        raise PasswordUnusable("A password may not be empty.")
    if len(data) > MAX_BYTES:
        raise PasswordUnusable(
            f"The password is {len(data)} bytes long in UTF-8; at most {MAX_BYTES} are possible, because bcrypt ignores"
            " the rest."
        )
    if b"\0" in data:
        raise PasswordUnusable("A password may not contain a null character.")
    return bcrypt.hashpw(data, bcrypt.gensalt(rounds)).decode("ascii")


def matches(password: str, hashed: str) -> bool:
    """Whether `password` is the one `hashed` was made from. What could not be set takes as long."""
    data = _prepared(password)
    possible = 0 < len(data) <= MAX_BYTES and b"\0" not in data
    return bcrypt.checkpw(data if possible else b"-", hashed.encode("ascii")) and possible


def is_hash(text: str) -> bool:
    """Whether `text` is a bcrypt hash this module can check, as htpasswd -B writes it too."""
    head, _, rest = text[1:].partition("$")
    cost, _, body = rest.partition("$")
    return (
        text.startswith("$")
        and head in {"2a", "2b", "2y"}
        and len(cost) == 2  # noqa: PLR2004 - the form of the hash
        and cost.isdecimal()
        and 4 <= int(cost) <= 31  # noqa: PLR2004 - bcrypt's own bounds
        and len(body) == 53  # noqa: PLR2004 - 22 characters of salt, 31 of digest
        and _BCRYPT_ALPHABET.issuperset(body)
    )


def cost_of(hashed: str) -> int:
    """The work factor of a hash: each step doubles the time."""
    return int(hashed.split("$")[2])


def decoy(rounds: int) -> str:
    """A hash no password matches, as slow to check as a real one of these rounds."""
    return f"$2b${rounds:02d}$" + "." * 53


def _prepared(password: str) -> bytes:
    """NFC, then UTF-8, as RFC 7617 asks: the same password typed on different keyboards is the same bytes."""
    return unicodedata.normalize("NFC", password).encode("utf-8", errors="surrogatepass")
