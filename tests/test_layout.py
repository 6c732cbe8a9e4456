"""Rules of the layout that import-linter cannot express."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = [path for top in ("app", "models", "workers") for path in sorted((ROOT / top).rglob("*.py"))]
FEATURE_FILES = {"__init__.py", "types.py", "service.py", "repository.py", "errors.py"}


def _environment_reads(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="os"), attr="environ" | "environb" | "getenv" | "putenv"):
                yield node.lineno
            case ast.ImportFrom(module="os", names=names) if any("env" in name.name for name in names):
                yield node.lineno


@pytest.mark.parametrize(
    "source", ["import os\nos.environ['A']", "import os\nos.getenv('A')", "from os import environ"]
)
def test_the_check_sees_every_way_to_read_the_environment(source: str) -> None:
    assert list(_environment_reads(ast.parse(source)))


def test_only_settings_reads_the_environment() -> None:
    readers = {
        f"{path.relative_to(ROOT)}:{line}"
        for path in SOURCES
        for line in _environment_reads(ast.parse(path.read_text()))
    }
    assert not {reader for reader in readers if not reader.startswith("app/settings.py")}


def test_the_lock_holds_exact_versions_and_nothing_of_a_machine() -> None:
    lines = [
        line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")
    ]
    assert lines
    assert all(line.count("==") == 1 and "/" not in line and "@" not in line for line in lines)


def test_every_dependency_has_a_line_that_says_why() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [name for names in project["optional-dependencies"].values() for name in names]
    web = json.loads((ROOT / "web" / "package.json").read_text())
    wanted = {_name(requirement) for requirement in [*project["dependencies"], *extras]}
    wanted |= set(web["dependencies"]) | set(web["devDependencies"])
    text = (ROOT / "docs" / "dependencies.md").read_text()
    described = {line.split("`")[1].lower() for line in text.splitlines() if line.startswith("| `")}
    assert described == wanted


def _name(requirement: str) -> str:
    return "".join(requirement.partition("[")[0]).split(">")[0].split("=")[0].split("<")[0].strip().lower()
