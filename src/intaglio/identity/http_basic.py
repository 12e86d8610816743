"""HTTP Basic authentication (RFC 7617) of local users, paying for bcrypt once a credential and not once a request."""

import asyncio
import base64
import binascii
import hashlib
import logging
import secrets
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from intaglio.base.errors import IntaglioError, Unavailable
from intaglio.domain.principal import Principal
from intaglio.identity import passwords
from intaglio.identity.base import Asked, CredentialsMissing, CredentialsRefused
from intaglio.identity.roles import ADMIN
from intaglio.identity.users import User, UsersFile

log = logging.getLogger(__name__)

REMEMBERED = 1024  # verified credentials kept in memory, as digests
WAITING = 64  # checks that may queue for bcrypt; a flood of wrong passwords must not grow without bound
_THREADS = 2


class TooManyChecks(Unavailable):
    """More passwords wait to be checked than this service takes on."""

    code = "credentials-check-busy"


class _Snapshot:
    """The users as one reading of the file found them, and what was verified against that reading."""

    def __init__(self, fingerprint: tuple[int, ...] | None, users: Mapping[str, User]) -> None:
        self.fingerprint = fingerprint
        self.users = users
        self.decoy = passwords.decoy(
            max((passwords.cost_of(user.password_hash) for user in users.values()), default=passwords.ROUNDS)
        )
        self.verified: OrderedDict[bytes, Principal] = OrderedDict()
        self.running: dict[bytes, asyncio.Task[Principal]] = {}


class HttpBasic:
    """Checks `Authorization: Basic` against a file of users, which is read again when it changes.

    A change that cannot be read is logged once, and the users known before stay: a slip in an editor locks nobody out.
    The file must be readable when this object is made: raises `UsersFileInvalid`, `UsersFileUnreadable`.
    """

    challenge = 'Basic realm="Intaglio", charset="UTF-8"'

    def __init__(self, file: UsersFile, *, matches: Callable[[str, str], bool] = passwords.matches) -> None:
        self._file = file
        self._matches = matches
        self._key = secrets.token_bytes(32)  # of this process only: the digests below are worth nothing elsewhere
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="bcrypt")
        self._snapshot = _Snapshot(file.fingerprint(), file.read())

    async def authenticate(self, asked: Asked) -> Principal:
        """The user of the credentials in the headers. Raises `CredentialsRefused`, `TooManyChecks`."""
        header = asked.headers.get("authorization")
        if header is None:
            raise CredentialsMissing("This service needs a user name and a password (HTTP Basic).")
        snapshot = self._current()
        digest = hashlib.blake2b(header.encode("utf-8", "surrogatepass"), key=self._key).digest()
        known = snapshot.verified.get(digest)
        if known is not None:
            snapshot.verified.move_to_end(digest)
            return known
        check = snapshot.running.get(digest)
        if check is None:
            check = self._start(snapshot, digest, *_credentials(header))
        # Shielded: a caller who leaves must not take the answer from the others who wait for it.
        return await asyncio.shield(check)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _start(self, snapshot: _Snapshot, digest: bytes, name: str, password: str) -> asyncio.Task[Principal]:
        if len(snapshot.running) >= WAITING:
            raise TooManyChecks("Too many passwords are being checked at this moment; please try again.")
        check = asyncio.get_running_loop().create_task(self._verify(snapshot, digest, name, password))
        snapshot.running[digest] = check

        def finished(task: asyncio.Task[Principal]) -> None:
            snapshot.running.pop(digest, None)
            if not task.cancelled():
                task.exception()  # looked at, so that nobody complains when all who waited have left

        check.add_done_callback(finished)
        return check

    async def _verify(self, snapshot: _Snapshot, digest: bytes, name: str, password: str) -> Principal:
        user = snapshot.users.get(name)
        hashed = user.password_hash if user is not None else snapshot.decoy
        loop = asyncio.get_running_loop()
        right = await loop.run_in_executor(self._threads, self._matches, password, hashed)
        if user is None or not right:
            raise CredentialsRefused("The user name or the password is wrong.")
        roles = user.effective_roles
        principal = Principal(user_id=user.name, project_id=user.project, roles=roles, is_admin=ADMIN in roles)
        snapshot.verified[digest] = principal
        if len(snapshot.verified) > REMEMBERED:
            snapshot.verified.popitem(last=False)
        return principal

    def _current(self) -> _Snapshot:
        fingerprint = self._file.fingerprint()
        if fingerprint == self._snapshot.fingerprint:
            return self._snapshot
        try:
            self._snapshot = _Snapshot(fingerprint, self._file.read())
        except IntaglioError as error:
            self._snapshot.fingerprint = fingerprint  # said once for each change, not once for each request
            log.error("the users known so far stay in force: %s", error)  # noqa: TRY400 - the text says it all
        else:
            log.info("read %d users from %s", len(self._snapshot.users), self._file.path)
        return self._snapshot


def _credentials(header: str) -> tuple[str, str]:
    """User name and password of an Authorization header. Raises `CredentialsRefused`."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise CredentialsRefused("This service needs a user name and a password (HTTP Basic).")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise CredentialsRefused("The Authorization header is not HTTP Basic in UTF-8.") from None
    name, colon, password = text.partition(":")
    if not colon:
        raise CredentialsRefused("The Authorization header holds no password.")
    return unicodedata.normalize("NFC", name), password
