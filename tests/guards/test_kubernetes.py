"""On Kubernetes run the same processes, each with what it needs and nothing that it does not."""

from typing import Any

import pytest
import yaml

from radslag.commands import backup
from radslag.processes import BY_NAME
from radslag.up import supervisor
from shared.config import PREFIX, Settings
from shared.delivery import queues
from shared.rights.passwords import ADDRESSES
from tests.conftest import PROJECT

FOLDER = PROJECT / "deploy" / "kubernetes"
_SAMPLE_URL = "postgresql://u:p@h/d"


@pytest.fixture(scope="module")
def parts() -> dict[tuple[str, str], dict[str, Any]]:
    """Each part by its kind and name, of the files that kustomize is told of."""
    told = yaml.safe_load((FOLDER / "kustomization.yaml").read_text("utf-8"))["resources"]
    files = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(told) == files
    found = {}
    for name in told:
        for part in yaml.safe_load_all((FOLDER / name).read_text("utf-8")):
            key = (part["kind"], part["metadata"]["name"])
            assert key not in found
            found[key] = part
    return found


def names_of(parts: dict[tuple[str, str], dict[str, Any]], kind: str) -> set[str]:
    return {name for found, name in parts if found == kind}


def pod_of(part: dict[str, Any]) -> dict[str, Any]:
    spec = part["spec"]
    # Of what is done by the clock it lies one deeper.
    found: dict[str, Any] = spec.get("jobTemplate", {"spec": spec})["spec"]["template"]
    return found


def test_the_same_processes_run(parts):
    assert names_of(parts, "Deployment") == set(BY_NAME)
    assert names_of(parts, "Job") == {"migrate"}
    assert names_of(parts, "CronJob") == {"backup"}
    webs = {name for name, process in BY_NAME.items() if process.port}
    assert names_of(parts, "Service") == webs


@pytest.mark.parametrize("name", BY_NAME)
def test_a_process_is_told_the_secrets_that_it_needs(parts, name):
    process = BY_NAME[name]
    pod = pod_of(parts["Deployment", name])
    [container] = pod["spec"]["containers"]
    assert container["args"] == ["radslag", "run", name]
    secrets = {
        each["name"]: each["valueFrom"]["secretKeyRef"]["key"]
        for each in container["env"]
        if "valueFrom" in each
    }
    wanted = {"database_url", "broker_url", "queue_url", *process.secrets}
    assert set(secrets) == {PREFIX + each.upper() for each in wanted}
    room = ADDRESSES[process.role].removeprefix(PREFIX).removesuffix("_DATABASE_URL").lower()
    assert secrets["RADSLAG_DATABASE_URL"] == f"{room}-database-url"
    labels = pod["metadata"]["labels"]
    assert ("mails" in labels) == ("smtp_url" in process.secrets)


KINDS = {"migrate": "Job", "backup": "CronJob"}


@pytest.mark.parametrize("name", [*BY_NAME, *KINDS])
def test_a_pod_has_no_rights_and_takes_no_more_than_its_part(parts, name):
    pod = pod_of(parts[KINDS.get(name, "Deployment"), name])["spec"]
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"]
    assert set(container["resources"]["requests"]) == {"cpu", "memory"}
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    more = {"backups": "/backups"} if name == "backup" else {}
    assert mounts == {"tmp": "/tmp", **more}


def test_each_night_there_is_one_backup_more_and_a_fortnight_of_them_at_the_most(parts):
    job = parts["CronJob", "backup"]["spec"]
    _minute, hour, *day_month_weekday = job["schedule"].split()
    assert day_month_weekday == ["*"] * 3
    assert hour.isdecimal()
    assert job["concurrencyPolicy"] == "Forbid"
    pod = pod_of(parts["CronJob", "backup"])["spec"]
    [container] = pod["containers"]
    # Kubernetes puts a variable of the container in its place, and one that is not there stays.
    told = {each["name"]: each.get("value") for each in container["env"]}
    arguments = [
        told[each[2:-1]] if each.startswith("$(") else each for each in container["args"][2:]
    ]
    assert container["args"][:2] == ["radslag", "backup"]
    with backup.command.make_context("backup", arguments) as asked:
        assert (str(asked.params["file"]), asked.params["keep"]) == ("/backups", 14)
        assert not asked.params["to"]
        # The job ends; who stays is the container of compose.
        assert asked.params["hour"] is None
    # Who reads every table is its owner, and is told no other secret.
    secrets = [
        each["valueFrom"]["secretKeyRef"] for each in container["env"] if "value" not in each
    ]
    assert secrets == [{"name": "radslag", "key": "owner-database-url"}]
    [kept] = [each for each in pod["volumes"] if each["name"] == "backups"]
    claim = kept["persistentVolumeClaim"]["claimName"]
    assert ("PersistentVolumeClaim", claim) in parts
    assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsGroup"]


@pytest.mark.parametrize("name", BY_NAME)
def test_a_process_is_asked_for_its_health_and_may_end_what_it_has_begun(parts, name):
    pod = pod_of(parts["Deployment", name])["spec"]
    [container] = pod["containers"]
    assert pod["terminationGracePeriodSeconds"] > supervisor._STOP_S
    live = container["livenessProbe"]
    if BY_NAME[name].port:
        assert live["httpGet"]["path"] == "/healthz"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        assert container["ports"] == [{"name": "http", "containerPort": BY_NAME[name].port}]
    else:
        # Not by the database: while that is away nobody is started anew for waiting.
        assert "find /tmp/beat " in live["exec"]["command"][-1]
        assert {"name": "RADSLAG_BEAT_FILE", "value": "/tmp/beat"} in container["env"]
        assert pod["shareProcessNamespace"] is True
        assert "readinessProbe" not in container
    assert "startupProbe" in container


def test_what_chooses_pods_chooses_some(parts):
    pods = {name: pod_of(parts["Deployment", name])["metadata"]["labels"] for name in BY_NAME}
    pods |= {name: pod_of(parts[kind, name])["metadata"]["labels"] for name, kind in KINDS.items()}
    for (kind, name), part in parts.items():
        spec = part.get("spec", {})
        chosen = {
            "Deployment": lambda spec=spec: spec["selector"]["matchLabels"],
            "Service": lambda spec=spec: spec["selector"],
            "PodDisruptionBudget": lambda spec=spec: spec["selector"]["matchLabels"],
            "NetworkPolicy": lambda spec=spec: spec["podSelector"]["matchLabels"],
        }.get(kind)
        if chosen:
            fits = {pod for pod, labels in pods.items() if chosen().items() <= labels.items()}
            assert fits, (kind, name)
            if kind in {"Deployment", "Service", "PodDisruptionBudget"}:
                assert fits == {name}


def test_nobody_is_reached_or_reaches_out_but_for_what_is_said(parts):
    closed = parts["NetworkPolicy", "nobody"]["spec"]
    assert closed == {
        "podSelector": {"matchLabels": {"app": "radslag"}},
        "policyTypes": ["Ingress", "Egress"],
    }
    incoming = {
        name: parts["NetworkPolicy", name]["spec"]["podSelector"]["matchLabels"].get("process")
        for name in names_of(parts, "NetworkPolicy")
        if "ingress" in parts["NetworkPolicy", name]["spec"]
    }
    assert set(incoming.values()) == {"public-web", "desk"}


def test_whoever_grows_exists_and_grows_by_a_queue_that_it_serves(parts):
    grown = names_of(parts, "HorizontalPodAutoscaler")
    assert {"public-web", "desk", "moderation-worker"} <= grown <= set(BY_NAME)
    for name in grown:
        spec = parts["HorizontalPodAutoscaler", name]["spec"]
        assert spec["scaleTargetRef"]["name"] == name
        assert spec["minReplicas"] == parts["Deployment", name]["spec"]["replicas"]
        [metric] = spec["metrics"]
        if BY_NAME[name].port:
            assert metric["resource"]["name"] == "cpu"
        else:
            asked = metric["external"]["metric"]
            assert asked["name"] == "radslag_queue_oldest_seconds"
            queue = asked["selector"]["matchLabels"]["queue"]
            assert queue in BY_NAME[name].queues
            assert queue in queues.ALL


def test_what_workers_grow_by_is_told_to_the_autoscaler_and_scraped_with_a_token(parts):
    """Through the adapter of Prometheus; its query itself is tried by promtool where that is."""
    folder = PROJECT / "deploy" / "prometheus"
    [rule] = yaml.safe_load((folder / "adapter.yaml").read_text("utf-8"))["rules"]["external"]
    asked = {
        metric["external"]["metric"]["name"]
        for name in names_of(parts, "HorizontalPodAutoscaler")
        for metric in parts["HorizontalPodAutoscaler", name]["spec"]["metrics"]
        if metric["type"] == "External"
    }
    assert asked == {rule["name"]["as"]} == {rule["seriesQuery"]}
    labels = 'namespace="radslag",queue="checks"'
    query = rule["metricsQuery"].replace("<<.Series>>", rule["seriesQuery"])
    query = query.replace("<<.LabelMatchers>>", labels)
    tried = (folder / "radslag.test.yml").read_text("utf-8")
    assert f"expr: '{query}'" in tried
    monitor = yaml.safe_load((folder / "podmonitor.yaml").read_text("utf-8"))["spec"]
    desk = pod_of(parts["Deployment", "desk"])
    assert monitor["selector"]["matchLabels"].items() <= desk["metadata"]["labels"].items()
    [end] = monitor["podMetricsEndpoints"]
    [container] = desk["spec"]["containers"]
    assert end["port"] in [each["name"] for each in container["ports"]]
    [token] = [each for each in container["env"] if each["name"] == "RADSLAG_METRICS_TOKEN"]
    given = token["valueFrom"]["secretKeyRef"]
    assert end["authorization"]["credentials"] == {key: given[key] for key in ("name", "key")}


def test_whoever_has_more_than_one_keeps_some_while_machines_are_emptied(parts):
    several = {name for name in BY_NAME if parts["Deployment", name]["spec"]["replicas"] > 1}
    assert names_of(parts, "PodDisruptionBudget") == several
    # One is enough, and it is asked for by name.
    assert "clock" not in several


def test_settings_are_ours_and_no_secret(parts):
    told = parts["ConfigMap", "radslag"]["data"]
    env = {
        **told,
        "RADSLAG_DATABASE_URL": _SAMPLE_URL,
        "RADSLAG_BROKER_URL": "redis://h",
        "RADSLAG_SECRET_KEY": "a key for tests only, long enough to be taken",
        "RADSLAG_SMTP_URL": "smtp://h",
    }
    made = Settings.from_env(env)
    assert made.trusted_proxies == 1
    known = {PREFIX + name.upper() for name in Settings.__dataclass_fields__}
    assert set(told) <= known
