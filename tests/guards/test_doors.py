"""Every door of the desk has a lock, or stands in the list of those that are open."""

import pytest
from flask import Flask

from radslag.desk import create_app
from shared.config import Settings

# Signing in, by password, mailed link or the city's directory; health and metrics for operators;
# files that hold nothing.
OPEN = frozenset({"login", "links", "directory", "operators", "shared"})


@pytest.fixture
def app(settings: Settings, database: None) -> Flask:
    return create_app(settings)


def test_every_blueprint_asks_who_comes(app):
    guarded = {name for name in app.before_request_funcs if name is not None}
    assert set(app.blueprints) - OPEN <= guarded
    assert set(app.blueprints) >= OPEN


def test_nobody_gets_behind_a_door(app, settings):
    client = app.test_client()
    behind = [
        rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint.split(".")[0] not in OPEN | {"static"}
    ]
    assert len(behind) > 15
    for rule in behind:
        values = {
            name: converter.__class__.__name__ for name, converter in rule._converters.items()
        }
        path = app.url_map.bind("localhost").build(
            rule.endpoint,
            {
                name: 1 if kind == "IntegerConverter" else "0" * 8 + "-0000-0000-0000-" + "0" * 12
                for name, kind in values.items()
            },
            method=next(iter(rule.methods - {"HEAD", "OPTIONS"})),
        )
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            answer = client.open(
                path,
                method=method,
                base_url=settings.desk_url,
                headers={"Origin": settings.desk_url, "Accept": "application/json"},
            )
            assert answer.status_code == 401, (method, path)
