"""Rules about the cache of images' data."""

from functools import partial

from intaglio.authz.rules.base import ADMIN, Rule

_renewed = partial(Rule, old="rule:manage_image_cache", since="Xena")

CACHE_RULES = (
    Rule("manage_image_cache", ADMIN, "The older calls on the cache, outside of /v2.", "nothing"),
    Rule("list_cached_nodes", ADMIN, "List the nodes that hold an image in their cache.", "nothing"),
    _renewed("cache_image", ADMIN, "Have an image's data cached.", "nothing"),
    _renewed("cache_list", ADMIN, "List what is cached.", "nothing"),
    _renewed("cache_delete", ADMIN, "Remove from the cache.", "nothing"),
    Rule("cache_clean", ADMIN, "Remove from the cache what was left half-done.", "nothing"),
    Rule("cache_prune", ADMIN, "Bring the cache below its size.", "nothing"),
)
