"""The schema that migrations make is the one that the models describe."""

from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.orm import Session as SqlSession

from shared import migrate


def test_there_is_one_head():
    assert len(ScriptDirectory.from_config(migrate._config()).get_heads()) == 1


def test_models_and_migrations_agree_after_a_second_upgrade_too(empty_database_url):
    """How differences are noticed: `tests/shared/database/test_migrate.py`."""
    migrate.upgrade_database(empty_database_url)
    migrate.upgrade_database(empty_database_url)
    assert migrate.find_drift(empty_database_url) == []


def test_every_constraint_has_a_name_by_the_convention(session: SqlSession):
    names = session.scalars(
        text("""
            SELECT conname FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
            WHERE t.relnamespace = 'public'::regnamespace AND contype IN ('c', 'f', 'p', 'u')
              AND t.relname <> 'alembic_version'""")
    ).all()
    assert names
    assert [name for name in names if name[:3] not in {"ck_", "fk_", "pk_", "uq_"}] == []
