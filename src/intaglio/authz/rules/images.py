"""Rules about images and their data."""

from intaglio.authz.rules.base import Rule

_OWN = "project_id:%(project_id)s"
_SEEN = (
    f"({_OWN} or project_id:%(member_id)s or 'community':%(visibility)s "
    "or 'public':%(visibility)s or 'shared':%(visibility)s)"
)
_ADMIN = "rule:context_is_admin"
_MEMBER_OF_OWNER = f"{_ADMIN} or (role:member and {_OWN})"

IMAGE_RULES = (
    Rule("add_image", f"{_ADMIN} or (role:member and {_OWN} and project_id:%(owner)s)", "Create an image."),
    Rule("get_image", f"{_ADMIN} or (role:reader and {_SEEN})", "Show an image; decides 404 or 403 elsewhere."),
    Rule("get_images", f"{_ADMIN} or (role:reader and {_OWN})", "List images."),
    Rule("modify_image", _MEMBER_OF_OWNER, "Change an image's fields, properties and tags."),
    Rule("delete_image", _MEMBER_OF_OWNER, "Delete an image."),
    Rule("publicize_image", _ADMIN, "Give an image the visibility public."),
    Rule("communitize_image", _MEMBER_OF_OWNER, "Give an image the visibility community."),
    Rule("download_image", f"{_ADMIN} or (role:member and {_SEEN})", "Read an image's data."),
    Rule("download_from_store", f"{_ADMIN} or (role:member and {_SEEN})", "Choose the store that data are read from."),
    Rule("upload_image", _MEMBER_OF_OWNER, "Write an image's data."),
    Rule("deactivate", _MEMBER_OF_OWNER, "Deactivate an image."),
    Rule("reactivate", _MEMBER_OF_OWNER, "Reactivate an image."),
)
