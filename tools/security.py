"""What `make security` looks at: the code, the packages that are locked, the API from outside.

    python tools/security.py [code] [packages] [api]

Whatever is found fails it, but for what somebody has given a reason for: beside the line
(`# noqa: S608 - constants`), or here.
"""

import contextlib
import json
import logging
import re
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from werkzeug.serving import make_server

from radslag import first_start
from radslag.data_folder import DataFolder
from radslag.embedded.postgres import Postgres
from radslag.ports import free_port
from services.submission import create_app, published
from services.submission.hooks import secrets, sources
from services.submission.programs import api_tokens
from shared import db, migrate
from shared.clock import utcnow
from shared.config import Settings
from shared.models import Scope

PROJECT = Path(__file__).resolve().parent.parent
# What opens whatever asks for a secret there.
SECRET = f"{api_tokens.PREFIX}{'x' * 43}"
# What bandit finds everywhere and why it is meant; the same as in pyproject.toml for ruff.
EVERYWHERE = {
    "B101": "assert states what the types cannot",
    "B404": "subprocesses are how servers are started",
    "B603": "subprocesses get lists of our own arguments",
    "B607": "where programs are looked for is the operator's",
}
IN_FILES = {
    ("services/submission/feeds.py", "B405"): "a feed is written with it; nothing is read",
    ("radslag/swedish.py", "B105"): "sentences about passwords, and no password",
    ("services/submission/openapi.py", "B105"): "what stands in an address, in words",
    ("shared/forgetting/words.py", "B105"): "names of columns",
    (
        "shared/telemetry/counting.py",
        "B103",
    ): "counts, in a folder that only our services can reach",
}
# Codes of ruff that mean the same have S for bandit's B.
_REASON = r"#\s*noqa:[^#]*\bS{number}\b[^#]* - \S"


def main(wanted: list[str]) -> int:
    """Look at each, all of them unless some are named; return how many have faults."""
    # Told to end, it ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    looks = {"code": look_at_code, "packages": look_at_packages, "api": look_at_api}
    failed = 0
    for name in wanted or looks:
        faults = looks[name]()
        for fault in faults:
            print(f"{name}: {fault}")
        failed += bool(faults)
    return failed


def look_at_code() -> list[str]:
    """Run bandit over what is shipped, and return what nobody has given a reason for."""
    told = _run(
        *("bandit", "--quiet", "--recursive", "shared", "services", "radslag"),
        *("--exclude", "*/migrations/*", "--format", "json"),
    )
    report = json.loads(told.stdout)
    found = [each for each in report["results"] if not _has_reason(each)]
    print(f"code: {len(report['results'])} places, {len(found)} without a reason")
    return [
        *(str(error) for error in report["errors"]),
        *(f"{each['filename']}:{each['line_number']} {each['test_id']}" for each in found),
    ]


def _has_reason(finding: dict) -> bool:
    code, file = finding["test_id"], finding["filename"]
    if code in EVERYWHERE or (file, code) in IN_FILES:
        return True
    lines = (PROJECT / file).read_text("utf-8").splitlines()
    # A reason stands at the end of a statement.
    said = lines[min(finding["line_range"]) - 1 : max(finding["line_range"]) + 1]
    return any(re.search(_REASON.format(number=code[1:]), line) for line in said)


def look_at_packages(*more: str) -> list[str]:
    """Ask which locked packages have known faults; where nobody answers, say so."""
    told = _run(
        *("pip_audit", "--requirement", "requirements.txt", "--disable-pip", "--no-deps"),
        *("--progress-spinner", "off", "--timeout", "10", "--format", "json", *more),
    )
    if not told.stdout.strip():
        print("packages: not asked, the list of known faults cannot be reached")
        return []
    packages = json.loads(told.stdout)["dependencies"]
    print(f"packages: {len(packages)} asked about")
    return [
        f"{each['name']} {each['version']}: {fault['id']}, mended in {fault['fix_versions']}"
        for each in packages
        for fault in each.get("vulns", [])
    ]


def look_at_api() -> list[str]:
    """Let schemathesis try what the description allows and what it does not, on a running web."""
    with tempfile.TemporaryDirectory(prefix="radslag-") as temporary:
        folder = Path(temporary)
        with _web(folder / "data") as (url, slugs):
            file = folder / "openapi.json"
            file.write_text(json.dumps(_with_real(url, slugs)), "utf-8")
            told = _run(
                *("schemathesis.cli", "run", str(file), "--url", url, "--no-color"),
                *("--phases", "examples,coverage,fuzzing", "--max-examples", "15", "--seed", "1"),
                *("--header", f"Authorization: Bearer {SECRET}"),
                *("--request-timeout", "10", "--continue-on-failure", "--warnings", "off"),
                *("--output-sanitize", "false"),
                *("--suppress-health-check", "all", "--generation-database", ":memory:"),
                cwd=folder,
            )
    print(told.stdout if told.returncode else "\n".join(told.stdout.splitlines()[-6:]))
    return [] if told.returncode == 0 else ["the API does not keep to its description"]


def _with_real(url: str, slugs: list[str]) -> dict[str, Any]:
    """Return the description with what no schema tells: the councils, places, domains of today."""
    with urllib.request.urlopen(f"{url}/api/openapi.json") as answer:
        description: dict[str, Any] = json.load(answer)
    real = {"slug": slugs, "source": ["prov"]}
    description["paths"]["/councils/{slug}/ideas.json"]["get"]["parameters"][-1]["schema"] = {
        "enum": [f"2026-11-30T12:00:00+00:00_{UUID(int=1)}"]
    }
    schemas = description["components"]["schemas"]
    addresses = ["anna@exempel.example", "åsa@exempel.example"]
    schemas["NewIdea"]["properties"]["council"]["enum"] = slugs
    schemas["NewIdea"]["properties"]["email"] = {"enum": [None, *addresses]}
    schemas["Draft"]["properties"]["email"] = {"enum": ["", *addresses]}
    for methods in description["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", []):
                if parameter["name"] in real:
                    parameter["schema"]["enum"] = real[parameter["name"]]
    return description


@contextlib.contextmanager
def _web(data: Path) -> Iterator[tuple[str, list[str]]]:
    """A public web with a database of its own; its address, and which councils it has."""
    # Requests are no news here, nor that nothing counts them.
    logging.getLogger("services.submission.limits").setLevel(logging.ERROR)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    folder = DataFolder(data)
    postgres = Postgres(folder)
    try:
        postgres.start()
        migrate.upgrade_database(postgres.url)
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        settings = Settings.from_env(
            {
                "RADSLAG_DATABASE_URL": postgres.url,
                "RADSLAG_BROKER_URL": "redis://127.0.0.1:9",
                "RADSLAG_SECRET_KEY": folder.secret_key(),
                "RADSLAG_PUBLIC_URL": url,
                "RADSLAG_DESK_URL": "http://127.0.0.1:9",
                "RADSLAG_SMTP_URL": "smtp://127.0.0.1:9",
                "RADSLAG_SUBMIT_LIMIT": "off",
                "RADSLAG_BOUNCE_SECRET": SECRET,
            }
        )
        db.configure_sessions(settings)
        first_start.seed_system(settings, councils=True)
        with db.PublicSession() as session:
            slugs = [council.slug for council in published.list_councils(session)]
        wanted = api_tokens.Wanted("Prov", tuple(Scope), None, 10_000, None)
        with db.Session.begin() as session:
            token, _shown = api_tokens.add_token(session, wanted, by=None, now=utcnow())
            token.sha256 = api_tokens.hash_secret(SECRET)
            source = sources.add_source(session, settings, "Prov", None, by=None)
            source.secret_sha256 = secrets.hash_secret(SECRET)
        app = create_app(settings)
        server = make_server("127.0.0.1", port, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield url, slugs
        server.shutdown()
        thread.join()
        server.server_close()
        app.extensions["submit_limits"].close()
    finally:
        db.close_connections()
        postgres.stop()
        folder.release()


def _run(*arguments: str, cwd: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
