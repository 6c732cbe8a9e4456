"""`cutout jobs …` and `cutout queue` over real services, as an operator calls them."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.queue.arq_adapter import ArqDoorbell, connect
from tests.cli.conftest import Run
from tests.rows import a_job, a_user, an_image, new_id


@pytest.fixture(autouse=True)
def _services(dsn: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setenv("REDIS_URL", redis_url)


@pytest.fixture
def jobs(dsn: str) -> list[UUID]:
    """Three jobs, oldest first."""
    user = a_user(dsn)
    image = an_image(dsn, user)
    return [a_job(dsn, image, user) for _ in range(3)]


def end(dsn: str, job: UUID, status: str, error: dict[str, str] | None = None) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "update jobs set status = %s, error = %s, result = '{}', attempt = 2,"
            " started_at = now() - interval '5 s', finished_at = now() where id = %s",
            (status, None if error is None else json.dumps(error), job),
        )


def rows(out: str) -> list[list[str]]:
    return [line.split() for line in out.splitlines()[1:]]


def parsed(answer: tuple[int, str, str]) -> Any:
    code, out, err = answer
    assert (code, err) == (0, "")
    return json.loads(out)


def test_list(run: Run, dsn: str, jobs: Sequence[UUID]) -> None:
    end(dsn, jobs[1], "failed", {"code": "job_timeout", "message": "a step did not end"})
    code, out, _ = run("jobs", "list")
    assert code == 0
    assert [row[0] for row in rows(out)] == [str(job) for job in reversed(jobs)]
    code, out, _ = run("jobs", "list", "--status", "failed")
    assert [(row[0], row[2], row[-1]) for row in rows(out)] == [(str(jobs[1]), "failed", "job_timeout")]
    page = parsed(run("jobs", "list", "--limit", 2, "--json"))
    assert [job["id"] for job in page["items"]] == [str(jobs[2]), str(jobs[1])]
    rest = parsed(run("jobs", "list", "--cursor", page["next_cursor"], "--json"))
    assert [job["id"] for job in rest["items"]] == [str(jobs[0])]
    assert rest["next_cursor"] is None
    assert f"more: --cursor {page['next_cursor']}" in run("jobs", "list", "--limit", 2)[1]


def test_list_with_a_foreign_cursor(run: Run) -> None:
    code, out, err = run("jobs", "list", "--cursor", "page-2")
    assert (code, out, err.endswith("[bad_cursor]\n")) == (2, "", True)


def test_show(run: Run, dsn: str, jobs: Sequence[UUID]) -> None:
    end(dsn, jobs[0], "failed", {"code": "internal", "message": "[bold]broken[/bold]"})
    code, out, _ = run("jobs", "show", jobs[0])
    shown = {line.split()[0]: line.split(maxsplit=1)[1].strip() for line in out.splitlines() if line.strip()}
    assert (code, shown["id"], shown["status"]) == (0, str(jobs[0]), "failed")
    assert shown["error"] == '{"code": "internal", "message": "[bold]broken[/bold]"}'
    assert "result_key" not in shown, "what is not known is not shown"
    whole = parsed(run("jobs", "show", jobs[0], "--json"))
    assert (whole["params"], whole["attempt"], whole["worker"]) == ({"auto": True}, 2, None)


@pytest.mark.parametrize("command", ["show", "retry", "cancel"])
def test_an_unknown_job(run: Run, command: str) -> None:
    code, out, err = run("jobs", command, new_id())
    assert (code, out, err) == (2, "", "cutout: no such job [job_not_found]\n")
    code, _, err = run("jobs", command, "17")
    assert (code, "valid UUID" in err) == (2, True)


def test_cancel_then_retry(run: Run, jobs: Sequence[UUID]) -> None:
    assert run("jobs", "cancel", jobs[0]) == (0, f"{jobs[0]}: canceled\n", "")
    code, out, err = run("jobs", "cancel", jobs[0])
    assert (code, out, err) == (1, "", "cutout: the job has already canceled [job_ended]\n")
    (again,) = parsed(run("jobs", "retry", jobs[0], "--json"))
    assert (again["status"], again["params"], again["id"] == str(jobs[0])) == (
        "queued",
        {"auto": True},
        False,
    )
    code, _, err = run("jobs", "retry", jobs[1])
    assert (code, err.endswith("this one is queued [job_ended]\n")) == (1, True)


def test_what_can_be_changed_is_and_the_rest_is_named(run: Run, dsn: str, jobs: Sequence[UUID]) -> None:
    end(dsn, jobs[1], "succeeded")
    code, out, err = run("jobs", "cancel", *jobs)
    assert (code, out) == (1, f"{jobs[0]}: canceled\n{jobs[2]}: canceled\n")
    assert err == (
        f"{jobs[1]}: the job has already succeeded [job_ended]\n"
        "cutout: 1 of 3 jobs were left as they are [jobs_refused]\n"
    )


def test_stats(run: Run, dsn: str, jobs: Sequence[UUID]) -> None:
    end(dsn, jobs[0], "succeeded")
    end(dsn, jobs[1], "failed", {"code": "job_timeout", "message": ""})
    code, out, _ = run("jobs", "stats")
    failed, succeeded = rows(out)
    assert (code, failed[:4], succeeded[:3]) == (
        0,
        ["encode", "failed", "job_timeout", "1"],
        ["encode", "succeeded", "1"],
    )
    assert "5.0 s" in out
    lately = parsed(run("jobs", "stats", "--hours", 1, "--json"))
    assert [(row["code"], row["jobs"], row["attempts"]) for row in lately] == [
        ("job_timeout", 1, 2),
        (None, 1, 2),
    ]


def test_queue(run: Run, dsn: str, redis_url: str, jobs: Sequence[UUID]) -> None:
    async def be_present() -> None:
        bell = ArqDoorbell(connect(redis_url))
        await bell.here("embed:lite", "one")
        await bell.here("embed:lite", "two")
        await bell.here("mask", "three")
        await bell.close()

    with psycopg.connect(dsn) as connection:
        connection.execute("update jobs set created_at = now() - interval '200 s' where id = %s", (jobs[0],))
    asyncio.run(be_present())
    code, out, _ = run("queue")
    assert (code, rows(out)) == (
        0,
        [["embed:lite", "3", "0:03:20", "0", "2", "0"], ["mask", "0", "0.0", "s", "0", "1", "0"]],
    )
    embed, mask = parsed(run("queue", "--json"))
    assert (embed["stats"]["waiting"], embed["workers"], mask["workers"]) == (3, 2, 1)
    assert embed["stats"]["oldest_s"] >= 200


def test_queue_without_redis_says_what_it_knows(
    run: Run, jobs: Sequence[UUID], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", f"unix://{tmp_path}/none.sock")
    code, out, _ = run("queue")
    assert (code, rows(out)[0][:2], rows(out)[0][-2]) == (0, ["embed:lite", "3"], "unknown")


@pytest.mark.parametrize("command", [("jobs", "list"), ("jobs", "stats"), ("queue",)])
def test_without_a_database(
    run: Run, command: Sequence[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql:///cutout?host={tmp_path}")
    assert run(*command) == (3, "", "cutout: the database does not answer [database_unavailable]\n")
    monkeypatch.delenv("DATABASE_URL")
    code, out, err = run(*command)
    assert (code, out, err.startswith("cutout: DATABASE_URL is not set")) == (78, "", True)
