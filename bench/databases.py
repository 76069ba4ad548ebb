"""A database of its own for a measuring program, gone when it ends: migrated, with the councils."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from radslag.data_folder import DataFolder
from radslag.embedded.postgres import Postgres
from services.moderation.settings.seed import seed_councils
from shared import db, migrate
from shared.config import Settings


def environment_of(database_url: str, broker_url: str = "redis://localhost") -> dict[str, str]:
    """Return what a system needs to be told, as environment variables."""
    return {
        "RADSLAG_DATABASE_URL": database_url,
        "RADSLAG_BROKER_URL": broker_url,
        "RADSLAG_SECRET_KEY": "a key for measuring only, long enough",
        "RADSLAG_PUBLIC_URL": "http://localhost:8000",
        "RADSLAG_DESK_URL": "http://localhost:8001",
        "RADSLAG_SMTP_URL": "smtp://localhost",
    }


@contextmanager
def database() -> Iterator[Settings]:
    """Give the settings of a running database; `shared.db.Session` is bound to it meanwhile."""
    with tempfile.TemporaryDirectory(prefix="measure ") as path:
        folder = DataFolder(Path(path))
        postgres = Postgres(folder)
        postgres.start()
        try:
            migrate.upgrade_database(postgres.url)
            settings = Settings.from_env(environment_of(postgres.url))
            db.configure_sessions(settings)
            with db.Session.begin() as session:
                seed_councils(session)
            yield settings
        finally:
            db.close_connections()
            postgres.stop()
            folder.release()
