import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from trainer import DataError, get_batch


@given(length=st.integers(6, 40), context=st.integers(1, 5), batch=st.integers(1, 8), seed=st.integers(0, 99))
def test_targets_are_the_inputs_shifted_by_one(length, context, batch, seed):
    data = np.arange(length, dtype=np.uint16)
    inputs, targets = get_batch(data, batch, context, "cpu", generator=np.random.default_rng(seed))
    assert inputs.shape == targets.shape == (batch, context)
    assert inputs.dtype == targets.dtype == torch.int64
    assert torch.equal(targets, inputs + 1)
    assert inputs.min() >= 0
    assert targets.max() < length


def test_every_start_is_equally_likely():
    data = np.arange(15, dtype=np.uint16)
    inputs, _ = get_batch(data, 20_000, 5, "cpu", generator=np.random.default_rng(0))
    starts = torch.bincount(inputs[:, 0])
    assert len(starts) == 10  # from 0 to len − context_length − 1
    torch.testing.assert_close(starts / 20_000, torch.full((10,), 0.1), rtol=0, atol=0.01)


def test_the_largest_ids_are_preserved():
    inputs, _ = get_batch(np.full(10, 2**32 - 1, dtype=np.uint32), 1, 3)
    assert inputs[0, 0] == 2**32 - 1


def test_data_shorter_than_a_window_is_refused():
    with pytest.raises(DataError, match="has 5 tokens, but a window of context length 5 needs at least 6"):
        get_batch(np.arange(5, dtype=np.uint16), 1, 5)
