from uuid import UUID

import pytest

from app.queue.messages import BadMessage, JobMessage

JOB = UUID("0193a5f2-0000-7000-8000-000000000001")


def test_there_and_back() -> None:
    message = JobMessage(JOB, 3, "request-1")
    assert JobMessage.from_json(message.to_json()) == message
    assert message.key == f"{JOB.hex}:3"


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"v": 2, "job_id": str(JOB), "fence": 0, "request_id": None},
        {"v": 1, "job_id": "not an id", "fence": 0, "request_id": None},
        {"v": 1, "job_id": str(JOB), "fence": "0", "request_id": None},
    ],
)
def test_what_is_not_ours_is_refused(data: object) -> None:
    with pytest.raises(BadMessage):
        JobMessage.from_json(data)
