"""The model and options of an account's own: kept, checked, and taken by jobs that do not say."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from app.matting.options import CutoutOptions
from tests.api.test_keys import refused
from tests.gate import Gate
from tests.rows import an_image

PATH = "/api/account/settings"


@pytest.fixture
def user(gate: Gate) -> UUID:
    user = gate.user()
    with psycopg.connect(gate.dsn) as connection:
        connection.execute("update credit_balances set plan = 'unmetered' where user_id = %s", (user,))
    return user


@pytest.fixture
def me(gate: Gate, user: UUID) -> Iterator[httpx.Client]:
    with gate.person(user) as client:
        yield client


def params(gate: Gate, answer: httpx.Response) -> tuple[str, dict[str, Any]]:
    """(model, options) of the job's row."""
    assert answer.status_code == 202, answer.text
    with psycopg.connect(gate.dsn) as connection:
        row = connection.execute(
            "select model, params -> 'options' from jobs where id = %s", (answer.json()["id"],)
        ).fetchone()
    assert row is not None
    return row


def test_in_the_beginning_they_are_ours(me: httpx.Client) -> None:
    found = me.get(PATH).json()
    assert found["model"] == "auto" and found["changed_at"] is None
    assert CutoutOptions.model_validate(found["options"]) == CutoutOptions()
    assert found["models"][0] == "auto" and "lite" in found["models"]


def test_a_job_takes_them_where_it_does_not_say(me: httpx.Client, gate: Gate, user: UUID) -> None:
    wanted = {"model": "lite", "options": {"format": "webp", "margin": "5%", "background": "#FFFFFF"}}
    kept = me.put(PATH, json=wanted)
    assert kept.status_code == 200 and kept.json() == me.get(PATH).json()
    assert kept.json()["changed_at"] is not None
    image = {"image_id": str(an_image(gate.dsn, user))}
    model, options = params(gate, me.post("/api/segment/remove", json=image))
    assert model == "lite" and options == kept.json()["options"]
    said = {**image, "options": {"format": "jpg", "background": None}}
    _, options = params(gate, me.post("/api/segment/remove", json=said))
    assert (options["format"], options["background"], options["margin"]) == ("jpg", None, "5%")
    form = {"image_id": (None, image["image_id"]), "options": (None, json.dumps({"trim": False}))}
    _, options = params(gate, me.post("/api/segment/remove", files=form))
    assert (options["format"], options["trim"]) == ("webp", False)


def test_they_are_replaced_as_a_whole(me: httpx.Client) -> None:
    me.put(PATH, json={"model": "lite", "options": {"format": "webp"}})
    again = me.put(PATH, json={"options": {"dpi": 72}}).json()
    assert (again["model"], again["options"]["format"], again["options"]["dpi"]) == ("auto", "png", 72)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"options": {"format": "gif"}}, 422, "bad_parameter"),
        ({"options": {"roi": [0, 0, 1, 1]}}, 422, "bad_parameter"),
        ({"options": {"background": "00000000-0000-7000-8000-000000000001"}}, 422, "bad_parameter"),
        ({"options": {"shine": 1}}, 400, "unknown_parameter"),
        ({"colour": "red"}, 400, "unknown_parameter"),
        ({"model": "sam9"}, 422, "model_unknown"),
    ],
)
def test_what_cannot_be_kept(me: httpx.Client, body: dict[str, Any], status: int, code: str) -> None:
    refused(me.put(PATH, json=body), status, code)
    assert me.get(PATH).json()["changed_at"] is None


def test_what_is_wrong_with_a_job_is_still_said(me: httpx.Client, gate: Gate, user: UUID) -> None:
    me.put(PATH, json={"options": {"format": "webp"}})
    image = str(an_image(gate.dsn, user))
    refused(me.post("/api/segment/remove", json={"image_id": image, "options": 7}), 422, "bad_parameter")
