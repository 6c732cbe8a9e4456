"""`cutout flags …` over a real database, as an operator calls them."""

import json

import pytest

from tests.cli.conftest import Run


@pytest.fixture(autouse=True)
def _services(dsn: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("CLIPPINGMAGIC_API_ID", "1")
    monkeypatch.setenv("CLIPPINGMAGIC_API_SECRET", "s3cret")


@pytest.fixture
def user(run: Run) -> str:
    return run("users", "add", "--email", "someone@shop.example")[1].strip()


def explained(run: Run, user: str) -> tuple[str, str]:
    said = json.loads(run("flags", "explain", user)[1])
    return said["engine"], said["reason"]


def test_a_roll_out_and_its_end(run: Run, user: str) -> None:
    assert explained(run, user) == ("clippingmagic", "percentage")
    assert "new editor: 100 % of users" in run("flags", "set", "--percentage", "100")[1]
    assert explained(run, user) == ("sam2", "percentage")
    assert "kill switch: ON" in run("flags", "kill")[1]
    assert explained(run, user) == ("clippingmagic", "kill_switch")
    assert "kill switch: off" in run("flags", "revive")[1]
    shown = json.loads(run("flags", "show", "--json")[1])
    assert (shown["version"], shown["rules"]["percentage"]) == (4, 100)
    assert len(json.loads(run("flags", "history", "--json")[1])) == 4
    assert "command line" in run("flags", "history")[1]


def test_lists_and_overrides(run: Run, user: str) -> None:
    run("flags", "allow", "@Shop.example")
    assert explained(run, user) == ("sam2", "allowed")
    run("flags", "deny", "someone@shop.example")
    assert explained(run, user) == ("clippingmagic", "denied")
    assert "deny: -" in run("flags", "unlist", user)[1]
    assert run("flags", "override", user, "clippingmagic")[1] == f"{user}: clippingmagic\n"
    assert explained(run, user) == ("clippingmagic", "override")
    run("flags", "override", user, "none")
    assert explained(run, user) == ("sam2", "allowed")


def test_the_environment_goes_before_the_rules(run: Run, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USE_SAM2_EDITOR", "true")
    assert explained(run, user) == ("sam2", "env_on")
    monkeypatch.setenv("USE_SAM2_EDITOR", "false")
    assert explained(run, user) == ("clippingmagic", "env_off")
    monkeypatch.delenv("CLIPPINGMAGIC_API_ID")
    code, _, err = run("flags", "show")
    assert (code, "CLIPPINGMAGIC_API_ID" in err) == (78, True)


def test_what_is_no_rule(run: Run) -> None:
    assert run("flags", "set", "--percentage", "101")[0] == 2
    assert "[flag_invalid]" in run("flags", "allow", "@")[2]
