"""The roles of local users, and which of them imply others (as Keystone sets them up)."""

from collections.abc import Iterable

ADMIN, MEMBER, READER = "admin", "member", "reader"
_MANAGER = "manager"  # of a project, in Keystone; local users have no such role
ROLES = (ADMIN, MEMBER, READER)
_IMPLIED = {
    ADMIN: (ADMIN, MEMBER, READER),
    MEMBER: (MEMBER, READER),
    READER: (READER,),
    _MANAGER: (_MANAGER, MEMBER, READER),
}


def with_implied(roles: Iterable[str]) -> frozenset[str]:
    """`roles` and all that they imply: an admin is a member, a member is a reader. Other roles imply nothing."""
    return frozenset(implied for role in roles for implied in _IMPLIED.get(role, (role,)))
