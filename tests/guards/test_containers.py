"""Containers take no more than their part of a machine, end what they have begun, and are known."""

import os
import re
import subprocess
import time
import tomllib
from typing import Any

import pytest
import yaml

from radslag.processes import BY_NAME
from radslag.up import supervisor
from tests.conftest import PROJECT

UNITS = {"m": 1, "g": 1024}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    compose = yaml.safe_load((PROJECT / "docker-compose.yml").read_text("utf-8"))
    found: dict[str, Any] = compose["services"]
    return found


@pytest.fixture(scope="module")
def dockerfile() -> str:
    return (PROJECT / "Dockerfile").read_text("utf-8")


def test_no_container_takes_the_whole_memory_or_fills_the_disk_with_its_log(services):
    for name, service in services.items():
        assert re.fullmatch(r"\d+[mg]", service["mem_limit"]), name
        options = service["logging"]["options"]
        assert UNITS[options["max-size"][-1]] * int(options["max-size"][:-1]) <= 10, name
        assert int(options["max-file"]) <= 5, name
    for name in BY_NAME:
        assert services[name]["cpus"] > 0
        assert services[name]["pids_limit"] >= 100


def test_each_container_may_end_what_it_has_begun(services):
    for name in (*BY_NAME, "migrate", "backup"):
        seconds = int(services[name]["stop_grace_period"].removesuffix("s"))
        assert seconds > supervisor._STOP_S, name
    # PostgreSQL writes down what is in memory.
    assert services["db"]["stop_grace_period"] == "2m"


def test_versions_of_servers_are_fixed(services):
    for name in ("db", "broker", "mail"):
        assert re.fullmatch(r"[\w/.-]+:v?\d+\.\d+(\.\d+)?", services[name]["image"]), name


def test_the_backup_is_no_part_of_what_runs_anyhow_and_is_asked_for_a_file(services):
    backup = services["backup"]
    assert backup["profiles"] == ["backup"]
    assert backup["command"][:3] == ["radslag", "backup", "/backups"]
    assert backup["volumes"] == ["${RADSLAG_BACKUPS:-./backups}:/backups"]
    assert "find /backups" in backup["healthcheck"]["test"][1]
    assert not [each for each in services.values() if "backup" in each.get("depends_on", {})]


def test_the_image_is_made_in_two_steps_and_the_second_has_no_pip_and_no_root(dockerfile):
    build, final = dockerfile.split("FROM ${BASE}")[1:]
    assert "pip install" in build
    assert "pip uninstall --yes setuptools pip" in build
    assert "pip install" not in final
    assert "site-packages/pip*" in final
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", final, re.MULTILINE)
    for label in ("title", "description", "licenses", "revision"):
        assert f"org.opencontainers.image.{label}=" in final
    # What lies in it is written down when all of it is there, and nothing comes or goes later.
    assert build.index("pip uninstall") < build.index("radslag version --sbom > /opt/radslag/")
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    assert f'org.opencontainers.image.version="{project["version"]}"' in final


# What a server's program says when it is asked, with which code; and whether that is an answer.
SAID = [
    ("db", "", 0, True),
    # It recovers, or is full.
    ("db", "", 1, True),
    ("db", "", 2, False),
    ("broker", "PONG", 0, True),
    ("broker", "LOADING Valkey is loading the dataset in memory", 0, True),
    # It was asked for 15 seconds.
    ("broker", "", 124, False),
]
LONG, SHORT = 150, 100


@pytest.mark.parametrize("heard", [None, SHORT, LONG], ids=["never", "lately", "long ago"])
@pytest.mark.parametrize(("name", "said", "code", "is_answer"), SAID)
def test_a_server_that_was_heard_and_says_nothing_for_two_minutes_is_ended(
    services, tmp_path, name, said, code, is_answer, heard
):
    """The check itself, with another program in the server's place."""
    how, script = services[name]["healthcheck"]["test"]
    assert how == "CMD-SHELL"
    # It begins anew with the container, and what ends is not the first process of it.
    assert services[name]["tmpfs"] == ["/run/heard"]
    assert services[name]["init"] is True
    mark = tmp_path / "at"
    if heard is not None:
        mark.touch()
        os.utime(mark, (time.time() - heard,) * 2)
    stand_in = f"echo '{said}'; return {code};" if said else f"return {code};"
    prelude = (
        f"pg_isready() {{ {stand_in} }}; valkey-cli() {{ {stand_in} }}\n"
        'timeout() { shift; "$@"; }; kill() { echo ended "$@"; }\n'
    )
    # Compose makes one dollar of two.
    script = prelude + script.replace("$$", "$").replace("/run/heard/at", str(mark))
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=False, timeout=30
    )
    is_well = is_answer and code == 0 and said in {"", "PONG"}
    assert (done.returncode == 0) is is_well, done.stderr
    assert done.stderr == ""
    is_ended = not is_answer and heard == LONG
    assert done.stdout.splitlines() == (["ended -KILL -1"] if is_ended else [])
    assert (mark.exists() and time.time() - mark.stat().st_mtime < SHORT / 2) is is_answer
