import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from nn import ModelConfig
from trainer import DataConfig, DataError, get_batch, open_data
from trainer.data.training_data import evaluation_batches

from ..conftest import VOCAB, write_tokens


def test_open_data(tmp_path):
    model = ModelConfig(vocab_size=VOCAB, context_length=4, d_model=8, num_heads=2)
    long, short = write_tokens(tmp_path / "a.bin", [1, 2, 3, 4, 5]), write_tokens(tmp_path / "b.bin", [1, 2, 3, 4])
    data = open_data(DataConfig(str(long), str(long)), model)
    assert (data.num_train_tokens, data.valid.tolist()) == (5, [1, 2, 3, 4, 5])
    with pytest.raises(DataError, match=r"b\.bin has 4 tokens, but one window takes 4 and the one that follows"):
        open_data(DataConfig(str(long), str(short)), model)
    with pytest.raises(DataError, match=r"data\.train_tokens and data\.valid_tokens are both needed"):
        open_data(DataConfig(str(long)), model)
    with pytest.raises(DataError, match=r"data\.train_weights has 1 weights for 2 files"):
        open_data(DataConfig((str(long), str(long)), str(long), train_weights=(1.0,)), model)


def test_several_files_and_their_order_come_from_the_configuration(tmp_path):
    model = ModelConfig(vocab_size=VOCAB, context_length=4, d_model=8, num_heads=2)
    files = tuple(str(write_tokens(tmp_path / f"{k}.bin", [k] * 40)) for k in range(3))
    data = open_data(DataConfig(files, files[0], train_weights=(1, 2, 1)), model)
    batches = data.batches(seed=3, batch_size=400, context_length=4)
    counts = torch.bincount(batches.rows(1)[0][:, 0]).tolist()
    assert sum(counts) == 400
    assert counts[1] > max(counts[0], counts[2])
    in_epochs = open_data(DataConfig(files, files[0], order="epoch"), model)
    batches = in_epochs.batches(seed=3, batch_size=27, context_length=4)
    assert torch.bincount(batches.rows(1)[0][:, 0]).tolist() == [9, 9, 9]


@given(length=st.integers(6, 40), context=st.integers(1, 5), batch=st.integers(1, 8), seed=st.integers(0, 99))
def test_targets_are_the_inputs_shifted_by_one(length, context, batch, seed):
    data = np.arange(length, dtype=np.uint16)
    inputs, targets = get_batch(data, batch, context, "cpu", generator=np.random.default_rng(seed))
    assert inputs.shape == targets.shape == (batch, context)
    assert inputs.dtype == targets.dtype == torch.int64
    assert torch.equal(targets, inputs + 1)
    assert inputs.min() >= 0
    assert targets.max() < length


def test_every_start_is_possible_and_equally_likely():
    data = np.arange(15, dtype=np.uint16)
    inputs, _ = get_batch(data, 20_000, 5, "cpu", generator=np.random.default_rng(0))
    starts = torch.bincount(inputs[:, 0])
    assert len(starts) == 10  # from 0 to len − context_length − 1
    torch.testing.assert_close(starts / 20_000, torch.full((10,), 0.1), rtol=0, atol=0.01)


def test_large_ids_survive():
    inputs, _ = get_batch(np.full(10, 2**32 - 1, dtype=np.uint32), 1, 3)
    assert inputs[0, 0] == 2**32 - 1


def test_data_shorter_than_a_window_is_refused():
    with pytest.raises(DataError, match="has 5 tokens, but one window takes 5"):
        get_batch(np.arange(5, dtype=np.uint16), 1, 5)


@given(length=st.integers(5, 60), batch=st.integers(1, 5), num_windows=st.none() | st.integers(1, 12))
def test_evaluation_windows_lie_side_by_side(length, batch, num_windows):
    data = np.arange(length, dtype=np.uint16)
    batches = list(evaluation_batches(data, batch, 4, num_windows, "cpu"))
    starts = torch.cat([inputs[:, 0] for inputs, _ in batches]).tolist()
    available = [start for start in range(0, length, 4) if start + 4 < length]
    assert set(starts) <= set(available)
    assert len(starts) == len(set(starts)) == min(len(available), num_windows or len(available))
    assert all(torch.equal(targets, inputs + 1) for inputs, targets in batches)
    assert all(len(inputs) <= batch for inputs, _ in batches)


def test_evaluation_windows_are_spread_over_the_data():
    starts = [int(inputs[0, 0]) for inputs, _ in evaluation_batches(np.arange(4001, dtype=np.uint16), 1, 4, 5, "cpu")]
    assert starts == [0, 1000, 2000, 2996, 3996]
