"""Rules about what the service says of itself."""

from intaglio.authz.rules.base import ADMIN, Rule

DISCOVERY_RULES = (
    Rule(
        "stores_info_detail",
        f"{ADMIN} or rule:service_api",
        "See the kind, weight and properties of each store.",
        "nothing",
        old=ADMIN,
        since="2025.1",
    ),
)
