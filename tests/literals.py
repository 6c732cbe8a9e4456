"""Top-level literals of a file whose imports are not installed here."""

import ast
from pathlib import Path
from typing import Any


def literals(path: Path) -> dict[str, Any]:
    found = {}
    for node in ast.parse(path.read_text()).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant() | ast.Dict() as value):
                found[name] = ast.literal_eval(value)
    return found
