"""The schema that migrations make is the one that the models describe."""

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session as SqlSession

from shared import db, migrate
from shared.config import Settings


def test_there_is_one_head():
    assert len(ScriptDirectory.from_config(migrate._config()).get_heads()) == 1


def test_models_and_migrations_agree(empty_database_url):
    migrate.upgrade(empty_database_url)
    assert migrate.drift(empty_database_url) == []


def test_a_second_upgrade_changes_nothing(empty_database_url):
    migrate.upgrade(empty_database_url)
    migrate.upgrade(empty_database_url)
    assert migrate.drift(empty_database_url) == []


def test_drift_is_noticed(empty_database_url):
    migrate.upgrade(empty_database_url)
    engine = db.make_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE councils ADD COLUMN forgotten text"))
    engine.dispose()
    assert migrate.drift(empty_database_url) != []


def test_every_constraint_has_a_name_by_the_convention(session: SqlSession):
    names = session.scalars(
        text("""
            SELECT conname FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
            WHERE t.relnamespace = 'public'::regnamespace AND contype IN ('c', 'f', 'p', 'u')
              AND t.relname <> 'alembic_version'""")
    ).all()
    assert names
    assert [name for name in names if name[:3] not in {"ck_", "fk_", "pk_", "uq_"}] == []


@pytest.mark.parametrize("table", ["ideas", "idea_texts", "originals", "contacts", "staff"])
def test_the_public_role_reads_its_views_and_nothing_else(settings: Settings, database, table):
    with db.PublicSession() as public:
        public.execute(text("SELECT * FROM public_ideas, public_councils")).all()
        with pytest.raises(ProgrammingError, match="permission denied"):
            public.execute(text(f"SELECT * FROM {table}"))
