"""What leaves for a collector or for Sentry: names, numbers and ids, and no word of anybody.

The real libraries send to a server that keeps what it gets. They lie beside what is installed:
`pip install --no-deps --require-hashes --target .venv/tracing -r requirements-tracing.txt`.
"""

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from shared.config import Settings
from shared.setting_values import SettingsError
from shared.telemetry import reporting, request_ids, tracing
from tests.conftest import PROJECT
from tests.factories import _ENVIRONMENT, a_council

LIBRARIES = Path(sys.prefix) / "tracing"
WORDS = "Kanariefågel vid kvarnen"
ADDRESS = "kanarie@example.org"
TOKEN = "hemlignyckel"
VISITOR = """
import logging, sys
import radslag.public, services.moderation.tasks, services.notify.tasks, radslag.commands.clock
LEAVING = ("opentelemetry.instrumentation", "sentry_sdk")
assert not [name for name in sys.modules if name.startswith(LEAVING)]
words, address, token = sys.argv[1:]
app = radslag.public.create_app()
client = app.test_client()
idea = {"text": words, "email": address, "author": words}
print(client.post("/councils/rad/ideas", data=idea).headers["X-Request-Id"])
client.post("/api/v1/ideas", json={"council": "rad", **idea})
client.get(f"/receipts/{token}?q={words}")
client.get(f"/{token}")
def fail():
    secret = words
    raise ValueError(secret)
try:
    fail()
except ValueError:
    logging.getLogger("services.x").exception("a check failed", extra={"said": words})
    logging.getLogger("celery.app.trace").error("Task %s raised", words, exc_info=True)
logging.getLogger("services.x").info(words)
from opentelemetry import trace
trace.get_tracer_provider().shutdown()
import sentry_sdk
sentry_sdk.flush()
app.extensions["submit_limits"].close()
"""


@pytest.fixture
def collected() -> Iterator[tuple[str, dict[str, list[bytes]]]]:
    """Where to send, and what came, by path."""
    came: dict[str, list[bytes]] = {}

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            came.setdefault(self.path, []).append(body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_about: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}", came
    server.shutdown()
    server.server_close()


@pytest.fixture
def database_url(one_database):
    return one_database


@pytest.mark.skipif(not LIBRARIES.is_dir(), reason=f"no {LIBRARIES.name} beside the packages")
def test_no_word_of_anybody_leaves(session, environment, collected):
    a_council(session, slug="rad")
    session.commit()
    place, came = collected
    done = subprocess.run(
        [sys.executable, "-c", VISITOR, WORDS, ADDRESS, TOKEN],
        env={
            **os.environ,
            **environment,
            "PYTHONPATH": str(LIBRARIES),
            "RADSLAG_TRACES_URL": f"http://{place}/v1/traces",
            "RADSLAG_SENTRY_DSN": f"http://key@{place}/7",
        },
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    [request] = done.stdout.split()
    spans, errors = b"".join(came["/v1/traces"]), b"".join(came["/api/7/envelope/"])
    for hidden in (WORDS, ADDRESS, TOKEN, WORDS.split(maxsplit=1)[0], "INSERT INTO"):
        for sent in (spans, errors):
            assert hidden.encode() not in sent
            assert json.dumps(hidden)[1:-1].encode() not in sent
    for told in ("/councils/<slug>/ideas", "radslag.request", request, "postgresql"):
        assert told.encode() in spans
    found = [json.loads(line) for line in errors.splitlines() if b'"exception"' in line]
    assert [event.get("logentry") for event in found] == [{"message": "a check failed"}, None]
    [raised] = found[0]["exception"]["values"]
    assert raised["type"] == "ValueError"
    assert raised["stacktrace"]["frames"][-1]["function"] == "fail"


def test_of_an_event_only_what_may_leave_is_kept():
    event = {
        "event_id": "1",
        "level": "error",
        "logger": "services.x",
        "server_name": "machine",
        "request": {"url": TOKEN},
        "user": {"ip_address": "192.0.2.1"},
        "extra": {"said": WORDS},
        "breadcrumbs": {"values": [{"message": WORDS}]},
        "modules": {},
        "logentry": {"message": "a check failed", "params": [WORDS]},
        "exception": {
            "values": [
                {
                    "type": "ValueError",
                    "module": None,
                    "value": WORDS,
                    "stacktrace": {
                        "frames": [
                            {
                                "filename": f"/home/{TOKEN}/x.py",
                                "abs_path": TOKEN,
                                "function": "f",
                                "lineno": 3,
                                "vars": {"a": WORDS},
                                "context_line": WORDS,
                            }
                        ]
                    },
                }
            ]
        },
    }
    with request_ids.on_behalf_of("r1"):
        assert reporting.scrub_event(event) == {
            "event_id": "1",
            "level": "error",
            "logger": "services.x",
            "tags": {"request": "r1"},
            "logentry": {"message": "a check failed"},
            "exception": {
                "values": [
                    {
                        "type": "ValueError",
                        "module": None,
                        "stacktrace": {
                            "frames": [{"filename": "x.py", "function": "f", "lineno": 3}]
                        },
                    }
                ]
            },
        }


@pytest.mark.parametrize(
    ("name", "attributes", "kept"),
    [
        (f"GET /{TOKEN}", {"http.method": "GET"}, "GET"),
        (f"GET /{TOKEN}", {"http.request.method": "GET", "http.route": "/<key>"}, "GET /<key>"),
        ("run/notify.send_letters", None, "run/notify.send_letters"),
        (f"run/{TOKEN}", {}, "span"),
        (f"SELECT {TOKEN}", {}, "SELECT"),
        (TOKEN, {}, "span"),
    ],
)
def test_a_span_is_called_by_names_of_ours(name, attributes, kept):
    assert tracing.name_plainly(name, attributes) == kept


def test_of_a_spans_attributes_names_numbers_and_ids_are_kept():
    told = {"http.route": "/", "http.status_code": 200, "radslag.request": "r1"}
    hidden = {"http.target": f"/{TOKEN}", "db.statement": "SELECT 1", "http.method": f"x {WORDS}"}
    assert tracing.keep_plain({**told, **hidden}) == told
    assert tracing.keep_plain(None) == {}


@pytest.mark.parametrize(
    ("setting", "extra"), [("TRACES_URL", "tracing"), ("SENTRY_DSN", "sentry")]
)
def test_without_its_extra_a_setting_is_refused_by_a_sentence(monkeypatch, setting, extra):
    settings = Settings.from_env({**_ENVIRONMENT, f"RADSLAG_{setting}": "http://key@localhost/1"})

    def absent(_name: str) -> None:
        raise ImportError

    for module in (tracing, reporting):
        monkeypatch.setattr(module, "import_module", absent)
    start = reporting.start_reporting if extra == "sentry" else _trace
    with pytest.raises(SettingsError, match=rf"RADSLAG_{setting} needs the extra `{extra}`"):
        start(settings)


def _trace(settings: Settings) -> None:
    tracing.start_tracing(settings, "x")


def test_without_the_settings_nothing_is_loaded(monkeypatch):
    settings = Settings.from_env(_ENVIRONMENT)
    for module in (tracing, reporting):
        monkeypatch.setattr(module, "import_module", pytest.fail)
    tracing.start_tracing(settings, "x")
    reporting.start_reporting(settings)
