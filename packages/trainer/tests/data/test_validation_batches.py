import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from trainer import DataError
from trainer.data import validation_batches
from trainer.data.validation_batches import count_targets


@given(size=st.integers(4, 60), context_length=st.integers(1, 9), batch_size=st.integers(1, 5))
def test_every_id_but_the_first_is_a_target_once(size, context_length, batch_size):
    if size <= context_length:
        return
    data = np.arange(1000, 1000 + size, dtype=np.uint16)
    batches = list(validation_batches(data, batch_size, context_length, "cpu"))
    assert all(torch.equal(inputs + 1, targets) for inputs, targets in batches)
    assert [id_ for _, targets in batches for id_ in targets.flatten().tolist()] == list(range(1001, 1000 + size))
    shapes = [tuple(targets.shape) for _, targets in batches]
    assert all(shape == (batch_size, context_length) for shape in shapes[:-2])
    assert count_targets(data, context_length) == size - 1


@given(length=st.integers(5, 60), batch=st.integers(1, 5), num_windows=st.integers(1, 20))
def test_a_number_of_windows_is_taken_from_the_adjacent_full_ones(length, batch, num_windows):
    data = np.arange(length, dtype=np.uint16)
    batches = list(validation_batches(data, batch, 4, "cpu", num_windows=num_windows))
    starts = torch.cat([inputs[:, 0] for inputs, _ in batches]).tolist()
    available = [start for start in range(0, length, 4) if start + 4 < length]
    assert set(starts) <= set(available)
    assert len(starts) == len(set(starts)) == min(len(available), num_windows)
    assert count_targets(data, 4, num_windows) == 4 * len(starts)
    assert all(torch.equal(targets, inputs + 1) for inputs, targets in batches)
    assert all(len(inputs) <= batch and inputs.shape[1] == 4 for inputs, _ in batches)


def test_a_number_of_windows_is_spread_over_the_data():
    batches = validation_batches(np.arange(4001, dtype=np.uint16), 1, 4, "cpu", num_windows=5)
    assert [int(inputs[0, 0]) for inputs, _ in batches] == [0, 1000, 2000, 2996, 3996]


def test_data_that_is_too_short_is_refused():
    with pytest.raises(DataError, match="the validation data has 4 tokens"):
        next(validation_batches(np.arange(4), 1, 4, "cpu"))
