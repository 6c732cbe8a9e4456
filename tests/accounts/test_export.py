"""One's data as a ZIP: whole, one's own, without secrets."""

import hashlib
import io
import json
import zipfile
from pathlib import Path
from uuid import UUID

import pytest

from app.accounts import export as module
from app.accounts.export import export
from app.accounts.keyring import Keyring
from app.accounts.types import Scope
from app.credits.service import Credits
from app.db.pool import Pool
from app.storage import keys
from app.storage.local import LocalStore
from tests.rows import a_job, a_user, an_image

CONTENT = b"picture" * 1_000_000


async def test_everything_of_the_user_and_nothing_else(
    dsn: str, pool: Pool, owner: UUID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAGE", 2)
    store = LocalStore(tmp_path / "storage")
    other = a_user(dsn)
    (tmp_path / "picture").write_bytes(CONTENT)
    jobs = []
    for user in (owner, other):
        image = an_image(dsn, user)
        await store.put(keys.image(user, image, "jpg"), tmp_path / "picture", "image/jpeg")
        jobs.append([a_job(dsn, image, user) for _ in range(5)])
    await Credits(pool).grant(owner, 1000, "hello")
    row, key = await Keyring(pool).create(owner, frozenset({Scope.READ}), name="till")

    chunks = [chunk async for chunk in export(pool, store, owner)]
    with zipfile.ZipFile(io.BytesIO(b"".join(chunks))) as archive:
        assert archive.testzip() is None
        contents = {name: archive.read(name) for name in archive.namelist()}

    assert max(map(len, chunks)) < len(CONTENT)
    assert str(other) not in str(contents)
    texts = {name: text for name, text in contents.items() if name.endswith(".jsonl")}
    lines = {name: [json.loads(line) for line in text.splitlines()] for name, text in texts.items()}
    assert [each["id"] for each in lines["account.jsonl"]] == [str(owner)]
    assert [each["id"] for each in lines["jobs.jsonl"]] == [str(job) for job in jobs[0]]
    assert [each["id"] for each in lines["keys.jsonl"]] == [str(row.id)]
    (image_row,) = lines["images.jsonl"]
    assert contents[f"files/images/{image_row['id']}/original.jpg"] == CONTENT
    assert contents["credits.csv"].decode().splitlines()[1].endswith(",hello")
    text = b"".join(content for name, content in contents.items() if not name.startswith("files/")).decode()
    assert key not in text and hashlib.sha256(key.encode()).hexdigest() not in text
    assert "storage_key" not in text and "result_key" not in text
