import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.segmentation.entropy import PlaneModel, decode, encode
from app.segmentation.errors import EmbeddingUnreadable

shapes = st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9))


def _model(random: np.random.Generator, count: int) -> PlaneModel:
    return PlaneModel(
        random.integers(-150, 250, (count, 4)).astype(np.int32),
        random.integers(1, 4000, count).astype(np.int32),
    )


@settings(deadline=None)
@given(shape=shapes, size=st.sampled_from([0, 1, 3, 40, 2000, 1_000_000]), seed=st.integers(0, 2**32 - 1))
def test_planes_come_back(shape: tuple[int, int, int], size: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    planes = random.integers(-size, size + 1, shape).astype(np.int32)
    model = _model(random, shape[0])
    np.testing.assert_array_equal(decode(encode(planes, model), shape, model), planes)


def test_empty_planes_cost_next_to_nothing() -> None:
    model = _model(np.random.default_rng(0), 256)
    assert len(encode(np.zeros((256, 64, 64), np.int32), model)) < 20


def test_it_costs_little_more_than_the_entropy() -> None:
    random = np.random.default_rng(0)
    planes = np.rint(random.laplace(size=(4, 64, 64)) * 3).astype(np.int32)
    _, counts = np.unique(planes, return_counts=True)
    share = counts / planes.size
    entropy = -(share * np.log2(share)).sum() * planes.size / 8
    model = PlaneModel(np.zeros((4, 4), np.int32), np.full(4, 48, np.int32))
    assert len(encode(planes, model)) < 1.05 * entropy


def test_what_the_neighbours_tell_is_not_paid_for() -> None:
    ramp = np.add.outer(np.arange(64), np.arange(64))[None].astype(np.int32) * 5
    model = PlaneModel(np.array([[256, 256, -256, 0]], np.int32), np.array([16], np.int32))
    assert len(encode(ramp, model)) < 200


def test_the_input_is_left_as_it_was() -> None:
    planes = np.arange(12, dtype=np.int32).reshape(1, 3, 4)
    encode(planes, _model(np.random.default_rng(0), 1))
    np.testing.assert_array_equal(planes, np.arange(12).reshape(1, 3, 4))


def test_half_the_bytes_are_too_few() -> None:
    random = np.random.default_rng(0)
    model = _model(random, 3)
    planes = random.integers(-50, 50, (3, 16, 16)).astype(np.int32)
    packed = encode(planes, model)
    with pytest.raises(EmbeddingUnreadable):
        decode(packed[: len(packed) // 2], planes.shape, model)
