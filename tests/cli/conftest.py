import gc
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app import cli
from models.registry import Registry

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _lite(monkeypatch: pytest.MonkeyPatch, registry: Registry, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUTOUT_MODELS_DIR", str(registry.root))
    monkeypatch.setenv("CUTOUT_MODEL", "lite")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """`cutout ARGUMENTS` in this process: exit code, stdout, stderr."""
    root = logging.getLogger()  # a command sends it to this test's stderr; the next test has another
    monkeypatch.setattr(root, "handlers", [*root.handlers])
    monkeypatch.setattr(root, "level", root.level)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["cutout", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        del ended
        gc.collect()  # the weights of a command, 800 MB, hang on the frames of its SystemExit
        return code, out, err

    yield run
