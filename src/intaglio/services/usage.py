"""What a project uses of what may be limited, in the units of Keystone's unified limits."""

from collections.abc import Mapping

import msgspec

from intaglio.authz.engine import Caller
from intaglio.db.repos import usage as usage_repo
from intaglio.domain.quota import UNIFIED
from intaglio.services.parts import Parts


class Usage(msgspec.Struct, frozen=True):
    """How much of one thing is used, and how much there may be; -1 is no limit. Sizes are MiB."""

    usage: int
    limit: int


async def usage(parts: Parts, caller: Caller) -> Mapping[str, Usage]:
    """The usage of the caller's project by the name of the limit; empty for a caller without a project.

    A MiB that is begun counts in a limit, as a limit, and not in what is used, as in Glance. Raises `Unavailable`.
    """
    project = caller.principal.project_id
    if project is None:
        return {}
    limits = await parts.quotas.of(project)
    taken = await parts.database.read(lambda conn: usage_repo.get(conn, project))
    return {
        name: Usage(taken.used.of(resource) // unit, _in_units(limits.of(resource), unit))
        for name, (resource, unit) in UNIFIED.items()
    }


def _in_units(limit: int | None, unit: int) -> int:
    return -1 if limit is None else -(-limit // unit)
