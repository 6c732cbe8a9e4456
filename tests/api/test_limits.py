"""Rate limits over HTTP, in a server whose limits are small."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.api.test_keys import refused
from tests.data.photos import CAT
from tests.gate import Gate
from tests.stack import serving


@pytest.fixture(scope="module")
def small(gate: Gate) -> Iterator[Gate]:
    settings = gate.settings.model_copy(update={"limit_requests": 5, "limit_megapixels": 100})
    with serving(settings) as url:
        yield Gate(url, gate.dsn, settings, gate.signer)


def test_what_is_left_is_told_and_then_429(small: Gate) -> None:
    with small.person(small.user()) as me:
        answers = [me.get("/api/jobs") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200] * 5
        assert [answer.headers["ratelimit"].split(";")[1] for answer in answers] == [
            "r=4",
            "r=3",
            "r=2",
            "r=1",
            "r=0",
        ]
        assert answers[0].headers["ratelimit-policy"] == '"requests";q=5;w=60'
        late = me.get("/api/jobs")
        refused(late, 429, "too_much")
        assert 1 <= int(late.headers["retry-after"]) <= 12
        assert late.headers["ratelimit"].startswith('"requests";r=0;t=')
    with small.person(small.user()) as other:
        assert other.get("/api/jobs").status_code == 200


def test_errors_tell_what_is_left_too(small: Gate) -> None:
    with small.person(small.user()) as me:
        answer = me.get("/api/jobs/00000000-0000-7000-8000-000000000001")
        assert (answer.status_code, answer.headers["ratelimit"].split(";")[1]) == (404, "r=4")


def test_megapixels_of_an_upload(small: Gate) -> None:
    with small.person(small.user()) as me:
        answer = me.post("/api/images", files={"image": ("cat.jpg", CAT.path.read_bytes())})
        assert answer.status_code == 201
        assert answer.headers["ratelimit-policy"] == '"megapixels";q=100;w=3600'


def test_megapixels_of_a_crop_are_those_of_its_image(small: Gate) -> None:
    """It is decoded whole: small boxes, made and deleted again and again, are no way around the limit."""
    with small.person(small.user()) as me:
        photo = me.post("/api/images", files={"image": ("cat.jpg", CAT.path.read_bytes())}).json()
        with psycopg.connect(small.dsn) as connection:
            connection.execute(
                "update images set width = 20000, height = 10000 where id = %s", (photo["id"],)
            )
        refused(me.post(f"{photo['urls']['self']}/crops", json={"box": [0, 0, 40, 40]}), 429, "too_much")


def test_anonymous_requests_take_nothing_from_anybody(small: Gate) -> None:
    with small.client() as nobody:
        answer = nobody.get("/api/jobs")
        assert answer.status_code == 401 and "ratelimit" not in answer.headers


def test_with_redis_away_requests_are_answered_and_limited(small: Gate, tmp_path: Path) -> None:
    away = small.settings.model_copy(update={"redis_url": f"unix://{tmp_path}/none.sock"})
    with serving(away) as url:
        token = small.signer.token(small.user())
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, trust_env=False) as me:
            assert [me.get("/api/jobs").status_code for _ in range(6)] == [200] * 5 + [429]
