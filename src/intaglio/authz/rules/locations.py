"""Rules about where an image's data are kept."""

from intaglio.authz.rules.base import Rule

_ADMIN = "rule:context_is_admin"
_OWN = "project_id:%(project_id)s"

LOCATION_RULES = (
    Rule("get_image_location", f"{_ADMIN} or (role:reader and {_OWN})", "Know where an image's data are."),
    Rule("set_image_location", f"{_ADMIN} or (role:member and {_OWN})", "Change what is noted of locations."),
    Rule("delete_image_location", _ADMIN, "Remove one of several copies of an image's data."),
)
