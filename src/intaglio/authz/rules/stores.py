"""Rules about where an image's data are: locations, and copies in stores."""

from functools import partial

from intaglio.authz.rules.base import ADMIN, MEMBER_OF_OWNER, OWN, Rule

_renewed = partial(Rule, old="rule:default", since="Wallaby")

STORE_RULES = (
    _renewed("get_image_location", f"{ADMIN} or (role:reader and {OWN})", "Learn where an image's data are."),
    _renewed("set_image_location", MEMBER_OF_OWNER, "Add and replace locations of an image by PATCH."),
    _renewed("delete_image_location", ADMIN, "Remove a location of an image, or its copy in one store.", owner="own"),
    Rule(
        "add_image_location",
        f"rule:service_api or (role:member and {OWN} and project_id:%(owner)s)",
        "Add a location to an image by POST.",
    ),
    Rule("fetch_image_location", "rule:service_api", "List the locations of an image."),
)
