"""What an error of a database driver means: try again, gone, or the request's own fault."""

import random
import sqlite3
from collections.abc import Container
from enum import Enum

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from intaglio.base.errors import IntaglioError
from intaglio.db.base import DatabaseBusy, DatabaseUnavailable, ValueNotStorable, WriteRefused

ATTEMPTS = 6
_ATTEMPTS_TO_CONNECT = 3  # the first may meet connections that died in the pool

# SQLSTATEs: serialisation failure, deadlock, lock time-out
_PG_AGAIN = {"40001", "40P01", "55P03"}
# statement time-out; cancelled by an administrator
_PG_SLOW = {"57014"}
# value classes: string too long, number out of range, bad encoding, NUL character, untranslatable character
_PG_VALUE = {"22001", "22003", "22021", "22P05"}
# lock wait time-out, deadlock (which is also what a Galera certification failure says), record changed (MariaDB 11)
_MY_AGAIN = {1205, 1213, 1020}
_MY_SLOW = {1969, 3024}
# data too long, out of range, incorrect string value, invalid character string, cannot convert string
_MY_VALUE = {1264, 1300, 1366, 1406, 3854}
_SQLITE_AGAIN = {5, 6}  # SQLITE_BUSY, SQLITE_LOCKED

# connection lost; shutting down; out of connections; who we are is refused; no such database; a read-only standby
_PG_GONE_CLASSES = {"08", "53", "28", "3D"}
_PG_GONE = {"57P01", "57P02", "57P03", "57P05", "25006"}
# too many connections, access denied, node not ready (Galera), no such database, shutdown, broken packets, read-only
_MY_GONE = {1040, 1044, 1045, 1047, 1049, 1053, 1129, 1130, 1152, 1158, 1159, 1160, 1161, 1203, 1290, 1836, 1927}
_MY_CLIENT = range(2000, 3000)  # what the client itself says: cannot connect, server has gone away, …
# permissions, read-only, I/O error, damaged, full, cannot open, locking protocol, not a database
_SQLITE_GONE = {3, 8, 10, 11, 13, 14, 15, 26}


class Meaning(Enum):
    """What to do about an error."""

    AGAIN = "again"
    GONE = "gone"
    SLOW = "slow"
    VALUE = "value"
    REFUSED = "refused"
    OURS = "ours"  # a programming error: pass it on as it is


def meaning(error: Exception) -> Meaning:
    """Read a driver's error, through SQLAlchemy's wrapping where there is one."""
    if isinstance(error, DBAPIError | sqlite3.Error):
        return _by_code(_original(error)) or _by_kind(error)
    if isinstance(error, PoolTimeout):
        return Meaning.SLOW
    # asyncpg lets "connection refused" through as it is
    return Meaning.GONE if isinstance(error, OSError) else Meaning.OURS


def _by_kind(error: Exception) -> Meaning:
    if isinstance(error, IntegrityError):
        return Meaning.REFUSED
    if isinstance(error, DataError):
        return Meaning.VALUE
    # asyncpg and aiomysql speak of their interface when a connection ended under them
    lost = isinstance(error, InterfaceError) or (isinstance(error, DBAPIError) and error.connection_invalidated)
    return Meaning.GONE if lost else Meaning.OURS


def _original(error: Exception) -> BaseException:
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def _by_code(error: BaseException) -> Meaning | None:
    lite = getattr(error, "sqlite_errorcode", None)
    if isinstance(lite, int):
        if lite & 0xFF in _SQLITE_AGAIN:
            return Meaning.AGAIN
        return Meaning.GONE if lite & 0xFF in _SQLITE_GONE else None
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str):
        if state in _PG_GONE or state[:2] in _PG_GONE_CLASSES:
            return Meaning.GONE
        return _lookup(state, _PG_AGAIN, _PG_SLOW, _PG_VALUE)
    number = error.args[0] if error.args else None
    if isinstance(number, int) and (number in _MY_GONE or number in _MY_CLIENT):
        return Meaning.GONE
    return _lookup(number, _MY_AGAIN, _MY_SLOW, _MY_VALUE)


def _lookup(
    code: object, again: Container[object], slow: Container[object], value: Container[object]
) -> Meaning | None:
    if code in again:
        return Meaning.AGAIN
    if code in slow:
        return Meaning.SLOW
    return Meaning.VALUE if code in value else None


def described(error: Exception) -> str:
    """Which error it was, without its text: that may quote values, hosts and users."""
    original = _original(error)
    code = getattr(original, "sqlstate", None) or getattr(original, "sqlite_errorname", None)
    if code is None and original.args and isinstance(original.args[0], int):
        code = original.args[0]
    name = type(original).__name__
    return name if code is None else f"{name} {code}"


def translated(error: Exception) -> IntaglioError | None:
    """The error to show for one that trying again does not help; None for a programming error."""
    match meaning(error):
        case Meaning.AGAIN | Meaning.SLOW:
            return DatabaseBusy(f"The database is too busy for this now ({described(error)}).")
        case Meaning.GONE:
            return DatabaseUnavailable(f"The database does not answer ({described(error)}).")
        case Meaning.VALUE:
            return ValueNotStorable("A value is too long, out of range or holds a character that cannot be stored.")
        case Meaning.REFUSED:
            return WriteRefused("The change contradicts another one that was there first.")
        case Meaning.OURS:
            return None


def give_up_unless_worth_trying(error: Exception, attempt: int) -> None:
    """Return when the transaction should be run again; else raise what attempt number `attempt` ended in."""
    found = meaning(error)
    if found is Meaning.AGAIN and attempt < ATTEMPTS:
        return
    if found is Meaning.GONE and attempt < _ATTEMPTS_TO_CONNECT:
        return
    shown = translated(error)
    if shown is None:
        raise error
    raise shown from error


def pause(attempt: int) -> float:
    """Seconds to wait before attempt number `attempt` (from 1), with jitter so that rivals part."""
    return random.uniform(0.5, 1.0) * min(0.01 * 2.0**attempt, 1.0)  # noqa: S311 - no secret
