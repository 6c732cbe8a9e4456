import re
from pathlib import Path

import pytest

from app.settings import BadSetting, EmbeddedSettings, Settings

EXAMPLE = Path(__file__).parents[1] / ".env.example"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(Settings.variable(name), raising=False)


def test_the_example_lists_every_variable_and_no_other() -> None:
    listed = re.findall(r"^([A-Z0-9_]+)=", EXAMPLE.read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(Settings.variable(name) for name in Settings.model_fields)


def test_the_example_unchanged_gives_the_defaults(tmp_path: Path) -> None:
    defaults = Settings.load()
    (tmp_path / ".env").write_text(EXAMPLE.read_text())
    assert Settings.load() == defaults


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "mysql://x"),
        ("REDIS_URL", "localhost"),
        ("CUTOUT_PORT", "eighty"),
        ("CUTOUT_PORT", "70000"),
        ("CUTOUT_THREADS", "0"),
        ("CUTOUT_DB_POOL_SIZE", "1"),
        ("CUTOUT_LOG_LEVEL", "loud"),
        ("CUTOUT_LOG_FORMAT", "xml"),
    ],
)
def test_an_error_names_its_variable(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(BadSetting, match=f"^{variable}: "):
        Settings.load()


def test_a_password_is_not_repeated_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://user:hunter2@host/db")
    with pytest.raises(BadSetting) as raised:
        Settings.load()
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("missing", ["DATABASE_URL", "REDIS_URL"])
def test_services_say_which_is_missing(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://localhost/cutout")
    monkeypatch.setenv("REDIS_URL", "redis://localhost")
    monkeypatch.delenv(missing)
    with pytest.raises(BadSetting, match=f"^{missing} is not set"):
        Settings.load().services()


def test_nothing_in_the_environment_makes_settings_embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUTOUT_EMBEDDED", "true")
    assert not Settings.load().embedded
    assert EmbeddedSettings.load().embedded


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.10", "example.com", "::"])
def test_embedded_mode_listens_on_loopback_only(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("CUTOUT_HOST", host)
    assert Settings.load().host == host
    with pytest.raises(BadSetting, match=r"^CUTOUT_HOST: "):
        EmbeddedSettings.load()


def test_paths_do_not_move_with_the_working_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = Settings.load()
    assert settings.data_dir == tmp_path / ".cutout"
    assert settings.models_dir == tmp_path / ".cache/cutout/models"


def test_an_override_wins_and_none_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUTOUT_PORT", "9000")
    assert Settings.load(port=1234).port == 1234
    assert Settings.load(port=None).port == 9000
    with pytest.raises(BadSetting, match=r"^CUTOUT_PORT: "):
        Settings.load(port=99999)
