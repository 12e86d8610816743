"""The rules' names and defaults, one file a resource, as data (oslo.policy's check language)."""

from intaglio.authz.rules.base import BASE_RULES, Rule
from intaglio.authz.rules.cache import CACHE_RULES
from intaglio.authz.rules.discovery import DISCOVERY_RULES
from intaglio.authz.rules.images import IMAGE_RULES
from intaglio.authz.rules.members import MEMBER_RULES
from intaglio.authz.rules.metadefs import METADEF_RULES
from intaglio.authz.rules.own import OWN_RULES
from intaglio.authz.rules.stores import STORE_RULES
from intaglio.authz.rules.tasks import TASK_RULES

RULES: tuple[Rule, ...] = (
    *BASE_RULES,
    *IMAGE_RULES,
    *STORE_RULES,
    *MEMBER_RULES,
    *TASK_RULES,
    *CACHE_RULES,
    *DISCOVERY_RULES,
    *METADEF_RULES,
    *OWN_RULES,
)
