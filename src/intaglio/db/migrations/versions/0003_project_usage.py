"""What projects use, counted once from the images that are there; from then on it is kept up to date."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import VARBINARY

revision = "0003"
down_revision = "0002"

_MYSQL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8"}
_PROJECT = sa.String(255).with_variant(VARBINARY(765), "mysql")
_COUNTS = ("stored", "staged", "images", "uploading", "stored_reserved", "staged_reserved")

_COUNT = """
INSERT INTO intaglio_project_usage
    (project_id, stored, staged, images, uploading, stored_reserved, staged_reserved)
SELECT counted.project, SUM(counted.stored), SUM(counted.staged), COUNT(*), SUM(counted.uploading), 0, 0
FROM (
    SELECT {project} AS project,
        CASE WHEN images.size > 0 THEN images.size ELSE 0 END * (
            SELECT COUNT(*) FROM image_locations AS copies
            WHERE copies.image_id = images.id AND copies.deleted <> {yes} AND copies.status = 'active'
        ) AS stored,
        CASE WHEN images.size > 0 AND (images.status IN ('uploading', 'importing') OR {copying})
            THEN images.size ELSE 0 END AS staged,
        CASE WHEN images.status IN ('saving', 'uploading', 'importing') OR {copying} THEN 1 ELSE 0 END AS uploading
    FROM images
    WHERE images.deleted = {no} AND images.status NOT IN ('killed', 'deleted', 'pending_delete')
) AS counted
GROUP BY counted.project
"""
_COPYING = """EXISTS (
    SELECT 1 FROM image_properties AS p WHERE p.image_id = images.id AND p.deleted <> {yes}
    AND p.name = 'os_glance_importing_to_stores' AND p.value <> ''
)"""


def upgrade() -> None:
    present = set(sa.inspect(op.get_bind()).get_table_names())
    if "intaglio_reservations" not in present:
        op.create_table(
            "intaglio_reservations",
            sa.Column("image_id", sa.String(36), primary_key=True),
            sa.Column("kind", sa.String(20), primary_key=True),
            sa.Column("project_id", _PROJECT, nullable=False),
            sa.Column("resource", sa.String(20), nullable=False),
            sa.Column("amount", sa.BigInteger(), nullable=False),
            **_MYSQL,
        )
        op.create_index("intaglio_reservations_project_id", "intaglio_reservations", ["project_id"])
    if "intaglio_project_usage" not in present:
        op.create_table(
            "intaglio_project_usage",
            sa.Column("project_id", _PROJECT, primary_key=True),
            *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _COUNTS),
            **_MYSQL,
        )
    _count()


def _count() -> None:
    dialect = op.get_bind().dialect.name
    # Not `deleted = 0` of what hangs on an image: SQLite would take the index on that, which nearly every row shares.
    words = {"no": "false", "yes": "true"} if dialect == "postgresql" else {"no": "0", "yes": "1"}
    # MariaDB would take owners that differ in case for one
    project = "CAST(COALESCE(images.owner, '') AS BINARY)" if dialect == "mysql" else "COALESCE(images.owner, '')"
    op.execute("DELETE FROM intaglio_project_usage")  # an upgrade of MariaDB may have been cut off
    op.execute(_COUNT.format(project=project, copying=_COPYING.format(**words), **words))
