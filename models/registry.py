"""Which models there are, which are on this machine, and how one is opened.

On disk, under the registry's root: `files/<sha256>` (content-addressed, shared by models) and
`manifests/<name>.json` for what was made here (`cutout models export`, `fake`), read before the built-in.
"""

import functools
import hashlib
import importlib.util
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from models.download import Progress, check, fetch, locked, sha256_of
from models.errors import ModelMissing, ModelUnknown, RuntimeMissing
from models.manifest import DecoderSpec, Manifest, ModelFile, Role
from models.manifest import load as load_manifest
from models.model import Model
from models.sessions.base import ImageEncoder, Session
from models.sessions.ort import CPU, OrtEncoder, OrtSession
from models.sessions.prior import SalientObjects
from models.sources import Fetcher

BUILTIN = Path(__file__).parent / "manifests"
CODECS = Path(__file__).parent / "codecs"
SHIPPED = "shipped:"
"""The source of a file that comes with this program, in `codecs/`."""
MADE_HERE = "export:"
"""The source of a file that `cutout models export` wrote: it cannot be fetched, only made again."""
PREFERRED = ("sam2.1-hiera-tiny", "lite")
"""What `auto` means: the first of these that is installed (DESIGN §6)."""


def has_torch() -> bool:
    """Whether the `torch` extra is installed."""
    return all(importlib.util.find_spec(module) for module in ("torch", "sam2"))


@functools.cache
def shipped() -> dict[str, Path]:
    """Files that come with this program, by their hash."""
    return {sha256_of(path): path for path in CODECS.glob("*.basis")}


def require_torch() -> None:
    """Raises RuntimeMissing."""
    if not has_torch():
        raise RuntimeMissing("this needs torch and sam2; install Cutout's `torch` extra")


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
            return load_manifest(path if path.exists() else self._builtin / f"{name}.json")
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
                if file.source == MADE_HERE or file.source.startswith(SHIPPED):
                    self._present(file, manifest)
                elif file.source in DERIVED:
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

    def store(self, role: Role, path: str, content: bytes) -> ModelFile:
        """Keeps bytes made on this machine; the file to name in a manifest."""
        file = ModelFile(
            role=role,
            path=path,
            sha256=hashlib.sha256(content).hexdigest(),
            bytes=len(content),
            source=MADE_HERE,
        )
        self._write(self.file(file.sha256), content)
        return file

    def register(self, manifest: Manifest) -> None:
        """Makes a model of this name known here, in place of the built-in one."""
        self._write(self._made / f"{manifest.name}.json", manifest.model_dump_json(indent=2).encode())

    def file(self, sha256: str) -> Path:
        """Where the file of that hash is, or would be."""
        return shipped().get(sha256, self._files / sha256)

    def open(
        self,
        name: str,
        threads: int | None = None,
        providers: Sequence[str] = (CPU,),
        *,
        device: str = "auto",
        vram_bytes: int | None = None,
    ) -> Model:
        """The model, its files checked to be here; each half is verified and loaded when first used.

        `threads` None: what the runtime takes the machine for. `providers` are for onnxruntime; `device`
        ("cpu", "cuda", "auto": a GPU if there is one) and `vram_bytes` for torch.
        Raises ModelUnknown, ModelMissing.
        """
        name = self.resolve(name)
        manifest = self.manifest(name)
        for file in manifest.files:
            self._present(file, manifest)

        def encoder() -> ImageEncoder:
            if manifest.encoder.runtime == "torch" and (manifest.file("encoder") is None or has_torch()):
                return self._torch_encoder(manifest, threads, device, vram_bytes)
            graph = self.read(name, "encoder")
            return OrtEncoder(manifest, OrtSession(graph, name, threads=threads, providers=providers))

        def decoder() -> Session:
            return OrtSession(self.read(name, "decoder"), name, threads=threads)

        def basis() -> bytes | None:
            return self.read(name, "codec_basis") if manifest.file("codec_basis") else None

        def prior() -> SalientObjects | None:
            if manifest.file("prior") is None:
                return None
            return SalientObjects(OrtSession(self.read(name, "prior"), f"{name}'s prior", threads=threads))

        return Model(manifest, encoder, decoder, basis, prior)

    def _torch_encoder(
        self, manifest: Manifest, threads: int | None, device: str, vram_bytes: int | None
    ) -> ImageEncoder:
        require_torch()
        from models.sam2.build import load  # noqa: PLC0415 - an extra, and 2 s to import
        from models.sam2.encoder import ImageEncoder as Graph  # noqa: PLC0415
        from models.sessions.torch import TorchEncoder, place  # noqa: PLC0415

        assert manifest.encoder.config is not None
        sam = load(self.read(manifest.name, "checkpoint"), manifest.encoder.config, manifest.name)
        tuning = self.root / "tuning.json"
        return TorchEncoder(
            manifest, Graph(sam), place(device), threads=threads, vram_bytes=vram_bytes, tuning=tuning
        )

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
            name, how = manifest.name, "export" if file.source == MADE_HERE else "pull"
            raise ModelMissing(f"{name}: {file.path} is not here; run: cutout models {how} {name}")
        return self.file(file.sha256)

    def _derive(self, file: ModelFile, manifest: Manifest) -> None:
        target = self.file(file.sha256)
        with locked(target.with_name(target.name + ".lock")):
            if target.exists() and sha256_of(target) == file.sha256:
                return
            content = DERIVED[file.source](self.read(manifest.name, "published_decoder"), manifest.decoder)
            check(file, hashlib.sha256(content).hexdigest())
            self._write(target, content)

    @staticmethod
    def _write(target: Path, content: bytes) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.{os.getpid()}")
        part.write_bytes(content)
        part.replace(target)


def _lite_decoder(published: bytes, spec: DecoderSpec) -> bytes:
    from models.export import lite_decoder  # noqa: PLC0415 - onnx: 25 MB that a worker never needs again

    return lite_decoder.derive(published, spec)


DERIVED: dict[str, Callable[[bytes, DecoderSpec], bytes]] = {"derive:lite_decoder": _lite_decoder}
"""Files made here from the published decoder; their hash is in the manifest like any other's."""
