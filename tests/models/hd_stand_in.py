"""A second model with real weights where Meta's cannot be had: `python -m tests.models.hd_stand_in FOLDER`.

FOLDER becomes a registry with the files of this machine's own, in which `lite` goes by the name of the HD
model too: it has a queue, a worker and embeddings of its own, in half precision, as that one has.
"""

import sys
from pathlib import Path

from app.settings import EmbeddedSettings
from models.registry import Registry

HD = "sam2.1-hiera-small"


def main(folder: Path) -> None:
    here = Registry(EmbeddedSettings().models_dir)
    lite = here.pull("lite")
    folder.mkdir(parents=True)
    (folder / "files").symlink_to(here.root / "files")
    files = tuple(file for file in lite.files if file.role != "codec_basis")
    Registry(folder).register(lite.model_copy(update={"name": HD, "codec": "fp16", "files": files}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
