"""torch: SAM 2's encoder on a GPU where there is one, else on the CPU in float32."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.errors import DeviceLost, OutOfMemory
from models.manifest import Manifest
from models.sessions.base import RgbImage, Tensors
from models.sessions.tuning import Tuning, fastest

GPU_BATCH = 16
CPU_BATCH = 1  # two images take twice the time of one; one at a time needs half the memory

Forward = Callable[[Tensor], tuple[Tensor, ...]]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a model runs, and why not elsewhere."""

    device: torch.device
    notes: tuple[str, ...] = ()


def place(wanted: str = "auto") -> Placement:
    """`auto` and `cuda` are the GPU, or the CPU with a note that says why; `cpu` is the CPU."""
    if wanted == "cpu":
        return Placement(torch.device("cpu"))
    if torch.cuda.is_available():
        return Placement(torch.device("cuda"))
    return Placement(torch.device("cpu"), (f"encoder on CPU: {_why_no_gpu()}",))


def _why_no_gpu() -> str:
    if torch.version.cuda is None:
        return "this torch is built without CUDA"
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
    except (RuntimeError, AssertionError) as error:
        return str(error).split(". ")[0]
    return "no GPU is visible"


class TorchEncoder:
    """An `ImageEncoder`: resizing and normalising run on the device too. Thread-safe, one batch at a time."""

    def __init__(
        self,
        manifest: Manifest,
        module: nn.Module,
        placement: Placement,
        *,
        threads: int | None = None,
        vram_bytes: int | None = None,
        tuning: Path | None = None,
    ) -> None:
        """`threads` None: torch's choice, the physical cores. `vram_bytes`: the most this process may take.

        `tuning`: the file that keeps which way of running was fastest on which GPU.
        """
        self.notes = placement.notes
        self._manifest = manifest
        self._device = placement.device
        self._module = module.to(self._device).eval()
        self._forward: Forward = self._module
        self._whole_batches = False
        self._tuning = Tuning(tuning) if tuning else None
        self._lock = threading.Lock()
        self.max_batch = GPU_BATCH if self._on_gpu else CPU_BATCH
        self._mean, self._std = (
            torch.tensor(values, device=self._device).reshape(1, 3, 1, 1)
            for values in (manifest.normalisation.mean, manifest.normalisation.std)
        )
        if threads is not None and not self._on_gpu:
            torch.set_num_threads(threads)
        if vram_bytes is not None and self._on_gpu:
            total = torch.cuda.get_device_properties(self._device).total_memory
            torch.cuda.set_per_process_memory_fraction(min(1.0, vram_bytes / total), self._device)

    @property
    def _on_gpu(self) -> bool:
        return self._device.type == "cuda"

    def warmup(self) -> None:
        """Decides how to run (measured on a GPU, or read back), and runs once."""
        side = self._manifest.geometry.side
        blank = np.zeros((side, side, 3), np.uint8)
        if self._on_gpu:
            self._choose()
        self.encode([blank] * self.max_batch)

    def encode(self, images: Sequence[RgbImage]) -> list[Tensors]:
        """Raises OutOfMemory when one image alone is too much, DeviceLost when the GPU has gone."""
        done: list[Tensors] = []
        with self._lock:
            while len(done) < len(images):
                batch = images[len(done) : len(done) + self.max_batch]
                try:
                    done += self._encoded(batch)
                except torch.OutOfMemoryError as error:
                    self._halve(len(batch), error)
        return done

    def _halve(self, size: int, error: torch.OutOfMemoryError) -> None:
        if size == 1:
            raise OutOfMemory(f"one image does not fit: {str(error).split('. ')[0]}") from error
        self.max_batch = size // 2  # and stays so: the memory it would need is not there
        if self._on_gpu:
            torch.cuda.empty_cache()

    def _encoded(self, images: Sequence[RgbImage]) -> list[Tensors]:
        with torch.inference_mode(), _device_errors():
            planes = torch.cat([self._planes(image) for image in images])
            outputs = [output.float().cpu().numpy() for output in self._run(planes)]
        names = [tensor.name for tensor in self._manifest.tensors]
        return [
            {name: output[i : i + 1] for name, output in zip(names, outputs, strict=True)}
            for i in range(len(images))
        ]

    def _planes(self, image: RgbImage) -> Tensor:
        """uint8 [h, w, 3] → [1, 3, side, side] on the device, in the order of SAM2Transforms."""
        # pinned memory is what a GPU reads without stopping the CPU
        staged = torch.empty(image.shape, dtype=torch.uint8, pin_memory=self._on_gpu)
        staged.numpy()[...] = image
        planes = staged.to(self._device, non_blocking=True).permute(2, 0, 1)[None].float()
        planes = planes / self._manifest.normalisation.divide
        side = self._manifest.geometry.side
        resized = functional.interpolate(planes, (side, side), mode="bilinear", antialias=True)
        return (resized - self._mean) / self._std

    def _run(self, planes: Tensor) -> tuple[Tensor, ...]:
        count = len(planes)
        if self._whole_batches:
            # a compiled graph is one of a shape: fill up to the next power of two
            size = min(self.max_batch, 1 << (count - 1).bit_length())
            planes = functional.pad(planes, (0, 0, 0, 0, 0, 0, 0, max(0, size - count)))
        with torch.autocast(self._device.type, _half(self._device), enabled=self._on_gpu):
            outputs = self._forward(planes)
        return tuple(output[:count] for output in outputs)

    def _choose(self) -> None:
        """Eager or compiled (with CUDA graphs), whichever encodes a full batch faster on this GPU."""
        side = self._manifest.geometry.side
        sample = torch.zeros((self.max_batch, 3, side, side), device=self._device)
        ways: dict[str, Forward] = {
            "eager": self._module,
            "compiled": torch.compile(self._module, mode="reduce-overhead"),
        }

        def run(way: str) -> None:
            with torch.inference_mode(), torch.autocast("cuda", _half(self._device)):
                ways[way](sample)
            torch.cuda.synchronize()

        gpu = torch.cuda.get_device_name(self._device)
        key = f"{gpu} | torch {torch.__version__} | {self._manifest.revision} | batch {self.max_batch}"
        known = self._tuning.read(key) if self._tuning else None
        way = known if known in ways else fastest(tuple(ways), run)
        if self._tuning:
            self._tuning.write(key, way)
        self._forward, self._whole_batches = ways[way], way == "compiled"


def _half(device: torch.device) -> torch.dtype:
    """bfloat16, as Meta runs it, where the GPU has it (Ampere and later)."""
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.float16
    return torch.bfloat16


@contextlib.contextmanager
def _device_errors() -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except torch.AcceleratorError as error:
        raise DeviceLost(f"the GPU failed: {str(error).splitlines()[0]}") from error
