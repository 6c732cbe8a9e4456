"""The edge that the editor's preview draws as well: tests/golden/edges.py."""

import numpy as np
import pytest

from tests.golden import edges


@pytest.mark.parametrize("name", edges.SIZES)
def test_the_edge_is_the_one_that_the_preview_shows(name: str) -> None:
    """A failure after a deliberate change: `python -m tests.golden.edges`, then the editor's upsample.ts."""
    matte = edges.case(name).matte().astype(np.int16)
    apart = np.abs(matte - edges.expected(name))
    soft = np.count_nonzero(edges.expected(name) % 255)
    assert np.count_nonzero(apart > 2) < 0.002 * soft  # compilers round sums in float32 in their own order
    assert apart.max() < 64
