"""The roles of local users, and which of them imply others (as Keystone sets them up)."""

from collections.abc import Iterable

ADMIN, MEMBER, READER = "admin", "member", "reader"
ROLES = (ADMIN, MEMBER, READER)
_IMPLIED = {ADMIN: (ADMIN, MEMBER, READER), MEMBER: (MEMBER, READER), READER: (READER,)}


def with_implied(roles: Iterable[str]) -> frozenset[str]:
    """`roles` and all that they imply: an admin is a member, a member is a reader."""
    return frozenset(implied for role in roles for implied in _IMPLIED[role])
