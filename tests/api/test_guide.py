"""The guide's examples, run as they stand in it."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image
from standardwebhooks import Webhook

from tests.data.photos import CAT
from tests.stack import Stack

GUIDE = Path(__file__).parents[2] / "docs" / "api.md"
CLIENT = Path(__file__).parents[2] / "clients" / "python"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def blocks() -> Iterator[tuple[str, str, str]]:
    """(heading, language, code)"""
    heading = ""
    parts = re.compile(r"^## ([^\n]+)$|^```(\w+)\n(.*?)^```$", re.M | re.S)
    for title, language, code in parts.findall(GUIDE.read_text()):
        heading = title or heading
        if language:
            yield heading, language, code


CALLS = [block for block in blocks() if block[0] != "Webhooks"]


@pytest.fixture(scope="module")
def key(stack: Stack) -> str:
    with stack.client() as client:
        made: str = client.post("/api/keys", json={"name": "guide", "scopes": ["read", "write"]}).json()[
            "key"
        ]
    return made


@pytest.mark.parametrize(("heading", "language", "code"), CALLS, ids=lambda value: str(value)[:20])
def test_an_example_runs(
    stack: Stack, key: str, tmp_path: Path, heading: str, language: str, code: str
) -> None:
    shutil.copy(CAT.path, tmp_path / "cup.jpg")
    run(language, code, tmp_path, HOST=stack.url, KEY=key)
    made = sorted(path.name for path in tmp_path.iterdir() if path.suffix in {".png", ".jpg", ".webp"})
    for name in made:
        with Image.open(tmp_path / name) as picture:
            picture.load()
    assert len(made) > 1 or heading == "Once, not twice"


@pytest.mark.parametrize(("language", "code"), [block[1:] for block in blocks() if block[0] == "Webhooks"])
@pytest.mark.parametrize("forged", [False, True], ids=["ours", "forged"])
def test_a_delivery_is_verified(tmp_path: Path, language: str, code: str, forged: bool) -> None:
    body, now = json.dumps({"type": "job.succeeded", "data": {}}), datetime.now(UTC)
    headers = {
        "webhook-id": "msg-1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("msg-1", now, body),
    }
    sent = json.dumps(body + " " if forged else body)
    python = f"print(receive({sent}, {headers!r})['type'])"
    js = f"console.log(receive({sent}, {json.dumps(headers)}).type)"
    ended = run(
        language, f"{code}\n{python if language == 'python' else js}\n", tmp_path, forged, SECRET=SECRET
    )
    assert ended.stdout == ("" if forged else "job.succeeded\n")


def run(
    language: str, code: str, folder: Path, fails: bool = False, **values: str
) -> subprocess.CompletedProcess[str]:
    """`values` are what the guide says that they stand for."""
    constants = "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
    script = folder / {"bash": "example.sh", "python": "example.py", "js": "example.mjs"}[language]
    if language == "bash":
        script.write_text(code)
        command = ["bash", "-euo", "pipefail", str(script)]
    elif language == "python":
        script.write_text(constants + code)
        command = [sys.executable, str(script)]
    else:
        script.write_text(re.sub(r"^", "const ", constants, flags=re.M).removesuffix("const ") + code)
        command = ["node", str(script)]
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(CLIENT),
        **values,
    }
    ended = subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True, text=True)
    assert (ended.returncode != 0) == fails, ended.stdout + ended.stderr
    return ended
