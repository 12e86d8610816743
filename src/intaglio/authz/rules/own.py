"""Rules that Glance does not have. Their names begin with `intaglio:`, so no policy file of Glance's means them."""

from intaglio.authz.rules.base import ADMIN, OWN, Rule

OWN_RULES = (
    Rule(
        "intaglio:import_from_url",
        "rule:modify_image",
        "Have this service fetch an image's data, from a URL or another region's image service.",
        when="the import method is web-download or glance-download, or a task of the type import is begun",
    ),
    Rule(
        "intaglio:explain",
        f"{ADMIN} or (role:manager and {OWN})",
        "Be told which rule refused, in the answer itself, and ask why for any caller.",
    ),
    Rule("intaglio:get_receipt", "rule:get_image", "Read an image's receipt."),
    Rule(
        "intaglio:get_evidence",
        "rule:get_image",
        "Read what signatures were verified on the way of an image's data in.",
    ),
    Rule("intaglio:metrics", ADMIN, "Read the service's metrics from anywhere; from metrics_from nobody is asked."),
)
