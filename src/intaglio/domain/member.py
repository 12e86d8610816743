"""A member of an image: another project that the owner shares it with, and what that project makes of it."""

from datetime import datetime
from enum import StrEnum

import msgspec

from intaglio.base.errors import TooLarge
from intaglio.domain.properties import InvalidValue, text


class MemberStatus(StrEnum):
    """Whether a shared image is in the member's default list; the member sees and uses it by its id in any case."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class TooManyMembers(TooLarge):
    """The image would be shared with more projects than one image may be."""

    code = "too-many-members"


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """That the image is shared with the project `member_id`. Times are naive UTC."""

    image_id: str
    member_id: str
    created_at: datetime
    updated_at: datetime
    status: MemberStatus = MemberStatus.PENDING


def member_id(value: object) -> str:
    """A project's id, which need not be one that exists: 1 to 255 characters. Raises `InvalidValue`."""
    if value == "":
        raise InvalidValue("'member' must not be empty: it is the id of the project to share the image with.")
    return text("member", value)


def member_status(value: object) -> MemberStatus:
    """Raises `InvalidValue` naming the three there are."""
    if isinstance(value, str) and value in set(MemberStatus):
        return MemberStatus(value)
    raise InvalidValue(f"'status' must be one of {', '.join(MemberStatus)}.")


def require_member_count(count: int, limit: int) -> None:
    """Raise `TooManyMembers` when `count` members are more than `limit`; a negative limit is none."""
    if 0 <= limit < count:
        raise TooManyMembers(f"{count} members are more than the {limit} an image may have.")
