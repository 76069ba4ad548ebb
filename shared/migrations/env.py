"""Alembic's door: always called by `shared.migrate` with an open connection."""

from collections.abc import Collection, Mapping
from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo

from shared import migrate
from shared.models import Base


def _note_served_code(
    ctx: MigrationContext,
    step: MigrationInfo,
    heads: Collection[Any],  # noqa: ARG001
    run_args: Mapping[str, Any],  # noqa: ARG001
) -> None:
    migrate.note_served_code(ctx, step)


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # What waits for a lock, or fails, does not take the others with it.
    transaction_per_migration=True,
    on_version_apply=_note_served_code,
)
with context.begin_transaction():
    context.run_migrations()
