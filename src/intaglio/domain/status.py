"""The states an image can be in, and which may follow which (Images API v2, "Image status")."""

from enum import StrEnum

from intaglio.base.errors import Conflict


class Status(StrEnum):
    """An image's status on the wire and in the database."""

    QUEUED = "queued"
    SAVING = "saving"
    UPLOADING = "uploading"
    IMPORTING = "importing"
    ACTIVE = "active"
    DEACTIVATED = "deactivated"
    KILLED = "killed"
    PENDING_DELETE = "pending_delete"
    DELETED = "deleted"


_S = Status
TRANSITIONS: dict[Status, frozenset[Status]] = {
    _S.QUEUED: frozenset({_S.SAVING, _S.UPLOADING, _S.IMPORTING, _S.ACTIVE, _S.DELETED}),
    _S.SAVING: frozenset({_S.QUEUED, _S.ACTIVE, _S.KILLED, _S.DELETED}),
    _S.UPLOADING: frozenset({_S.QUEUED, _S.IMPORTING, _S.DELETED}),
    _S.IMPORTING: frozenset({_S.QUEUED, _S.UPLOADING, _S.ACTIVE, _S.DELETED}),
    _S.ACTIVE: frozenset({_S.DEACTIVATED, _S.PENDING_DELETE, _S.DELETED}),
    _S.DEACTIVATED: frozenset({_S.ACTIVE, _S.PENDING_DELETE, _S.DELETED}),
    _S.KILLED: frozenset({_S.DELETED}),
    _S.PENDING_DELETE: frozenset({_S.ACTIVE, _S.DEACTIVATED, _S.DELETED}),
    _S.DELETED: frozenset(),
}


class StatusConflict(Conflict):
    """The image is not in a status from which this may be done."""

    code = "status-conflict"


def require_transition(current: Status, wanted: Status) -> None:
    """Raise `StatusConflict` unless `wanted` may follow `current`."""
    if wanted not in TRANSITIONS[current]:
        raise StatusConflict(f"An image that is {current} cannot become {wanted}.")
