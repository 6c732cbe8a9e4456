"""What can go wrong with a model. `models` imports nothing of `app`; the rim maps these by `code`.

ModelError
├── ModelUnknown        no manifest of that name
├── ModelMissing        known, but its files are not on this machine
├── ModelCorrupt        a file's bytes are not those of its manifest
├── ManifestInvalid     the manifest itself cannot be read, or a newer program wrote it
├── DownloadFailed      the source did not give the file
├── EmbeddingMismatch   an embedding of another model or revision
├── RuntimeMissing      what runs this model is not installed (`pip install cutout[torch]`)
├── OutOfMemory         one image alone does not fit into the GPU's memory
├── DeviceLost          the GPU failed and this process cannot use it again: give the jobs back and end
├── GraphUnsupported    a decoder with an operator that gradients are not written for
└── ParityFailed        an exported graph does not compute what its source computes
"""

from typing import ClassVar


class ModelError(Exception):
    """`str(error)` is one line for a person: it names the model or file and what to do."""

    code: ClassVar[str] = "model_error"


class ModelUnknown(ModelError):
    code = "model_unknown"


class ModelMissing(ModelError):
    code = "model_missing"


class ModelCorrupt(ModelError):
    code = "model_corrupt"


class ManifestInvalid(ModelError):
    code = "manifest_invalid"


class DownloadFailed(ModelError):
    code = "download_failed"


class EmbeddingMismatch(ModelError):
    code = "embedding_mismatch"


class RuntimeMissing(ModelError):
    code = "runtime_missing"


class OutOfMemory(ModelError):
    code = "gpu_out_of_memory"


class DeviceLost(ModelError):
    code = "device_lost"


class GraphUnsupported(ModelError):
    code = "graph_unsupported"


class ParityFailed(ModelError):
    code = "parity_failed"
