"""Rules about images and their data."""

from functools import partial

from intaglio.authz.rules.base import ADMIN, MEMBER_OF_OWNER, OWN, Rule

_SEEN = (
    f"({OWN} or project_id:%(member_id)s or 'community':%(visibility)s "
    "or 'public':%(visibility)s or 'shared':%(visibility)s)"
)
_renewed = partial(Rule, old="rule:default", since="Wallaby")

IMAGE_RULES = (
    _renewed(
        "add_image",
        f"{ADMIN} or (role:member and {OWN} and project_id:%(owner)s)",
        "Create an image.",
        "new image",
    ),
    _renewed(
        "get_image",
        f"{ADMIN} or (role:reader and {_SEEN})",
        "Show an image, and each image of a list; who is refused this gets 404 from every call on the image.",
    ),
    _renewed("get_images", f"{ADMIN} or (role:reader and {OWN})", "List images.", "project"),
    _renewed("modify_image", MEMBER_OF_OWNER, "Change an image's fields, properties and tags.", owner="own"),
    _renewed("delete_image", MEMBER_OF_OWNER, "Delete an image.", owner="own"),
    Rule("publicize_image", ADMIN, "Give an image the visibility public.", when="the visibility is to be public"),
    _renewed(
        "communitize_image",
        MEMBER_OF_OWNER,
        "Give an image the visibility community.",
        when="the visibility is to be community",
    ),
    _renewed("download_image", f"{ADMIN} or (role:member and {_SEEN})", "Read an image's data."),
    Rule(
        "download_from_store",
        f"{ADMIN} or (role:member and {_SEEN})",
        "Choose the store that data are read from.",
        when="the request names stores with `prefer`",
    ),
    _renewed("upload_image", MEMBER_OF_OWNER, "Write an image's data.", owner="own"),
    _renewed("deactivate", MEMBER_OF_OWNER, "Deactivate an image.", owner="own"),
    _renewed("reactivate", MEMBER_OF_OWNER, "Reactivate an image.", owner="own"),
    Rule("copy_image", ADMIN, "Copy an image's data to more stores.", when="the import method is copy-image"),
)
