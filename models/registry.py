"""Which models there are, which are on this machine, and how one is opened.

On disk, under the registry's root: `files/<sha256>` (content-addressed, shared by models) and
`manifests/<name>.json` for what was made here (`cutout models export`, `fake`), read before the built-in.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from models.download import Progress, check, fetch, locked, sha256_of
from models.errors import ModelMissing, ModelUnknown
from models.export import lite_decoder
from models.manifest import DecoderSpec, Manifest, ModelFile, Role, load
from models.model import Model
from models.sessions.base import ImageEncoder, Session
from models.sessions.ort import CPU, OrtEncoder, OrtSession
from models.sources import Fetcher

BUILTIN = Path(__file__).parent / "manifests"
PREFERRED = ("sam2.1-hiera-tiny", "lite")
"""What `auto` means: the first of these that is installed (DESIGN §6)."""


class Registry:
    """Models below `root`. Any number of processes may share one root."""

    def __init__(self, root: Path, manifests: Path = BUILTIN) -> None:
        self.root = root
        self._builtin = manifests

    def names(self) -> tuple[str, ...]:
        """Every known model, installed or not, sorted."""
        folders = (self._builtin, self._made)
        return tuple(sorted({path.stem for folder in folders for path in folder.glob("*.json")}))

    def manifest(self, name: str) -> Manifest:
        """Raises ModelUnknown, ManifestInvalid."""
        if name in self.names():
            path = self._made / f"{name}.json"
            return load(path if path.exists() else self._builtin / f"{name}.json")
        raise ModelUnknown(f"no model {name!r}; known: {', '.join(self.names())}")

    def installed(self, name: str) -> bool:
        """True when the model can be opened: every file is here in its size, the decoder among them."""
        manifest = self.manifest(name)
        return manifest.file("decoder") is not None and not self._absent(manifest)

    def resolve(self, name: str) -> str:
        """What `name` stands for; `auto` is the best installed. Raises ModelUnknown, ModelMissing."""
        if name != "auto":
            self.manifest(name)
            return name
        for preferred in PREFERRED:
            if preferred in self.names() and self.installed(preferred):
                return preferred
        raise ModelMissing(f"no model is installed; run: cutout models pull {PREFERRED[-1]}")

    def pull(self, name: str, progress: Progress | None = None) -> Manifest:
        """Fetches and verifies every file of the model. Raises DownloadFailed, ModelCorrupt, ModelUnknown."""
        manifest = self.manifest(name)
        self._files.mkdir(parents=True, exist_ok=True)
        with Fetcher() as fetcher:
            for file in manifest.files:
                if file.source.startswith("derive:"):
                    self._derive(file, manifest)
                else:
                    fetch(file, self.file(file.sha256), fetcher, progress)
        return manifest

    def verify(self, name: str) -> Manifest:
        """Hashes every file again. Raises ModelMissing, ModelCorrupt."""
        manifest = self.manifest(name)
        for file in manifest.files:
            check(file, sha256_of(self._present(file, manifest)))
        return manifest

    def read(self, name: str, role: Role) -> bytes:
        """A file's verified bytes: what is hashed is what is used. Raises ModelMissing, ModelCorrupt."""
        manifest = self.manifest(name)
        file = manifest.file(role)
        if file is None:
            raise ModelMissing(f"{name} has no {role}; run: cutout models export {name}")
        content = self._present(file, manifest).read_bytes()
        check(file, hashlib.sha256(content).hexdigest())
        return content

    def file(self, sha256: str) -> Path:
        """Where the file of that hash is, or would be."""
        return self._files / sha256

    def open(self, name: str, threads: int | None = None, providers: Sequence[str] = (CPU,)) -> Model:
        """The model, its files checked to be here; each half is verified and loaded when first used.

        `threads` None: what the runtime takes the machine for. Raises ModelUnknown, ModelMissing.
        """
        name = self.resolve(name)
        manifest = self.manifest(name)
        for file in manifest.files:
            self._present(file, manifest)

        def encoder() -> ImageEncoder:
            graph = self.read(name, "encoder")
            return OrtEncoder(manifest, OrtSession(graph, name, threads=threads, providers=providers))

        def decoder() -> Session:
            return OrtSession(self.read(name, "decoder"), name, threads=threads)

        return Model(manifest, encoder, decoder)

    @property
    def _files(self) -> Path:
        return self.root / "files"

    @property
    def _made(self) -> Path:
        return self.root / "manifests"

    def _absent(self, manifest: Manifest) -> list[ModelFile]:
        return [file for file in manifest.files if not self._has(file)]

    def _has(self, file: ModelFile) -> bool:
        path = self.file(file.sha256)
        return path.is_file() and path.stat().st_size == file.bytes

    def _present(self, file: ModelFile, manifest: Manifest) -> Path:
        if not self._has(file):
            name = manifest.name
            raise ModelMissing(f"{name}: {file.path} is not here; run: cutout models pull {name}")
        return self.file(file.sha256)

    def _derive(self, file: ModelFile, manifest: Manifest) -> None:
        target = self.file(file.sha256)
        with locked(target.with_name(target.name + ".lock")):
            if target.exists() and sha256_of(target) == file.sha256:
                return
            content = DERIVED[file.source](self.read(manifest.name, "published_decoder"), manifest.decoder)
            check(file, hashlib.sha256(content).hexdigest())
            part = target.with_name(target.name + ".part")
            part.write_bytes(content)
            part.replace(target)


DERIVED: dict[str, Callable[[bytes, DecoderSpec], bytes]] = {"derive:lite_decoder": lite_decoder.derive}
"""Files made here from the published decoder; their hash is in the manifest like any other's."""
