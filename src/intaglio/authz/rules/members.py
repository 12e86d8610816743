"""Rules about the members of an image: the projects it is shared with."""

from intaglio.authz.rules.base import Rule

_ADMIN = "rule:context_is_admin"
_OWN = "project_id:%(project_id)s"
_MEMBER = "project_id:%(member_id)s"
_BY_OWNER = f"{_ADMIN} or (role:member and {_OWN})"
_BY_BOTH = f"{_ADMIN} or (role:reader and ({_OWN} or {_MEMBER}))"

MEMBER_RULES = (
    Rule("add_member", _BY_OWNER, "Share an image with a project."),
    Rule("delete_member", _BY_OWNER, "Stop sharing an image with a project."),
    Rule("get_member", _BY_BOTH, "Show a member of an image; leaves members out of the list."),
    Rule("get_members", _BY_BOTH, "List the members of an image."),
    Rule("modify_member", f"{_ADMIN} or (role:member and {_MEMBER})", "Accept or reject a shared image."),
)
