"""What a project uses of what may be limited, in the units of Keystone's unified limits."""

from collections.abc import Mapping

import msgspec

from intaglio.authz.engine import Caller
from intaglio.db.base import Connection
from intaglio.db.repos import usage as usage_repo
from intaglio.services.parts import Parts

_MIB = 1 << 20


class Usage(msgspec.Struct, frozen=True):
    """How much of one thing is used, and how much there may be; -1 is no limit. Sizes are MiB, begun ones counted."""

    usage: int
    limit: int


async def usage(parts: Parts, caller: Caller) -> Mapping[str, Usage]:
    """The usage of the caller's project by the name of the limit; empty for a caller without a project."""
    project = caller.principal.project_id
    if project is None:
        return {}

    async def work(conn: Connection) -> usage_repo.Used:
        return await usage_repo.of_project(conn, project)

    used = await parts.database.read(work)
    quota = parts.limits.user_storage_quota
    return {
        "image_size_total": Usage(-(-used.stored_bytes // _MIB), -(-quota // _MIB) if quota else -1),
        "image_stage_total": Usage(-(-used.staged_bytes // _MIB), -1),
        "image_count_total": Usage(used.images, -1),
        "image_count_uploading": Usage(used.uploading, -1),
    }
