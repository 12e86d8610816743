"""What a rule is, and the ones that other rules build on. Names and defaults are Glance's, so overrides carry over."""

from typing import Literal

import msgspec

About = Literal["image", "new image", "project", "namespace", "nothing"]
"""What a rule is asked about, so what `%(…)s` in it can name: see `NAMES`."""

NAMES: dict[About, str] = {
    "image": "every field and custom property of the image; `project_id`, its owner; `member_id`, the caller's project "
    "when the image is shared with it; `visibility`",
    "new image": "`project_id` and `owner`, both the owner to be; `visibility`, and the other fields of the request",
    "project": "`project_id`, the caller's own project",
    "namespace": "`project_id`, the owner of the namespace; `visibility`",
    "nothing": "nothing: the caller alone decides",
}


class Rule(msgspec.Struct, frozen=True):
    """One named decision. `check` is its default in oslo.policy's language; `guards` says what it decides.

    `old` is the default that Glance had before `since`: with `enforce_new_defaults = false` either is enough, and then
    `owner` says what Glance asks of the caller's project besides: to own the image, or (a member's answer) not to.
    """

    name: str
    check: str
    guards: str
    about: About = "image"
    old: str | None = None
    since: str = ""
    owner: Literal["", "own", "other"] = ""
    when: str = ""  # it is asked only then; always when empty
    any_scope: bool = False  # answers for tokens of a domain or of the system too


ADMIN = "rule:context_is_admin"
OWN = "project_id:%(project_id)s"
MEMBER_OF_OWNER = f"{ADMIN} or (role:member and {OWN})"

BASE_RULES = (
    Rule(
        "default",
        "",
        "What older defaults and the rules of tasks refer to.",
        "nothing",
        old=ADMIN,
        since="Ussuri",
        any_scope=True,
    ),
    Rule("context_is_admin", "role:admin", "What an administrator is.", "nothing", any_scope=True),
    Rule("service_api", "role:service or role:admin", "What another service is.", "nothing", any_scope=True),
)
