from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from trainer import DataError
from trainer.data.batches import TrainingBatches
from trainer.data.token_files import TokenFile


def token_file(tokens, name="t.bin"):
    return TokenFile(Path(name), np.asarray(tokens))


def files_of(lengths, dtype=np.uint32):
    """Files in which every id occurs once, so that an id identifies its place: file index · 10,000 + place."""
    return [token_file(np.arange(length, dtype=dtype) + 10_000 * k, f"{k}.bin") for k, length in enumerate(lengths)]


def make(lengths, **options):
    return TrainingBatches(
        files_of(lengths), **{"seed": 1, "batch_size": 6, "context_length": 4, "order": "random"} | options
    )


LENGTHS = st.lists(st.integers(5, 80), min_size=1, max_size=4)
ORDERS = st.sampled_from(["random", "epoch"])


@given(lengths=LENGTHS, order=ORDERS, step=st.integers(1, 10**9), seed=st.integers(0, 2**63 - 1))
def test_rows_are_windows_and_targets_follow(lengths, order, step, seed):
    inputs, targets = make(lengths, order=order, seed=seed).rows(step)
    assert inputs.shape == targets.shape == (6, 4)
    assert inputs.dtype == targets.dtype == torch.int64
    assert inputs.is_contiguous()
    assert targets.is_contiguous()
    assert torch.equal(inputs - inputs[:, :1], torch.arange(4).expand(6, 4))
    assert torch.equal(targets, inputs + 1)
    for last in targets[:, -1].tolist():
        file, place = divmod(last, 10_000)
        assert place < lengths[file]


@given(
    lengths=LENGTHS,
    order=ORDERS,
    step=st.integers(1, 10_000),
    processes=st.sampled_from([1, 2, 3, 4]),
    microbatches=st.sampled_from([1, 2, 3]),
)
def test_processes_and_microbatches_make_up_the_same_batch(lengths, order, step, processes, microbatches):
    """Each process has its own object, as in a real run, and asks for its rows one microbatch after the other."""
    whole = make(lengths, order=order, batch_size=72).rows(step)
    size = 72 // processes // microbatches
    pieces = []
    for rank in range(processes):
        batches = make(lengths, order=order, batch_size=72)
        for microbatch in range(microbatches):
            first = rank * (72 // processes) + microbatch * size
            pieces.append(batches.rows(step, slice(first, first + size)))
    for k in range(2):
        assert torch.equal(torch.cat([piece[k] for piece in pieces]), whole[k])


@given(order=ORDERS, step=st.integers(1, 1000), seed=st.integers(0, 99))
def test_a_step_does_not_depend_on_earlier_calls(order, step, seed):
    running = make([70, 33], order=order, seed=seed)
    for earlier in range(max(1, step - 3), step):
        running.rows(earlier)
    assert torch.equal(running.rows(step)[0], make([70, 33], order=order, seed=seed).rows(step)[0])


@given(batch_size=st.integers(1, 20), larger=st.integers(1, 20))
def test_a_row_of_the_random_order_does_not_depend_on_the_size_of_its_batch(batch_size, larger):
    small = make([99], batch_size=batch_size).rows(3)[0]
    assert torch.equal(make([99], batch_size=batch_size + larger).rows(3)[0][:batch_size], small)


def test_seeds_steps_and_rows_differ():
    inputs = [make([9999], seed=seed).rows(step)[0][:, 0].tolist() for seed in range(5) for step in range(1, 6)]
    assert len({start for starts in inputs for start in starts}) > 140  # of 150 draws out of 9995


def test_the_rows_of_a_seed_never_change():
    """A run that is resumed with a later version of this package gets the same batches."""
    assert make([500, 300]).rows(7)[0][:, 0].tolist() == KNOWN["random"]
    assert make([500, 300], weights=[1, 9]).rows(7)[0][:, 0].tolist() == KNOWN["weighted"]
    assert make([500, 300], order="epoch").rows(7)[0][:, 0].tolist() == KNOWN["epoch"]


KNOWN = {
    "random": [362, 10273, 10109, 281, 333, 443],
    "weighted": [10122, 10273, 10109, 10201, 10197, 10083],
    "epoch": [156, 10148, 10000, 200, 216, 10264],
}


def chi_square(counts, expected):
    return float(((counts - expected) ** 2 / expected).sum())


def test_every_start_of_every_file_is_equally_likely_without_weights():
    batches = make([15, 9], batch_size=15_000)  # 11 and 5 starts
    starts = batches.rows(1)[0][:, 0].numpy()
    values, counts = np.unique(starts, return_counts=True)
    assert values.tolist() == [*range(11), *range(10_000, 10_005)]
    assert chi_square(counts, np.full(16, 15_000 / 16)) < 37.7  # the 0.1 % point for 15 degrees of freedom


def test_files_get_rows_in_proportion_to_their_weights():
    batches = make([10, 900, 50], batch_size=500, weights=[1, 2, 5])
    files = np.concatenate([batches.rows(step)[0][:, 0].numpy() // 10_000 for step in range(1, 21)])
    assert chi_square(np.bincount(files), 10_000 * np.array([1, 2, 5]) / 8) < 13.8  # 2 degrees of freedom
    # The place in a file is independent of the file.
    starts = np.concatenate([batches.rows(step)[0][:, 0].numpy() for step in range(1, 21)])
    counts = np.bincount(starts[files == 0])
    assert chi_square(counts, np.full(6, counts.sum() / 6)) < 20.5  # 5 degrees of freedom


@given(lengths=LENGTHS, batch_size=st.integers(1, 9), seed=st.integers(0, 99), epoch=st.integers(0, 5))
def test_an_epoch_has_every_window_once(lengths, batch_size, seed, epoch):
    batches = make(lengths, order="epoch", batch_size=batch_size, seed=seed)
    size = batches.windows_per_epoch
    assert size == sum((length - 1) // 4 for length in lengths)
    first, last = epoch * size, (epoch + 1) * size  # numbered over all steps
    steps = range(first // batch_size + 1, (last - 1) // batch_size + 2)
    rows = torch.cat([batches.rows(step)[0] for step in steps])
    rows = rows[first - (steps[0] - 1) * batch_size :][:size]
    for file, length in enumerate(lengths):
        ids = rows[rows[:, 0] // 10_000 == file].flatten().sort().values - 10_000 * file
        # Adjacent and without overlap: one interval without a gap, as long as fits.
        assert len(ids) == (length - 1) // 4 * 4
        assert torch.equal(ids, torch.arange(len(ids)) + ids[0])
        assert 0 <= ids[0] <= (length - 1) % 4


def test_epochs_differ_in_their_order_and_borders():
    batches = make([203], order="epoch", batch_size=50)
    epochs = [batches.rows(step)[0][:, 0] for step in range(1, 9)]
    assert {int(epoch.min()) for epoch in epochs} == {0, 1, 2}
    assert len({tuple((epoch - epoch.min()).tolist()) for epoch in epochs}) == 8


def test_files_of_different_dtypes_mix():
    small, large = np.full(50, 7, np.uint16), np.full(50, 2**32 - 1, np.uint32)
    options = {"seed": 0, "batch_size": 10, "context_length": 4, "order": "epoch"}
    batches = TrainingBatches([token_file(small), token_file(large)], **options)
    rows = torch.cat([batches.rows(step)[0] for step in range(1, 4)])[:24]
    assert rows[:, 0].unique(return_counts=True)[1].tolist() == [12, 12]
    assert rows.unique().tolist() == [7, 2**32 - 1]


def test_invalid_arguments_are_refused():
    with pytest.raises(DataError, match=r"1\.bin has 4 tokens, but a window of context length 4"):
        make([50, 4])
    with pytest.raises(DataError, match=r"there is no file to train on: give data\.train_tokens"):
        make([])
    with pytest.raises(DataError, match=r"data\.train_weights cannot be used with data\.order = epoch"):
        make([50, 50], weights=[1, 1], order="epoch")
    with pytest.raises(DataError, match="has 1 weights for 2 files"):
        make([50, 50], weights=[1])
    with pytest.raises(ValueError, match="step is 0: steps are counted from 1"):
        make([50]).rows(0)
