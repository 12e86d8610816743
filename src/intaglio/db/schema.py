"""Which schema this release works with, and whether a database has it."""

from sqlalchemy import Column, MetaData, String, Table, select
from sqlalchemy.exc import DBAPIError

from intaglio.db.base import Connection, SchemaUnfit
from intaglio.db.failures import Meaning, meaning

GLANCE_HEAD = "2024_1_contract01"  # Glance 2024.1 to 2026.2, at least
KNOWN = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009")  # our own revisions, oldest first
HEAD = KNOWN[-1]

_VERSIONS = MetaData()
GLANCE_VERSION = Table(
    "alembic_version",
    _VERSIONS,
    Column("version_num", String(32), primary_key=True),
    mysql_engine="InnoDB",
    mysql_charset="utf8",
)
OUR_VERSION = Table(
    "intaglio_alembic_version",
    _VERSIONS,
    Column("version_num", String(32), primary_key=True),
    mysql_engine="InnoDB",
    mysql_charset="utf8",
)

_UPGRADE = "run: intaglio db upgrade"


async def require_schema(conn: Connection) -> None:
    """Raise `SchemaUnfit` unless both version tables hold what this release needs."""
    try:
        glance = (await conn.execute(select(GLANCE_VERSION.c.version_num))).scalars().all()
        ours = (await conn.execute(select(OUR_VERSION.c.version_num))).scalars().all()
    except DBAPIError as error:
        if meaning(error) is not Meaning.OURS:
            raise
        raise SchemaUnfit(f"The database holds none of this service's tables yet; {_UPGRADE}") from error
    require_glance(tuple(glance))
    require_ours(tuple(ours))


def require_glance(found: tuple[str, ...]) -> None:
    """Raise `SchemaUnfit` unless Glance's own version table holds the one revision that we work with."""
    if found != (GLANCE_HEAD,):
        held = ", ".join(sorted(found)) or "nothing"
        raise SchemaUnfit(
            f"Glance's tables are at revision {held}; this release needs {GLANCE_HEAD} (Glance 2024.1 or later). "
            "Bring them there first with: glance-manage db sync"
        )


def require_ours(found: tuple[str, ...]) -> None:
    """Raise `SchemaUnfit` unless our version table is at this release's revision."""
    if found == (HEAD,):
        return
    unknown = sorted(set(found) - set(KNOWN))
    if unknown:
        raise SchemaUnfit(
            f"The database was upgraded by a newer release: revision {', '.join(unknown)}, this one knows {HEAD}. "
            "Run that release, or restore the database from before its upgrade."
        )
    held = ", ".join(found) or "nothing"
    raise SchemaUnfit(f"The database is at revision {held}, this release needs {HEAD}; {_UPGRADE}")
