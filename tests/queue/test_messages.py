from uuid import UUID

from app.queue.messages import JobMessage

JOB = UUID("0193a5f2-0000-7000-8000-000000000001")


def test_an_announcement_carries_ids_and_no_data() -> None:
    message = JobMessage(JOB, 3, "request-1")
    assert message.to_json() == {"v": 1, "job_id": str(JOB), "fence": 3, "request_id": "request-1"}
    assert message.key == f"{JOB.hex}:3"
