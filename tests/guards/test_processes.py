"""The processes: every queue has a worker, and the containers run the same ones as `radslag up`."""

from typing import Any

import pytest
import yaml

from radslag.embedded.postgres import LOCALE_FLAGS, SETTINGS
from radslag.processes import BY_NAME, PROCESSES, processes_of, who_does
from shared.config import LARGE, SMALL
from shared.delivery import queues
from tests.conftest import PROJECT

SERVERS = {"db", "broker", "mail", "migrate", "backup"}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    compose = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))
    found: dict[str, Any] = compose["services"]
    return found


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_every_queue_has_exactly_one_kind_of_worker(size):
    served = [queue for process in processes_of(size) for queue in process.queues]
    assert sorted(served) == sorted(queues.ALL)


def test_in_a_small_system_somebody_does_the_work_of_each_process_of_a_large_one():
    for process in PROCESSES:
        does_it = who_does(process.name, SMALL)
        assert set(process.queues) <= set(does_it.queues)
        assert who_does(process.name, LARGE) is process


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_what_a_person_waits_for_shares_no_worker_with_imports_and_advice(size):
    slow = {queues.BULK, queues.SEMANTIC}
    for process in processes_of(size):
        served = set(process.queues)
        assert not (served & slow) or served <= slow, process.name


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_where_queues_share_a_worker_the_more_urgent_one_comes_first(size):
    order = [
        *(queues.ACTIONS, queues.CHECKS, queues.FORMS),
        *(queues.LETTERS, queues.CLOCK, queues.WEBHOOKS),
        *(queues.BULK, queues.SEMANTIC),
    ]
    for process in processes_of(size):
        assert list(process.queues) == sorted(process.queues, key=order.index), process.name


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_what_checks_steps_aside_for_the_webs_and_nobody_else_does(size):
    aside = {process.name for process in processes_of(size) if process.nice}
    assert aside == {"moderation-worker", "moderation-bulk"}


def test_containers_run_the_same_processes(services):
    assert set(services) - SERVERS == set(BY_NAME)
    for name in BY_NAME:
        assert services[name]["command"] == ["radslag", "run", name]
        assert services[name]["healthcheck"]["test"] == ["CMD", "radslag", "health", name]


def test_every_container_that_stays_is_asked_for_its_health(services):
    for name, service in services.items():
        assert name == "migrate" or "test" in service["healthcheck"], name


def test_processes_wait_for_the_migration(services):
    for name in BY_NAME:
        waits_for = services[name]["depends_on"]
        assert waits_for["migrate"] == {"condition": "service_completed_successfully"}
    assert services["migrate"]["command"][:2] == ["radslag", "migrate"]


def test_any_process_but_the_webs_can_run_many_times(services):
    for name, service in services.items():
        assert "container_name" not in service, name
        if name in BY_NAME and BY_NAME[name].health == "heartbeat":
            assert "ports" not in service, name


def test_ports_are_open_on_this_machine_only(services):
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_the_database_is_set_up_as_the_embedded_one(services):
    flags = services["db"]["environment"]["POSTGRES_INITDB_ARGS"].split()
    assert set(LOCALE_FLAGS) <= set(flags)
    assert "--lc-ctype=C.UTF-8" in flags
    for name, value in SETTINGS.items():
        assert f"{name}={value}" in services["db"]["command"]


def test_no_secret_has_a_default(services):
    for name, process in BY_NAME.items():
        environment = services[name]["environment"]
        key = "${RADSLAG_SECRET_KEY:-${RADSLAG_SECRET_KEY_FILE:?see .env.example}}"
        if "secret_key" in process.secrets:
            assert environment["RADSLAG_SECRET_KEY"] == key
        assert "${POSTGRES_PASSWORD:?" in environment["RADSLAG_DATABASE_URL"]
