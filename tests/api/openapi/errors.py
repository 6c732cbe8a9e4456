"""Every code that the service can answer with or end a job with: `python -m tests.api.openapi.errors`."""

import importlib
import inspect
import pkgutil
import re

import app
import models.errors
from app.api.problems import MODEL_STATUS
from app.errors import AppError, BadInput, Conflict, NotFound, Unavailable

BRANCHES = {BadInput, Conflict, NotFound, Unavailable}
"""Never raised themselves."""


def table() -> str:
    """Markdown, by code."""
    for module in pkgutil.walk_packages(app.__path__, "app."):
        importlib.import_module(module.name)
    rows = {
        error.code: (error.status, error.retryable, _meaning(error))
        for error in _leaves(AppError)
        if error not in BRANCHES and error.__module__.startswith("app.")
    }
    for name, kind in inspect.getmembers(models.errors, inspect.isclass):
        if issubclass(kind, models.errors.ModelError) and name != "ModelError":
            rows[kind.code] = (MODEL_STATUS.get(kind.code, 500), False, _meaning(kind))
    rows["internal"] = (500, False, "our fault; quote the request_id")
    lines = ["| code | status | passes by itself | what it means |", "|---|---|---|---|"]
    for code, (status, passes, meaning) in sorted(rows.items()):
        lines.append(f"| `{code}` | {status} | {'yes' if passes else ''} | {meaning} |")
    return "\n".join(lines)


def _leaves(error: type[AppError]) -> list[type[AppError]]:
    below = [leaf for each in error.__subclasses__() for leaf in _leaves(each)]
    return [*([error] if "code" in vars(error) else []), *below]


def _meaning(kind: type) -> str:
    """Its own words, or the line of the tree that heads its module."""
    if own := vars(kind).get("__doc__"):
        return " ".join(own.split())
    tree = inspect.getdoc(inspect.getmodule(kind)) or ""
    line = next((line for line in tree.splitlines() if f" {kind.__name__} " in f"{line} "), "")
    words = re.split(rf"{kind.__name__}\s*(?:{kind.code})?\s*(?:\d{{3}})?", line, maxsplit=1)  # type: ignore[attr-defined]
    return words[-1].strip() or kind.code.replace("_", " ")  # type: ignore[attr-defined]


if __name__ == "__main__":
    print(table())
