"""Glance's tasks and what they were given and gave back."""

from sqlalchemy import Column, DateTime, ForeignKey, Index, String, Text

from intaglio.db.tables.metadata import soft_deletion, table

tasks = table(
    "tasks",
    Column("id", String(36), primary_key=True),
    Column("type", String(30), nullable=False),
    Column("status", String(30), nullable=False),
    Column("owner", String(255), nullable=False),
    Column("expires_at", DateTime()),
    *soft_deletion(),
    Column("image_id", String(36)),
    Column("request_id", String(64)),
    Column("user_id", String(64)),
    Index("ix_tasks_deleted", "deleted"),
    Index("ix_tasks_image_id", "image_id"),
    Index("ix_tasks_owner", "owner"),
    Index("ix_tasks_status", "status"),
    Index("ix_tasks_type", "type"),
    Index("ix_tasks_updated_at", "updated_at"),
)

task_info = table(
    "task_info",
    Column("task_id", String(36), ForeignKey("tasks.id"), primary_key=True),
    Column("input", Text()),
    Column("result", Text()),
    Column("message", Text()),
)
