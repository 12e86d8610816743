"""The tree of errors a user can meet.

A *kind* (direct child of `IntaglioError`) says what a caller can do about it; `api/errors.py` gives each kind its
HTTP status. A *concrete* error stands with its owner, derives from one kind and carries a stable public `code`.
Errors know no HTTP, and their text is shown to users: never format a secret into one.
"""

from typing import ClassVar


class IntaglioError(Exception):
    """Base of every error that reaches a user; `str(error)` is the sentence shown."""

    code: ClassVar[str] = "internal"


class Invalid(IntaglioError):
    """The request is wrong in itself; sending it again changes nothing."""

    code = "invalid"


class Unauthenticated(IntaglioError):
    """Who is asking is not known."""

    code = "unauthenticated"


class Forbidden(IntaglioError):
    """The caller may see the thing but not do this to it."""

    code = "forbidden"


class NotFound(IntaglioError):
    """It does not exist, or the caller may not know that it does."""

    code = "not-found"


class Conflict(IntaglioError):
    """The thing's present state does not allow this; another request may have changed it."""

    code = "conflict"


class Gone(IntaglioError):
    """The thing was removed while the request ran."""

    code = "gone"


class TooLarge(IntaglioError):
    """A size, count or storage limit would be exceeded."""

    code = "too-large"


class Throttled(IntaglioError):
    """The caller asks too often; the same request is welcome later."""

    code = "throttled"


class UnsupportedMedia(IntaglioError):
    """The content type, or the content itself, is not what is accepted here."""

    code = "unsupported-media"


class RangeUnsatisfiable(IntaglioError):
    """The bytes asked for lie outside the object."""

    code = "range-unsatisfiable"


class Unavailable(IntaglioError):
    """A part the service needs (database, store, identity service) does not answer; trying later may help."""

    code = "unavailable"
