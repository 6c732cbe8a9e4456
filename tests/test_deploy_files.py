"""fly.toml, Procfile, Dockerfile and deploy/ agree with each other and with the settings."""

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from app.cli import app
from app.settings import Settings
from app.telemetry.metrics import PORTS
from tests.literals import literals

ROOT = Path(__file__).parent.parent
FLY = tomllib.loads((ROOT / "fly.toml").read_text())
PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
GPU = ROOT / "deploy" / "gpu"
COMPOSE = yaml.safe_load((GPU / "compose.yaml").read_text())["services"]
UNIT = (GPU / "cutout-embed.service").read_text()
MODAL_APP = (GPU / "modal_app.py").read_text()
MODAL = literals(GPU / "modal_app.py")


def test_fly_runs_what_the_procfile_runs() -> None:
    assert FLY["deploy"]["release_command"] == PROCFILE["release"]
    assert FLY["processes"].items() <= PROCFILE.items()
    assert {"web", "embed", "mask"} <= FLY["processes"].keys()


def test_every_process_has_a_machine_and_its_figures() -> None:
    sized = {name for machine in FLY["vm"] for name in machine["processes"]}
    assert sized == FLY["processes"].keys()
    base = int(FLY["env"]["CUTOUT_METRICS_PORT"])
    scraped = {name: metrics["port"] for metrics in FLY["metrics"] for name in metrics["processes"]}
    assert scraped == {name: base + PORTS[name] for name in FLY["processes"]}


def test_a_worker_may_finish_what_it_holds() -> None:
    grace = Settings.model_fields["worker_grace_s"].default
    assert int(FLY["kill_timeout"].removesuffix("s")) >= grace + 10  # up to 5 s to give its jobs back
    assert FLY["kill_signal"] == "SIGTERM"


def test_environment_of_files_is_known_to_the_settings() -> None:
    known = {Settings.variable(name) for name in Settings.model_fields}
    own = set(re.findall(r"\b(CUTOUT_\w+)=", DOCKERFILE)) | FLY["env"].keys()
    assert own <= known


@pytest.mark.parametrize("target", ["api", "cpu", "gpu"])
def test_no_target_runs_as_root(target: str) -> None:
    stage, users = target, list[str]()
    while stage:
        found = re.search(
            rf"^FROM (\S+) AS {stage}\n(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL
        )
        if found is None:
            break
        users = re.findall(r"^USER (\w+)", found[2], re.MULTILINE) + users
        stage = found[1]
    assert users[-1] == "cutout"


def test_gpu_hosts_set_variables_that_are() -> None:
    set_by = {
        "compose": COMPOSE["embed"]["environment"].keys(),
        "systemd": set(re.findall(r"(CUTOUT_\w+)=", UNIT)),
        "modal": MODAL["ENVIRONMENT"].keys(),
    }
    known = {Settings.variable(name) for name in Settings.model_fields}
    assert [(host, names - known) for host, names in set_by.items() if names - known] == []


def test_gpu_hosts_give_a_worker_its_grace() -> None:
    stops = re.search(r"^TimeoutStopSec=(\d+)$", UNIT, re.MULTILINE)
    assert stops is not None
    given = (int(COMPOSE["embed"]["stop_grace_period"].removesuffix("s")), int(stops[1]), MODAL["GRACE_S"])
    assert min(given) >= Settings.model_fields["worker_grace_s"].default + 10


@pytest.mark.parametrize("host", ["compose", "systemd", "modal"])
def test_gpu_hosts_run_commands_that_are(host: str) -> None:
    found = {
        "compose": [service["command"][1:] for service in COMPOSE.values()],
        "systemd": [line.split()[1:] for line in re.findall(r"^ExecStart=(.+)$", UNIT, re.MULTILINE)],
        "modal": [re.findall(r"\w+", words) for words in re.findall(r'\["cutout", (.+?)\]', MODAL_APP)],
    }[host]
    assert found
    for command in found:
        assert CliRunner().invoke(app, [*command, "--help"]).exit_code == 0, command


def test_the_gpu_containers_health_is_asked_where_figures_are_served() -> None:
    embed = COMPOSE["embed"]
    port = int(embed["environment"]["CUTOUT_METRICS_PORT"]) + PORTS["embed"]
    assert f":{port}/metrics" in embed["healthcheck"]["test"][-1]
    assert f" AS {embed['build']['target']}\n" in DOCKERFILE
    assert DOCKERFILE.rindex(" AS gpu\n") == DOCKERFILE.rindex(" AS ")  # modal builds the last target


def test_what_is_copied_is_there_and_not_left_out() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    for source in (name for line in copied for name in line.split()):
        assert (ROOT / source).exists(), source
        assert not any(fnmatch(source, pattern) for pattern in ignored), source
