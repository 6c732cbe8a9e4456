"""SQL lives in `.sql` files beside the code that calls it, one `-- name: …` before each statement."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import LiteralString, cast

_NAME = re.compile(r"^-- name: (\w+)[ \t]*$", re.MULTILINE)


def load(path: Path) -> Mapping[str, LiteralString]:
    """Statements by name. Raises ValueError where a name is missing or stands twice."""
    preamble, *parts = _NAME.split(path.read_text(encoding="utf-8"))
    if [line for line in preamble.splitlines() if line and not line.startswith("--")]:
        raise ValueError(f"{path.name}: SQL before the first `-- name:`")
    names, bodies = parts[::2], parts[1::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{path.name}: a name stands twice")
    # a file of the package is as literal as a string in the source: nothing of a caller's gets into it
    return MappingProxyType({n: cast(LiteralString, b.strip()) for n, b in zip(names, bodies, strict=True)})
