import numpy as np
import pytest

from app.segmentation import codec
from app.segmentation.errors import EmbeddingUnreadable
from models.sessions.base import Embedding


@pytest.fixture
def embedding() -> Embedding:
    random = np.random.default_rng(1)
    return Embedding(
        "sam2.1-hiera-tiny",
        "1",
        (640, 427),
        {
            "image_embed": random.normal(size=(1, 16, 8, 8)).astype(np.float32),
            "high_res_feats_0": random.normal(size=(1, 4, 32, 32)).astype(np.float32),
        },
    )


def test_half_precision_comes_back(embedding: Embedding) -> None:
    back = codec.unpack(codec.pack(embedding))
    assert (back.model, back.revision, back.image_size) == ("sam2.1-hiera-tiny", "1", (640, 427))
    assert list(back.tensors) == list(embedding.tensors)
    for name, tensor in embedding.tensors.items():
        assert back.tensors[name].dtype == np.float32
        np.testing.assert_allclose(back.tensors[name], tensor, rtol=1e-3, atol=1e-6)


def test_packing_what_was_unpacked_changes_nothing(embedding: Embedding) -> None:
    packed = codec.pack(embedding)
    assert codec.pack(codec.unpack(packed)) == packed


def test_damage_is_told(embedding: Embedding) -> None:
    packed = codec.pack(embedding)
    newer = packed[:4] + bytes([99]) + packed[5:]
    for data in (b"", packed[:6], packed[:40], packed[:-1], b"PNG" + packed, newer):
        with pytest.raises(EmbeddingUnreadable):
            codec.unpack(data)
