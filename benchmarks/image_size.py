"""What each target of the Dockerfile holds, without a Docker engine: the installed packages it asks for.

    python -m benchmarks.image_size

Megabytes on disk, less the packages' own tests, which the Dockerfile removes. The base image and the editor's
build come on top (python:3.12-slim: about 120 MB). To be shown: api and cpu in 600 MB without torch.
"""

import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
TARGETS = {"api, cpu": (), "cutout dev": ("embedded",), "gpu (torch's CPU build here)": ("torch",)}
LEFT_OUT = ("/tests/", "/onnx/backend/test/", "/onnxruntime/transformers/")
"""As the Dockerfile does."""
SHOWN = 10


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for target, extras in TARGETS.items():
        wanted = list(project["dependencies"])
        for extra in extras:
            wanted += project["optional-dependencies"][extra]
        sizes: dict[str, int] = {}
        for line in wanted:
            _add(Requirement(line), sizes)
        print(f"{target}: {len(sizes)} packages, {sum(sizes.values()) / 1e6:.0f} MB")
        for name, size in sorted(sizes.items(), key=lambda item: -item[1])[:SHOWN]:
            print(f"  {size / 1e6:6.1f}  {name}")


def _add(wanted: Requirement, sizes: dict[str, int]) -> None:
    """With everything below it."""
    name = wanted.name.lower().replace("_", "-")
    if name in sizes:
        return
    try:
        found = distribution(wanted.name)
    except PackageNotFoundError:
        print(f"  not installed here: {wanted.name}")
        return
    sizes[name] = _size(found)
    for line in found.requires or []:
        below = Requirement(line)
        extras = wanted.extras or {""}
        if below.marker is None or any(below.marker.evaluate({"extra": extra}) for extra in extras):
            _add(below, sizes)


def _size(found: Distribution) -> int:
    kept = (file for file in found.files or [] if not any(part in f"/{file}" for part in LEFT_OUT))
    paths = (Path(str(found.locate_file(file))) for file in kept)
    return sum(path.stat().st_size for path in paths if path.is_file())


if __name__ == "__main__":
    main()
