"""The index for free text, and the indexes on Glance's tables that make every filter and sort key of the list cheap.

The words of all images are taken at once: some ten seconds for a hundred thousand. docs/adr/0004 says what each index
is for, docs/adr/0029 how the words are kept current.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import DATETIME, MEDIUMTEXT

from intaglio.db.repos.image_search import index_all

revision = "0002"
down_revision = "0001"

_PRECISE = sa.DateTime().with_variant(DATETIME(fsp=6), "mysql")
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WORDS = sa.Text().with_variant(MEDIUMTEXT(charset="ascii", collation="ascii_bin"), "mysql")

_SORTS = ("status", "size", "disk_format", "container_format")
_GROUPS = {"visibility": "visibility", "owner": "owner"}
_ALONE = ("virtual_size", "min_ram", "min_disk", "os_hash_algo", "protected")

# The words of SQLite's rows stand in our table alone; what changes there is told to the index by our own triggers.
_TELL = "INSERT INTO intaglio_image_words"
_ADD = f"{_TELL} (rowid, words) VALUES (new.number, new.words);"
_REMOVE = f"{_TELL} (intaglio_image_words, rowid, words) VALUES ('delete', old.number, old.words);"
_OPTIONS = "content='intaglio_image_search', content_rowid='number', tokenize='ascii', detail='none', columnsize=0"
_SQLITE_WORDS = (
    f"CREATE VIRTUAL TABLE intaglio_image_words USING fts5(words, {_OPTIONS}, prefix='3 4')",
    f"CREATE TRIGGER intaglio_search_added AFTER INSERT ON intaglio_image_search BEGIN {_ADD} END",
    f"CREATE TRIGGER intaglio_search_removed AFTER DELETE ON intaglio_image_search BEGIN {_REMOVE} END",
    f"CREATE TRIGGER intaglio_search_changed AFTER UPDATE OF words ON intaglio_image_search BEGIN {_REMOVE} {_ADD} END",
)


def upgrade() -> None:
    _index_images()
    dialect = op.get_bind().dialect.name
    if dialect == "sqlite":
        # With all it takes to answer, so that the rows themselves are not looked up.
        op.drop_index("intaglio_image_properties_name_value", "image_properties")
        _index("intaglio_image_properties_name_value", "image_properties", ["name", "value", "deleted", "image_id"])
    if "intaglio_image_search" not in sa.inspect(op.get_bind()).get_table_names():
        _create_search()
    index_all(op.get_bind())
    # After the rows, which is quicker.
    if dialect == "postgresql":
        words = sa.text("to_tsvector('simple', words)")
        _index("intaglio_image_search_words", "intaglio_image_search", [words], postgresql_using="gin")
    elif dialect == "mysql":
        _index("intaglio_image_search_words", "intaglio_image_search", ["words"], mysql_prefix="FULLTEXT")


def _index_images() -> None:
    for group, column in _GROUPS.items():
        for key in _SORTS:
            keys = [_sort_key(key), _sort_key("created_at"), "id"]
            _index(f"intaglio_images_{group}_{key}", "images", ["deleted", "os_hidden", column, *keys])
        _index(f"intaglio_images_{group}_id", "images", ["deleted", "os_hidden", column, "id"])
    for column in _ALONE:
        _index(f"intaglio_images_{column}", "images", [column])
    for name in ("intaglio_images_name", "intaglio_images_status"):  # those by visibility serve as well
        if name in _indexes("images"):
            op.drop_index(name, "images")


def _create_search() -> None:
    op.create_table(
        "intaglio_image_search",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("image_id", sa.String(36), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("indexed_at", _PRECISE, nullable=False),
        sa.Column("words", _WORDS, nullable=False),
        mysql_engine="InnoDB",
        mysql_charset="utf8",
    )
    op.create_index("intaglio_image_search_image_id", "intaglio_image_search", ["image_id"], unique=True)
    if op.get_bind().dialect.name == "sqlite":
        for statement in _SQLITE_WORDS:
            op.execute(statement)


def _sort_key(column: str) -> str | sa.TextClause:
    """PostgreSQL would put NULL last and texts in the order of a locale; the lists promise neither."""
    if op.get_bind().dialect.name != "postgresql":
        return column
    collation = "" if column in ("created_at", "size") else ' COLLATE "C"'
    return sa.text(f"{column}{collation} NULLS FIRST")


def _indexes(table: str) -> set[str | None]:
    return {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}


def _index(name: str, table: str, columns: list[str | sa.TextClause], **options: Any) -> None:
    # On MariaDB an upgrade that was cut off has made some of them.
    if name not in _indexes(table):
        op.create_index(name, table, columns, **options)
