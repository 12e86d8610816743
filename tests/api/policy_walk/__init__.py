"""What each kind of caller gets from each route, as data, a file a resource: `tests/api/test_policy_walk.py` walks it.

A new route needs a row: its method and path, and one `ask` for every way to call it in which another rule is asked.
"""

from tests.api.policy_walk import data, images, members, metadefs, policy, schemas, service, stores, tasks
from tests.api.policy_walk.base import Ask

WALK: dict[str, tuple[Ask, ...]] = {
    **images.WALK,
    **data.WALK,
    **members.WALK,
    **stores.WALK,
    **metadefs.WALK,
    **policy.WALK,
    **schemas.WALK,
    **service.WALK,
    **tasks.WALK,
}
