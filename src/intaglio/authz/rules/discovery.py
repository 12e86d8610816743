"""Rules about what the service tells of itself."""

from intaglio.authz.rules.base import Rule

DISCOVERY_RULES = (
    Rule(
        "stores_info_detail",
        "rule:context_is_admin or rule:service_api",
        "List the stores with their types, weights and places.",
    ),
)
