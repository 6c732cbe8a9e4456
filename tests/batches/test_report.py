"""What a batch gives back when some of it is gone."""

import csv
import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

from app.batches.report import report_csv, result_zip
from app.batches.types import Item
from app.jobs.types import JobStatus
from app.storage.local import LocalStore

PICTURE = b"picture" * 1_000_000


def item(name: str, key: str | None, error: dict[str, str] | None = None) -> Item:
    return Item(
        id=uuid4(),
        batch_id=uuid4(),
        name=name,
        state=JobStatus.FAILED if error else JobStatus.SUCCEEDED,
        error=error,
        confidence=0.5,
        image_id=None,
        image_size=None,
        job_id=None,
        result={"format": "webp", "width": 4, "height": 3, "bytes": 7} if key else None,
        result_key=key,
        credits=500,
        reviewed_at=None,
    )


async def stream(*items: Item) -> AsyncIterator[Item]:
    for each in items:
        yield each


async def test_what_is_gone_is_left_out_and_no_name_changes(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    (tmp_path / "picture").write_bytes(PICTURE)
    await store.put("users/a", tmp_path / "picture", "image/webp")
    failure = {"code": "truncated", "message": "=the file is cut off"}
    items = (
        item("cup.jpg", None, failure),
        item("cup.png", "users/a"),
        item("mug.jpg", "users/deleted"),
        item("-mug.jpg", None),
    )
    chunks = [chunk async for chunk in result_zip(store, stream(*items), "png")]
    with zipfile.ZipFile(io.BytesIO(b"".join(chunks))) as archive:
        assert archive.namelist() == ["cup (2).webp"]
        assert archive.read("cup (2).webp") == PICTURE
    assert max(map(len, chunks)) < len(PICTURE), "a picture is never in memory as a whole"

    text = "".join([line async for line in report_csv(stream(*items), "png")])
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["name"], row["file"], row["code"], row["message"]) for row in rows] == [
        ("cup.jpg", "", "truncated", "'=the file is cut off"),
        ("cup.png", "cup (2).webp", "", ""),
        ("mug.jpg", "mug.webp", "", ""),
        ("'-mug.jpg", "", "", ""),
    ]
