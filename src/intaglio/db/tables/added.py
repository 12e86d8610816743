"""What this service keeps beside Glance's tables.

Nothing here refers to Glance's rows by a foreign key: `glance-manage db purge` must be able to remove them.
"""

import importlib
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Dialect, Index, Integer, String, Text
from sqlalchemy.types import DateTime, TypeDecorator, TypeEngine

from intaglio.db.tables.metadata import BIG, table


class Precise(TypeDecorator[datetime]):
    """A time with its microseconds also on MariaDB, whose plain DATETIME has whole seconds."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name not in {"mysql", "mariadb"}:
            return dialect.type_descriptor(DateTime())
        # By name, because a service on another database need not import MariaDB's dialect.
        return dialect.type_descriptor(importlib.import_module("sqlalchemy.dialects.mysql").DATETIME(fsp=6))


revisions = table(
    "intaglio_image_revisions",
    Column("image_id", String(36), primary_key=True),
    Column("revision", BigInteger(), nullable=False),
)

leases = table(
    "intaglio_leases",
    Column("image_id", String(36), primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("holder", String(255), nullable=False),
    Column("store_id", String(255), nullable=False),
    Column("key", Text(), nullable=False),
    Column("expires_at", Precise(), nullable=False),
    Column("created_at", Precise(), nullable=False),
    Column("attempts", Integer(), nullable=False, server_default="0"),
    Column("error", Text()),
    Column("given_up_at", Precise()),
    Index("intaglio_leases_expires_at", "expires_at"),
)

# What an image whose data are kept for a while was before it was deleted here; `deleted_at` is the image's.
deletions = table(
    "intaglio_deletions",
    Column("image_id", String(36), primary_key=True),
    Column("status", String(30), nullable=False),
    Column("deleted_at", Precise(), nullable=False),
)

# Which directory is which store's: the identity stands in a file there, too.
store_marks = table(
    "intaglio_store_marks",
    Column("identity", String(36), primary_key=True),
    Column("store_id", String(255), nullable=False),
    Column("place", Text(), nullable=False),
    Column("made_at", Precise(), nullable=False),
)

workers = table(
    "intaglio_workers",
    Column("name", String(255), primary_key=True),
    Column("beats", BigInteger(), nullable=False),
    Column("started_at", Precise(), nullable=False),
)

task_runs = table(
    "intaglio_task_runs",
    Column("task_id", String(36), primary_key=True),
    Column("cancelled_at", Precise()),
    Column("progress", Text()),
)

# Whether the data of an image were found safe, and by which rules; none of an image whose container is not inspected.
verdicts = table(
    "intaglio_verdicts",
    Column("image_id", String(36), primary_key=True),
    Column("rules", String(255), nullable=False),
    Column("accepted", Boolean(), nullable=False),
    Column("detected_format", String(255), nullable=False),
    Column("reason", Text()),
    Column("judged_at", Precise(), nullable=False),
)

# Signatures that were verified on the way of an image's data in, and are not its own; `data` is the image's digest on
# record, from when it has one.
evidence = table(
    "intaglio_evidence",
    Column("image_id", String(36), primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("task_id", String(36), nullable=False),
    Column("data", String(128)),
    Column("recorded_at", Precise(), nullable=False),
    Column("document", Text(), nullable=False),  # up to 16 MiB on MariaDB
)

# A digest of an image's data that is quick to compare; it holds as long as the digest on record is `on_record`.
digests = table(
    "intaglio_digests",
    Column("image_id", String(36), primary_key=True),
    Column("on_record", String(128), nullable=False),
    Column("blake3", String(64), nullable=False),
)

# What a search finds images by; SQLite has a full-text index in the virtual table `intaglio_image_words` beside it.
search = table(
    "intaglio_image_search",
    Column("number", BIG, primary_key=True),
    Column("image_id", String(36), nullable=False),
    Column("changed_at", DateTime(), nullable=False),  # the image's `updated_at` when its words were taken
    Column("indexed_at", Precise(), nullable=False),
    Column("words", Text(), nullable=False),
    Index("intaglio_image_search_image_id", "image_id", unique=True),
)

# What the service signed about each image in use, the latest. `mark` stands for all that it says of the image, and
# `compared_at` is the image's `updated_at` when that was last compared.
receipts = table(
    "intaglio_receipts",
    Column("image_id", String(36), primary_key=True),
    Column("envelope", Text(), nullable=False),
    Column("keyid", String(64), nullable=False),
    Column("mark", String(64), nullable=False),
    Column("digests", String(20), nullable=False),
    Column("compared_at", Precise()),
    Column("issued_at", Precise(), nullable=False),
)

# Images of which a receipt is to be written, noted in the transaction that changed what it will say.
receipts_due = table(
    "intaglio_receipts_due",
    Column("image_id", String(36), primary_key=True),
    Column("digests", String(20)),  # None: as the receipt before says
    Column("noted_at", Precise(), nullable=False),
    Column("retry_at", Precise(), nullable=False),
    Column("attempts", Integer(), nullable=False, server_default="0"),
    Column("error", Text()),
    Index("intaglio_receipts_due_retry_at", "retry_at"),
)

# Certificates that receipts are about or were signed with: those of signers, and those above them, by the SHA-256 of
# their DER form; `keyid` for the service's own.
certificates = table(
    "intaglio_certificates",
    Column("fingerprint", String(64), primary_key=True),
    Column("pem", Text(), nullable=False),
    Column("keyid", String(64)),
    Column("seen_at", Precise(), nullable=False),
    Index("intaglio_certificates_keyid", "keyid"),
)

# How far a walk through all copies is, which any worker goes on with; `holder` is at work on it until `expires_at`.
rounds = table(
    "intaglio_rounds",
    Column("name", String(30), primary_key=True),
    Column("after", BigInteger(), nullable=False),
    Column("holder", String(255), nullable=False),
    Column("expires_at", Precise(), nullable=False),
    Column("began_at", Precise(), nullable=False),
    Column("ended_at", Precise()),
    Column("copies", BigInteger(), nullable=False, server_default="0"),
    Column("wrong", BigInteger(), nullable=False, server_default="0"),
)
