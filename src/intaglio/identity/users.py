"""The file of local users: one `name:hash:project:role,role` a line. Read whole, rewritten whole, never half."""

import contextlib
import fcntl
import os
import tempfile
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from intaglio.base.errors import Conflict, Invalid, NotFound, Unavailable
from intaglio.identity.passwords import hash_password, is_hash
from intaglio.identity.roles import ROLES, with_implied

_HEADER = """\
# Local users: name:bcrypt hash:project:roles (of admin, member, reader). `intaglio user --help` edits this file.
"""
_FIELDS = 4
_NAME_MAX = 255  # the database's columns for owner and project hold no more


class UsersFileInvalid(Invalid):
    """The file of users has a line that cannot be understood; the text names file and line."""

    code = "users-file-invalid"


class UsersFileUnreadable(Unavailable):
    """The file of users cannot be read or written."""

    code = "users-file-unreadable"


class UserInvalid(Invalid):
    """A name, project or role that a local user cannot have."""

    code = "user-invalid"


class UserExists(Conflict):
    """A local user of this name is there already."""

    code = "user-exists"


class UserNotFound(NotFound):
    """No local user has this name."""

    code = "user-not-found"


class User(msgspec.Struct, frozen=True, kw_only=True):
    """One local user. `roles` are as written; those they imply are not listed."""

    name: str
    password_hash: str
    project: str
    roles: tuple[str, ...]

    @property
    def effective_roles(self) -> frozenset[str]:
        """The roles, and those they imply."""
        return with_implied(self.roles)


def check_user(user: User) -> User:
    """`user`, when every field can be written to the file. Raises `UserInvalid`."""
    for what, text in (("user name", user.name), ("project", user.project)):
        if not text or len(text) > _NAME_MAX or text != text.strip() or text.startswith("#"):
            raise UserInvalid(
                f"The {what} {text!r} cannot be used: it has 1 to {_NAME_MAX} characters, no space at its ends and no #"
                " at its start."
            )
        if ":" in text or not text.isprintable() or not unicodedata.is_normalized("NFC", text):
            raise UserInvalid(
                f"The {what} {text!r} cannot be used: it has no colon and no control characters, and is in Unicode's"
                " composed form (NFC)."
            )
    unknown = [role for role in user.roles if role not in ROLES]
    if unknown or not user.roles:
        raise UserInvalid(f"The role {(unknown or [''])[0]!r} is not known; roles are {', '.join(ROLES)}.")
    if not is_hash(user.password_hash):
        raise UserInvalid("The password is not a bcrypt hash ($2b$…); `intaglio user passwd` makes one.")
    return user


class UsersFile:
    """The users in one file. Every change holds a lock, replaces the file whole and is durable when it returns."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, User]:
        """All users by name. Raises `UsersFileInvalid`, `UsersFileUnreadable`; an absent file is unreadable."""
        users: dict[str, User] = {}
        for number, line in enumerate(self._lines(), 1):
            user = self._parse(number, line)
            if user is None:
                continue
            if user.name in users:
                raise UsersFileInvalid(f"{self.path} line {number}: the user {user.name!r} is there twice.")
            users[user.name] = user
        return users

    def fingerprint(self) -> tuple[int, ...] | None:
        """Changes whenever the file does; None while there is no file."""
        try:
            status = self.path.stat()
        except OSError:
            return None
        return (status.st_ino, status.st_mtime_ns, status.st_size, status.st_ctime_ns)

    def add(self, user: User) -> None:
        """Add a user, making the file when there is none. Raises `UserExists`, `UserInvalid`."""
        check_user(user)

        def change(users: dict[str, User]) -> None:
            if user.name in users:
                raise UserExists(f"The user {user.name!r} exists already; `intaglio user passwd` sets a new password.")
            users[user.name] = user

        self._change(change, create=True)

    def remove(self, name: str) -> None:
        """Remove a user. Raises `UserNotFound`."""

        def change(users: dict[str, User]) -> None:
            del users[self._existing(users, name).name]

        self._change(change)

    def update(
        self,
        name: str,
        *,
        password: str | None = None,
        project: str | None = None,
        roles: tuple[str, ...] | None = None,
    ) -> User:
        """Change what is given of a user; the user as it is now. Raises `UserNotFound`, `UserInvalid`."""
        hashed = hash_password(password) if password is not None else None
        changed: list[User] = []

        def change(users: dict[str, User]) -> None:
            old = self._existing(users, name)
            new = User(
                name=name,
                password_hash=hashed if hashed is not None else old.password_hash,
                project=project if project is not None else old.project,
                roles=roles if roles is not None else old.roles,
            )
            users[name] = check_user(new)
            changed.append(new)

        self._change(change)
        return changed[0]

    def _existing(self, users: Mapping[str, User], name: str) -> User:
        if name not in users:
            raise UserNotFound(f"There is no user {name!r} in {self.path}.")
        return users[name]

    def _lines(self) -> list[str]:
        try:
            return self.path.read_text(encoding="utf-8").split("\n")
        except UnicodeDecodeError as error:
            raise UsersFileInvalid(f"{self.path} is not UTF-8 text (byte {error.start}).") from None
        except OSError as error:
            raise UsersFileUnreadable(f"The file of users {self.path} cannot be read: {error.strerror}.") from error

    def _parse(self, number: int, line: str) -> User | None:
        if not line.strip() or line.startswith("#"):
            return None
        fields = [field.strip() for field in line.split(":")]
        if len(fields) != _FIELDS:
            raise UsersFileInvalid(
                f"{self.path} line {number}: {len(fields)} fields where {_FIELDS} are needed, name:hash:project:roles."
            )
        name, hashed, project, roles = fields
        user = User(
            name=name, password_hash=hashed, project=project, roles=tuple(role.strip() for role in roles.split(","))
        )
        try:
            return check_user(user)
        except UserInvalid as error:
            raise UsersFileInvalid(f"{self.path} line {number}: {error}") from None

    def _change(self, change: Callable[[dict[str, User]], None], *, create: bool = False) -> None:
        with self._locked():
            absent = create and not self.path.exists()
            before = {} if absent else self.read()
            users = dict(before)
            change(users)
            self._replace(self._rendered([] if absent else self._lines(), users))

    def _rendered(self, lines: list[str], users: Mapping[str, User]) -> str:
        """The new text: comments and order stay as a person left them."""
        left = dict(users)
        kept: list[str] = []
        for number, line in enumerate(lines, 1):
            user = self._parse(number, line)
            if user is None:
                kept.append(line)
            elif user.name in left:
                kept.append(_line(left.pop(user.name)))
        while kept and not kept[-1].strip():
            kept.pop()
        body = [*(kept or [_HEADER.rstrip()]), *map(_line, left.values())]
        return "\n".join(body) + "\n"

    def _replace(self, text: str) -> None:
        try:
            descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")  # mode 0600
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as out:
                    out.write(text)
                    out.flush()
                    os.fsync(descriptor)
                Path(name).rename(self.path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            _sync_directory(self.path.parent)
        except OSError as error:
            raise UsersFileUnreadable(f"The file of users {self.path} cannot be written: {error.strerror}.") from error

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone among writers. The lock is a file of its own, because the users' file itself is replaced."""
        lock = self.path.with_name(f".{self.path.name}.lock")
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UsersFileUnreadable(f"The file of users {self.path} cannot be written: {error.strerror}.") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _line(user: User) -> str:
    return f"{user.name}:{user.password_hash}:{user.project}:{','.join(user.roles)}"


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
