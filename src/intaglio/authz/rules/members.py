"""Rules about the projects an image is shared with."""

from functools import partial

from intaglio.authz.rules.base import ADMIN, MEMBER_OF_OWNER, OWN, Rule

_renewed = partial(Rule, old="rule:default", since="Wallaby")
_READ = f"{ADMIN} or (role:reader and ({OWN} or project_id:%(member_id)s))"

MEMBER_RULES = (
    _renewed("add_member", MEMBER_OF_OWNER, "Share an image with a project.", owner="own"),
    _renewed("delete_member", MEMBER_OF_OWNER, "Take an image from a project it is shared with.", owner="own"),
    _renewed("get_member", _READ, "Show one member of an image, and each one of their list."),
    _renewed("get_members", _READ, "List the members of an image."),
    _renewed(
        "modify_member",
        f"{ADMIN} or (role:member and project_id:%(member_id)s)",
        "Accept or reject an image that is shared with the caller's project.",
        owner="other",
    ),
)
