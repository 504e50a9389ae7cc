from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainer import DataError
from trainer.evaluation_windows import EvaluationWindows

LENGTHS = st.integers(5, 90)
BATCH_SIZES = st.integers(1, 7)


def windows(length, batch_size=3, num_windows=None):
    data = np.arange(length, dtype=np.uint16)
    return EvaluationWindows(data, batch_size=batch_size, context_length=4, num_windows=num_windows)


@given(length=LENGTHS, batch_size=BATCH_SIZES)
def test_every_token_but_the_first_is_predicted_once(length, batch_size):
    evaluation = windows(length, batch_size)
    batches = list(evaluation.batches())
    predicted = torch.cat([batch.targets[batch.counted] for batch in batches])
    assert predicted.sort().values.tolist() == list(range(1, length))
    assert evaluation.num_targets == length - 1 == sum(batch.num_counted for batch in batches)
    for batch in batches:
        assert batch.inputs.shape == batch.targets.shape == batch.counted.shape == (batch_size, 4)
        assert torch.equal(batch.targets, batch.inputs + 1)
        assert batch.num_counted == int(batch.counted.sum())
        assert batch.is_full == bool(batch.counted.all())
    assert all(batch.is_full for batch in batches[:-1])
    assert len(batches) == len(evaluation)


@given(length=LENGTHS, processes=st.integers(1, 4), share=st.integers(1, 3))
def test_processes_share_it_in_equally_many_equal_batches(length, processes, share):
    evaluation = windows(length, processes * share)
    shares = [list(evaluation.batches(slice(k * share, (k + 1) * share))) for k in range(processes)]
    assert {len(batches) for batches in shares} == {len(evaluation)}
    assert {batch.inputs.shape for batches in shares for batch in batches} == {(share, 4)}
    predicted = torch.cat([batch.targets[batch.counted] for batches in shares for batch in batches])
    assert predicted.sort().values.tolist() == list(range(1, length))


@given(length=LENGTHS, batch_size=BATCH_SIZES, num_windows=st.integers(1, 25))
def test_a_subset_has_whole_windows_spread_evenly(length, batch_size, num_windows):
    evaluation = windows(length, batch_size, num_windows)
    whole = (length - 1) // 4
    starts = torch.cat([batch.inputs[batch.counted.any(1), 0] for batch in evaluation.batches()]).tolist()
    assert len(starts) == len(set(starts))
    if num_windows < whole:
        assert evaluation.num_targets == 4 * num_windows
        assert all(start % 4 == 0 for start in starts)
        gaps = np.diff(starts)
        assert not len(gaps) or gaps.max() - gaps.min() <= 4
    else:
        assert evaluation.num_targets == length - 1


def test_a_subset_reaches_from_the_first_window_to_the_last():
    starts = [int(batch.inputs[0, 0]) for batch in windows(4001, 1, 5).batches()]
    assert starts == [0, 1000, 2000, 2996, 3996]


@given(length=LENGTHS, batch_size=BATCH_SIZES)
def test_the_weighted_mean_is_that_of_all_tokens(length, batch_size):
    """A model that sees one token only: the mean over the data, token by token, is known."""
    rng = np.random.default_rng(length)
    data = rng.integers(0, 9, length).astype(np.uint16)
    losses = torch.from_numpy(rng.random((9, 9)))  # of each target after each input
    evaluation = EvaluationWindows(data, batch_size=batch_size, context_length=4)
    total = sum(float(losses[batch.inputs, batch.targets][batch.counted].sum()) for batch in evaluation.batches())
    expected = np.mean([float(losses[int(one), int(other)]) for one, other in pairwise(data)])
    assert total / evaluation.num_targets == pytest.approx(expected)


def test_it_is_the_same_every_time():
    evaluation = windows(50)
    for one, other in zip(evaluation.batches(), evaluation.batches(), strict=True):
        assert torch.equal(one.inputs, other.inputs)
        assert torch.equal(one.to("cpu").counted, other.counted)


def test_data_shorter_than_a_window_is_refused():
    assert windows(5).num_targets == 4
    with pytest.raises(DataError, match="the validation data has 4 tokens"):
        windows(4)
