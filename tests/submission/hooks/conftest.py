"""A form source, and what a form tool and the worker behind it do."""

from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session as SqlSession
from werkzeug.test import TestResponse

from services.submission.hooks import inbox, sources
from shared.config import Settings
from shared.db import Session
from shared.models import Council, FormSource
from tests.notify.deliveries import hand_over


@dataclass
class Tool:
    """A form tool that posts here."""

    client: FlaskClient
    settings: Settings
    source: FormSource
    secret: str

    @property
    def path(self) -> str:
        return f"/hooks/forms/{self.source.slug}"

    def post(self, *, secret: str | None = None, key: str = "", **sent: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {secret or self.secret}"}
        if key:
            headers["Idempotency-Key"] = key
        return self.client.post(self.path, headers=headers | sent.pop("headers", {}), **sent)

    def work(self) -> int:
        """Let the worker map what waits; return how many it was."""
        return hand_over("submission.form", inbox.map_deliveries, self.settings)


@pytest.fixture
def tool(client: FlaskClient, settings: Settings, session: SqlSession, council: Council) -> Tool:
    return a_tool(client, settings, council)


def a_tool(
    client: FlaskClient, settings: Settings, council: Council | None, title: str = "Kontaktformulär"
) -> Tool:
    with Session.begin() as session:
        source = sources.add_source(session, settings, title, council, by=None)
        secret = sources.show_secret(source, settings)
    assert secret is not None
    return Tool(client, settings, source, secret)
