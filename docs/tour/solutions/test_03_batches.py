"""Chapter 3: batches. Replace the body of a function by your own and run this file with pytest."""

import numpy as np
import pytest

from trainer import DataError, get_batch
from trainer.data import validation_batches


def num_windows(n: int, t: int) -> int:
    """Return at how many places of a text of n ids a window of t inputs can begin: its last target must exist."""
    return max(0, n - t)


def adjacent_windows(ids: list[int], t: int) -> list[tuple[list[int], list[int]]]:
    """Return pairs of inputs and targets, of t ids at most, in which every id but the first is a target once."""
    return [
        (ids[start : min(start + t, len(ids) - 1)], ids[start + 1 : start + t + 1])
        for start in range(0, len(ids) - 1, t)
    ]


def to_token_file(ids: list[int]) -> bytes:
    """Return two bytes for each id, the lower one first."""
    return b"".join(bytes([token_id % 256, token_id // 256]) for token_id in ids)


def from_token_file(data: bytes) -> list[int]:
    """Return the ids."""
    return [low + 256 * high for low, high in zip(data[::2], data[1::2], strict=True)]


@pytest.mark.parametrize(("n", "t"), [(3, 2), (10, 4), (100, 99)])
def test_num_windows(n, t):
    data = np.arange(n)
    starts = {int(get_batch(data, 1, t, generator=np.random.default_rng(seed))[0][0, 0]) for seed in range(400)}
    count = num_windows(n, t)
    assert starts <= set(range(count))
    if count < 10:  # few enough that 400 draws find all
        assert len(starts) == count


def test_there_may_be_no_window():
    assert num_windows(4, 4) == 0
    with pytest.raises(DataError):
        get_batch(np.arange(4), 1, 4)


@pytest.mark.parametrize(("n", "t"), [(9, 4), (10, 4), (12, 4), (3, 4), (5, 1)])
def test_adjacent_windows(n, t):
    ids = list(range(100, 100 + n))
    pairs = adjacent_windows(ids, t)
    assert [target for _, targets in pairs for target in targets] == ids[1:]
    assert all(len(inputs) == len(targets) <= t for inputs, targets in pairs)
    if n > t:
        ours = [
            (inputs[0].tolist(), targets[0].tolist())
            for inputs, targets in validation_batches(np.array(ids), 1, t, "cpu")
        ]
        assert pairs == ours


def test_token_files():
    ids = [0, 1, 255, 256, 511, 65_535]
    assert to_token_file(ids) == np.array(ids, dtype="<u2").tobytes()
    assert from_token_file(to_token_file(ids)) == ids
