"""One list of settings: the code's. Containers, the example and the documents have the same one."""

import re
from dataclasses import fields
from typing import Any

import pytest
import yaml

from radslag.mailbox import entrance
from radslag.processes import BY_NAME
from shared.config import PREFIX, SECRETS, Settings, read_secret_files
from tests.conftest import PROJECT

NAMES = {PREFIX + each.name.upper() for each in fields(Settings)}
FILES = {f"{name}_FILE" for name in SECRETS}
# Containers are large, whatever it says.
NOT_IN_CONTAINERS = {"RADSLAG_SIZE"}
# Read by compose itself: ports on the machine, and what the mailbox for trying out asks for.
OF_COMPOSE = {"RADSLAG_PUBLIC_PORT", "RADSLAG_DESK_PORT", "RADSLAG_MAIL_PORT", entrance.PASSWORD}


@pytest.fixture(scope="module")
def compose() -> str:
    return (PROJECT / "docker-compose.yml").read_text("utf-8")


@pytest.fixture(scope="module")
def services(compose: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(compose)["services"]
    return found


@pytest.mark.parametrize("name", [*BY_NAME, "migrate"])
def test_a_container_gets_every_setting_and_no_other(services, name):
    environment = services[name]["environment"]
    assert set(environment) == (NAMES - NOT_IN_CONTAINERS) | FILES
    for setting, value in environment.items():
        # None is fixed: what stands in .env wins.
        assert value.startswith(f"${{{setting}:-"), setting


def test_a_setting_has_its_own_default_in_containers_too(services):
    """An empty one is as if it were not there; only by what others are reached has another one."""
    own = {name for name, value in services["desk"]["environment"].items() if value[-3:] != ":-}"}
    assert own == {
        *("RADSLAG_DATABASE_URL", "RADSLAG_BROKER_URL", "RADSLAG_SECRET_KEY", "RADSLAG_SMTP_URL"),
        *("RADSLAG_PUBLIC_URL", "RADSLAG_DESK_URL", "RADSLAG_METRICS_FOLDER"),
    }


def test_the_example_names_every_setting_that_compose_reads(compose):
    example = (PROJECT / ".env.example").read_text("utf-8")
    lines = re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE)
    assert len(lines) == len(set(lines))
    read = set(re.findall(r"\$\{([A-Z_]+)", compose))
    assert read == (NAMES - NOT_IN_CONTAINERS) | FILES | OF_COMPOSE | {"POSTGRES_PASSWORD"}
    assert set(lines) == read | NOT_IN_CONTAINERS | {"COMPOSE_PROFILES"}


def test_the_example_shows_the_defaults_that_there_are():
    example = (PROJECT / ".env.example").read_text("utf-8")
    shown = dict(re.findall(r"^#(RADSLAG_[A-Z_]+)=(.+)$", example, re.MULTILINE))
    # An example of what one may write, where the default is nothing or another.
    examples = {
        *("SMTP_URL", "MAIL_FROM", "MAIL_RATE", "HOLD_LETTERS", "BOUNCE_ADDRESS", "DATABASE_URL"),
        *("BROKER_URL", "SEMANTIC", "BAD_HOSTS", "WEBHOOK_PRIVATE", "OIDC_ISSUER"),
    }
    for each in fields(Settings):
        if each.name.upper() not in examples:
            name = PREFIX + each.name.upper()
            assert shown.get(name) in {each.metadata["default"] or None, None}, name


def test_every_secret_can_be_in_a_file_and_the_documents_say_so(tmp_path):
    path = tmp_path / "secret"
    path.write_text("hemlighet\n")
    read = read_secret_files({f"{name}_FILE": str(path) for name in SECRETS})
    assert read == dict.fromkeys(SECRETS, "hemlighet")
    documented = (PROJECT / "docs" / "settings.md").read_text("utf-8")
    named = set(re.findall(r"RADSLAG_\w+_FILE", documented))
    assert named == FILES | {f"{entrance.PASSWORD}_FILE"}


def test_what_sounds_secret_is_secret():
    """A key, token, password or secret, and an address that may hold one."""
    sounding = {
        name
        for name in NAMES
        if re.search(r"_(KEY|TOKEN|SECRET|PASSWORD)$|_(DATABASE|BROKER|SMTP)_URL$", name)
    }
    assert sounding == set(SECRETS)


def test_the_page_of_letters_is_for_trying_out_only(services):
    mail = services["mail"]
    assert mail["profiles"] == ["try"]
    assert re.fullmatch(r"[\w/.-]+:v\d+\.\d+\.\d+", mail["image"])
    assert not [each for each in services.values() if "mail" in each.get("depends_on", {})]
