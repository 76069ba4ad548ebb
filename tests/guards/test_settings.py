"""One list of settings: the code's. Containers, the example and the documents have the same one."""

import re
from dataclasses import fields
from typing import Any

import pytest
import yaml

from radslag.mailbox import entrance
from radslag.processes import BY_NAME
from shared.config import PREFIX, SECRETS, Settings, SettingsError, read_secret_files
from shared.rights.passwords import ADDRESSES, read_passwords
from tests.conftest import PROJECT

NAMES = {PREFIX + each.name.upper() for each in fields(Settings)}
# Containers are large, whatever it says.
NOT_IN_CONTAINERS = {"RADSLAG_SIZE"}
OPEN = NAMES - set(SECRETS) - NOT_IN_CONTAINERS
# Each may be in a file.
OF_SERVICES = set(ADDRESSES.values())
FILES = {f"{name}_FILE" for name in (*SECRETS, *OF_SERVICES)}
# Read by compose itself: ports on the machine, what the mailbox for trying out asks for, and what
# the two servers do.
OF_COMPOSE = {
    *("RADSLAG_PUBLIC_PORT", "RADSLAG_DESK_PORT", "RADSLAG_MAIL_PORT", entrance.PASSWORD),
    *("POSTGRES_PASSWORD", "POSTGRES_PASSWORD_FILE", "RADSLAG_BROKER_PASSWORD"),
    *("RADSLAG_BACKUPS", "RADSLAG_BACKUP_TO"),
}


@pytest.fixture(scope="module")
def compose() -> str:
    return (PROJECT / "docker-compose.yml").read_text("utf-8")


@pytest.fixture(scope="module")
def services(compose: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(compose)["services"]
    return found


def test_no_name_is_said_twice_in_one_place(compose):
    """PyYAML takes the last; compose refuses the file."""

    def look(node: yaml.Node) -> None:
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _value in node.value]
            assert len(keys) == len(set(keys)), keys
            for _key, value in node.value:
                look(value)

    look(yaml.compose(compose))


def with_files(names: set[str]) -> set[str]:
    return names | {f"{name}_FILE" for name in names}


@pytest.mark.parametrize("name", BY_NAME)
def test_a_container_is_told_each_open_setting_and_the_secrets_that_it_needs(services, name):
    environment = services[name]["environment"]
    own = {
        PREFIX + each.upper()
        for each in ("database_url", "broker_url", "queue_url", *BY_NAME[name].secrets)
    }
    assert set(environment) == OPEN | with_files(own)
    of_service = ADDRESSES[BY_NAME[name].role]
    for setting, value in environment.items():
        # None is fixed: what stands in .env wins.
        if setting == "RADSLAG_DATABASE_URL":
            # Its own address, or the file of it, before the owner's.
            ways = re.findall(r"\$\{(\w+):-", value)
            assert ways == [of_service, f"{of_service}_FILE", setting, f"{setting}_FILE"]
        elif setting == "RADSLAG_DATABASE_URL_FILE":
            assert value == f"${{{of_service}_FILE:-${{{setting}:-}}}}"
        else:
            assert value.startswith(f"${{{setting}:-"), setting


def test_whoever_migrates_is_told_the_owner_and_the_services_and_no_other_secret(services):
    environment = services["migrate"]["environment"]
    assert set(environment) == OPEN | with_files({"RADSLAG_DATABASE_URL"} | OF_SERVICES)
    for setting, value in environment.items():
        assert value.startswith(f"${{{setting}:-"), setting


def test_the_owner_s_password_is_told_to_no_process_that_has_an_address_of_its_own(services):
    """It stands only where no other address is given, as before there were roles."""
    for name in BY_NAME:
        told = services[name]["environment"]
        assert [each for each in told if "POSTGRES_PASSWORD" in told[each]] == [
            "RADSLAG_DATABASE_URL"
        ]
    assert set(services["db"]["environment"]) == {
        *("POSTGRES_USER", "POSTGRES_DB", "POSTGRES_INITDB_ARGS"),
        *("POSTGRES_PASSWORD", "POSTGRES_PASSWORD_FILE"),
    }


def test_a_setting_has_its_own_default_in_containers_too(services):
    """An empty one is as if it were not there; only by what others are reached has one."""
    own = {
        name
        for process in BY_NAME
        for name, value in services[process]["environment"].items()
        if value[-3:] not in {":-}", "-}}"}
    }
    assert own == {
        *("RADSLAG_DATABASE_URL", "RADSLAG_BROKER_URL", "RADSLAG_SECRET_KEY", "RADSLAG_SMTP_URL"),
        *("RADSLAG_PUBLIC_URL", "RADSLAG_DESK_URL", "RADSLAG_METRICS_FOLDER"),
    }


def test_the_example_names_every_setting_that_compose_reads(compose):
    example = (PROJECT / ".env.example").read_text("utf-8")
    lines = re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE)
    assert len(lines) == len(set(lines))
    read = set(re.findall(r"\$\{([A-Z_]+)", compose))
    assert read == (NAMES - NOT_IN_CONTAINERS) | OF_SERVICES | FILES | OF_COMPOSE
    assert set(lines) == read | NOT_IN_CONTAINERS | {"COMPOSE_PROFILES"}


def test_the_example_has_a_place_for_the_password_of_each_service(tmp_path):
    """As it is it stops the start; with a password in each place the roles get theirs."""
    example = (PROJECT / ".env.example").read_text("utf-8")
    lines = dict(re.findall(r"^([A-Z_]+_DATABASE_URL)=(.*)$", example, re.MULTILINE))
    with pytest.raises(SettingsError):
        read_passwords(lines)
    filled = {name: value.replace(":@", ":" + "p" * 32 + "@") for name, value in lines.items()}
    assert read_passwords(filled) == dict.fromkeys(ADDRESSES, "p" * 32)


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
        if re.search(r"_(KEY|TOKEN|SECRET|PASSWORD)$|_(DATABASE|BROKER|QUEUE|SMTP)_URL$", name)
    }
    assert sounding == set(SECRETS)


def test_the_services_meet_no_more_than_they_must(services):
    """Each room's with the servers and nobody else's; what faces the city is apart."""
    networks = {name: set(service["networks"]) for name, service in services.items()}
    rooms = {"submission", "moderation", "notify"}
    assert networks["db"] == networks["broker"] == rooms
    for name, process in BY_NAME.items():
        (room,) = networks[name] & rooms
        assert process.role == f"radslag_{room}"
        assert ("letters" in networks[name]) == ("smtp_url" in process.secrets)
    assert networks["mail"] == {"letters"}
    assert [name for name in services if "public" in networks[name]] == ["public-web"]
    assert [name for name in services if "desk" in networks[name]] == ["desk"]


def test_the_database_and_the_broker_cannot_be_reached_from_outside_nor_reach_out(compose):
    networks = yaml.safe_load(compose)["networks"]
    for room in ("submission", "moderation", "notify"):
        assert networks[room] == {"internal": True}


def test_the_broker_asks_for_the_password_that_processes_know(services):
    command = services["broker"]["command"]
    assert command[command.index("--requirepass") + 1] == "${RADSLAG_BROKER_PASSWORD:-}"
    url = services["relay"]["environment"]["RADSLAG_BROKER_URL"]
    assert url == ("${RADSLAG_BROKER_URL:-redis://:${RADSLAG_BROKER_PASSWORD:-}@broker:6379/0}")
    assert services["broker"]["environment"] == {"REDISCLI_AUTH": "${RADSLAG_BROKER_PASSWORD:-}"}


def test_the_page_of_letters_is_for_trying_out_only(services):
    mail = services["mail"]
    assert mail["profiles"] == ["try"]
    assert re.fullmatch(r"[\w/.-]+:v\d+\.\d+\.\d+", mail["image"])
    assert not [each for each in services.values() if "mail" in each.get("depends_on", {})]
