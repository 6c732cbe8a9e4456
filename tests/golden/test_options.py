"""The defaults that the editor shows are the API's: web/src/api/options.test.ts reads the same file."""

import json
from pathlib import Path

from app.matting.options import CutoutOptions


def test_the_defaults_are_those_the_editor_is_held_to() -> None:
    golden = json.loads(Path(__file__).with_name("options.json").read_text())
    assert CutoutOptions().model_dump(mode="json") == golden
