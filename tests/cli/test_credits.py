"""`cutout credits …` over a real database, as an operator calls them."""

import json
from uuid import uuid4

import pytest

from tests.cli.conftest import Run


@pytest.fixture(autouse=True)
def _services(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)


@pytest.fixture
def user(run: Run) -> str:
    return run("users", "add", "--email", "shop@example.com")[1].strip()


def test_credits_are_given_and_taken_back(run: Run, user: str) -> None:
    said = run("credits", "grant", "shop@example.com", "10.5", "--note", "to begin with")[1]
    assert said == f"{user}: prepaid available=10.500 granted=10.500 held=0.000 spent=0.000\n"
    assert "available=10.000" in run("credits", "grant", user, "--", "-0.5")[1]
    code, out, err = run("credits", "grant", user, "--", "-11")
    assert (code, out) == (1, "") and "[no_credits]" in err
    balance = json.loads(run("credits", "show", user, "--json")[1])
    assert (balance["plan"], balance["granted"]) == ("prepaid", 10_000)
    lines = run("credits", "statement", user)[1].splitlines()
    assert [line.split(",")[-2:] for line in lines[1:]] == [["10.500", "to begin with"], ["10.000", ""]]


def test_plans(run: Run, user: str) -> None:
    assert "unmetered" in run("credits", "plan", user, "unmetered")[1]
    assert "unmetered" in run("credits", "show", user)[1]


@pytest.mark.parametrize("amount", ["0.0001", "many", "NaN", "Infinity", "1e30"])
def test_what_is_no_amount(run: Run, user: str, amount: str) -> None:
    code, out, err = run("credits", "grant", user, amount)
    assert (code, out) == (2, "") and "[bad_amount]" in err


def test_a_user_that_is_none(run: Run) -> None:
    assert run("credits", "show", uuid4())[0] == 2
