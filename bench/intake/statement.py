"""The intake's one statement without a web in front of it: the most that the database gives."""

import contextlib
import json
import re
import statistics
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import TextClause

from bench.intake.rounds import Round
from services.submission import intake
from services.submission.forms import IdeaForm
from services.submission.signals import notice_signals
from shared.config import Settings
from shared.models import Source

# What is another with each idea, as the database can make it; all else is what the web sent.
_NEW = {
    "id": "gen_random_uuid()",
    "now": "now()",
    "body": "encode(convert_to(to_json('{text}' || random())::text, 'UTF8'), 'base64')",
    "sha256": "encode(sha256(uuid_send(gen_random_uuid())), 'base64')",
    "text": "'{text}' || random()",
    "folded": "'{text}' || random()",
    "fold_hash": "hashtextextended(gen_random_uuid()::text, 0)",
    "nonce": "encode(uuid_send(gen_random_uuid()), 'base64')",
    "token_sha256": "encode(sha256(uuid_send(gen_random_uuid())), 'base64')",
}


class _CaughtError(Exception):
    """The statement, on its way to the database."""


def written(settings: Settings, council: str, text: str) -> str:
    """Return the statement of an idea that came through the API, as pgbench runs it."""
    caught: list[tuple[TextClause, Mapping[str, Any]]] = []

    def catch(statement: TextClause, parameters: Mapping[str, Any]) -> Any:
        caught.append((statement, parameters))
        raise _CaughtError

    arrival = intake.Arrival(
        source=Source.API,
        body=text.encode(),
        content_type="application/json",
        sender_hash=bytes(16),
        signals=notice_signals({}, settings.secret_key),
    )
    with contextlib.suppress(_CaughtError):
        intake.receive_idea(catch, settings, council, IdeaForm(text), arrival)
    [(statement, parameters)] = caught

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name == "posted":
            return f"json_build_array(json_build_object({_posted(parameters[name], text)}))"
        return sql.Literal(parameters[name]).as_string()

    line = " ".join(re.sub(r":(\w+)", value, statement.text).split())
    return f"{line};\n"


def _posted(sent: str, text: str) -> str:
    """Return the fields of an idea as the database makes them anew for each."""
    [idea] = json.loads(sent)
    return ", ".join(
        f"{sql.Literal(name).as_string()}, "
        + (
            _NEW[name].format(text=text)
            if name in _NEW
            else f"CAST({sql.Literal(json.dumps(value)).as_string()} AS json)"
        )
        for name, value in idea.items()
    )


def load(settings: Settings, line: str, connections: int, seconds: int) -> Round:
    """Let pgbench store ideas for so many seconds."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "receive.sql")
        script.write_text(line)
        command = [
            *("pgbench", "--no-vacuum", "--protocol=prepared", f"--client={connections}"),
            *("--jobs=1", f"--time={seconds}", f"--file={script}"),
            *("--log", f"--log-prefix={folder}/log", settings.database_url),
        ]
        subprocess.run(command, capture_output=True, check=True)
        # client, transaction, microseconds, …
        took_ms = [
            int(entry.split()[2]) / 1000
            for log in Path(folder).glob("log*")
            for entry in log.read_text().splitlines()
        ]
    cuts = statistics.quantiles(took_ms, n=100)
    return Round(len(took_ms), seconds, cuts[49], cuts[94], cuts[98], failed=0)


def count(settings: Settings) -> int:
    """Return how many ideas are stored."""
    with psycopg.connect(settings.database_url) as connection:
        row = connection.execute("SELECT count(*) FROM ideas").fetchone()
    return int(row[0]) if row else 0
