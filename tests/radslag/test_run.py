"""`radslag run`: a process is told what it needs, and says what is weaker than it need be."""

import os
import sys
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from radslag.cli import main
from radslag.mailbox import entrance
from radslag.processes import BY_NAME, PROCESSES, SMALL_PROCESSES
from shared.config import SECRETS, Settings, SettingsError
from shared.rights.passwords import ADDRESSES

PUBLIC = {"RADSLAG_PUBLIC_URL": "https://a.example", "RADSLAG_DESK_URL": "https://b.example"}
# A secret of each kind, as values of settings that take them.
EVERY_SECRET = {
    **dict.fromkeys(SECRETS, "hemligt-hemligt-hemligt-hemligt-hemligt"),
    "RADSLAG_DATABASE_URL": "postgresql://radslag:hemligt@db/radslag",
    "RADSLAG_BROKER_URL": "redis://:hemligt@broker:6379/0",
    "RADSLAG_QUEUE_URL": "amqp://radslag:hemligt@rabbit/radslag",
    "RADSLAG_SMTP_URL": "smtp://anna:hemligt@mail.example",
    "RADSLAG_PUBLIC_DATABASE_URL": "postgresql://radslag:hemligt@copy/radslag",
}
# Who must be able to do what, spelled once more.
NEEDS = {
    "secret_key": "public-web desk moderation-bulk submission-worker notify-worker notify-webhooks"
    " clock",
    "smtp_url": "notify-worker clock",
    "metrics_token": "public-web desk",
    "akismet_key": "desk moderation-worker moderation-bulk",
    "oidc_client_secret": "desk",
    "bounce_secret": "public-web",
    "public_database_url": "public-web",
}


@pytest.fixture
def run(monkeypatch):
    """Run a process up to where it becomes that one; return its environment and what is said."""

    def run_until_then(name: str, environment: dict[str, str]):
        became: list[tuple[list[str], dict[str, str]]] = []
        monkeypatch.setattr(os, "environ", dict(environment))
        monkeypatch.setattr(os, "execve", lambda _path, *about: became.append(about))
        told = CliRunner().invoke(main, ["run", name], catch_exceptions=False)
        return became, told

    return run_until_then


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)
def test_a_process_is_told_the_secrets_that_it_needs(run, process):
    files = {f"{name}_FILE": "" for name in SECRETS}
    ((command, environment),), _told = run(process.name, {**PUBLIC, **EVERY_SECRET, **files})
    assert command == [sys.executable, "-m", *process.command(host="0.0.0.0")]
    needed = {name for name, users in NEEDS.items() if process.name in users.split()}
    needed |= {"database_url", "broker_url", "queue_url"}
    told = {name for name in (*SECRETS, *files) if name in environment}
    of_these = {f"RADSLAG_{name.upper()}" for name in needed}
    assert told == of_these | {f"{name}_FILE" for name in of_these}
    Settings.from_env(environment, without=process.does_without)


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)
def test_no_process_is_told_what_stands_beside_the_settings(run, process):
    """Where one file has it all: who knows another's password could be that one."""
    beside = {
        **{name: f"postgresql://{role}:hemligt@db/radslag" for role, name in ADDRESSES.items()},
        **dict.fromkeys(("POSTGRES_PASSWORD", "RADSLAG_BROKER_PASSWORD"), "hemligt"),
        entrance.PASSWORD: "hemligt-hemligt",
    }
    files = {f"{name}_FILE": "/run/secrets/a" for name in beside}
    ((_command, environment),), _told = run(
        process.name, {**PUBLIC, **EVERY_SECRET, **beside, **files}
    )
    assert set(environment).isdisjoint(beside | files)


def test_every_secret_is_somebody_s():
    assert {f"RADSLAG_{name.upper()}" for name in NEEDS} == set(SECRETS) - {
        *("RADSLAG_DATABASE_URL", "RADSLAG_BROKER_URL", "RADSLAG_QUEUE_URL")
    }


def test_in_a_small_system_a_process_knows_what_those_know_whose_work_it_does():
    for process in SMALL_PROCESSES:
        for name in (process.name, *process.also):
            assert set(BY_NAME[name].secrets) <= set(process.secrets), name


@pytest.mark.parametrize("name", ["secret_key", "smtp_url"])
def test_who_needs_it_does_not_start_without_it(run, name):
    setting = f"RADSLAG_{name.upper()}"
    given = {**PUBLIC, **EVERY_SECRET, setting: ""}
    for process in PROCESSES:
        became, told = run(process.name, given)
        starts = process.name not in NEEDS[name].split()
        assert bool(became) == starts, process.name
        assert (f"Missing settings: {setting}." in told.output) == (not starts)


def test_nothing_is_made_with_a_key_that_is_not_told():
    given = {**PUBLIC, **EVERY_SECRET, "RADSLAG_SECRET_KEY": ""}
    key = Settings.from_env(given, without=["secret_key"]).secret_key
    assert not key
    with pytest.raises(SettingsError, match="RADSLAG_SECRET_KEY must be set"):
        key.encode()


@pytest.mark.parametrize(
    ("name", "user", "says"),
    [
        ("relay", "radslag", "relay asks the database as radslag and not as radslag_moderation"),
        ("relay", "radslag_moderation", ""),
        ("public-web", "radslag_moderation", "and not as radslag_submission"),
        ("submission-worker", "radslag_submission", ""),
        ("notify-webhooks", "radslag_notify", ""),
    ],
)
def test_who_works_as_another_role_than_its_own_says_so(run, name, user, says):
    url = f"postgresql://{user}:hemligt@db/radslag"
    became, told = run(name, {**PUBLIC, **EVERY_SECRET, "RADSLAG_DATABASE_URL": url})
    assert became[0][1]["RADSLAG_DATABASE_URL"] == url
    assert says in told.output
    assert bool(says) == bool(told.output)
    assert "hemligt" not in told.output


@pytest.mark.parametrize(
    ("user", "in_file", "starts"),
    [
        ("radslag_submission", "radslag", False),
        ("radslag_submission", "radslag_moderation", False),
        ("radslag_submission", "", False),
        ("radslag_submission", "radslag_submission", True),
        # The only one that there is, as before there were roles.
        ("radslag", "radslag", True),
        ("radslag", "radslag_submission", True),
        ("", "radslag", True),
    ],
)
def test_no_file_takes_the_address_of_its_own_away_from_a_service(
    run, tmp_path, user, in_file, starts
):
    file = tmp_path / "address"
    file.write_text(f"postgresql://{in_file}:hemligt@db/radslag")
    told = {
        "RADSLAG_DATABASE_URL": f"postgresql://{user}:hemligt@db/radslag",
        "RADSLAG_DATABASE_URL_FILE": str(file),
    }
    became, said = run("public-web", {**PUBLIC, **EVERY_SECRET, **told})
    assert bool(became) == starts
    assert ("RADSLAG_SUBMISSION_DATABASE_URL_FILE" in said.output) == (not starts)
    assert "hemligt" not in said.output


@pytest.mark.parametrize(
    ("broker", "is_weak"),
    [
        ("redis://broker:6379/0", True),
        ("redis://:@broker:6379/0", True),
        ("redis://:hemligt@broker:6379/0", False),
        ("unix:///run/valkey.sock?db=0", False),
    ],
)
def test_a_broker_without_a_password_is_told(run, broker, is_weak):
    role = BY_NAME["relay"].role
    url = f"postgresql://{role}:hemligt@db/radslag"
    given = {**PUBLIC, "RADSLAG_DATABASE_URL": url, "RADSLAG_BROKER_URL": broker}
    became, told = run("relay", given)
    assert urlsplit(became[0][1]["RADSLAG_BROKER_URL"]).scheme == urlsplit(broker).scheme
    assert ("without a password" in told.output) == is_weak
