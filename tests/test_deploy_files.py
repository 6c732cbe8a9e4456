"""fly.toml, Procfile and Dockerfile agree with each other and with the settings."""

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from app.settings import Settings
from app.telemetry.metrics import PORTS

ROOT = Path(__file__).parent.parent
FLY = tomllib.loads((ROOT / "fly.toml").read_text())
PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
DOCKERFILE = (ROOT / "Dockerfile").read_text()


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


def test_what_is_copied_is_there_and_not_left_out() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    for source in (name for line in copied for name in line.split()):
        assert (ROOT / source).exists(), source
        assert not any(fnmatch(source, pattern) for pattern in ignored), source
