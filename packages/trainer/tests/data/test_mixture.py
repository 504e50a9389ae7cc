import numpy as np
import pytest
from hypothesis import given, strategies as st

from trainer import DataError
from trainer.data.mixture import interval_ends, normalized_weights

WEIGHTS = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=6)


@given(weights=WEIGHTS, scale=st.floats(1e-3, 1e3))
def test_only_ratios_matter(weights, scale):
    normalized = normalized_weights(weights, len(weights))
    assert normalized.sum() == pytest.approx(1)
    assert np.allclose(normalized / normalized[0], np.array(weights) / weights[0])
    assert np.allclose(normalized, normalized_weights([weight * scale for weight in weights], len(weights)))


def test_large_weights_do_not_overflow():
    assert normalized_weights([1e308, 1e308], 2).tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, 2], r"data\.train_weights has 2 weights for 3 files: give one for each file"),
        ([1, 0, 1], "has 0: give finite numbers above 0, and remove a file"),
        ([1, -1, 1], "has -1"),
        ([1, float("nan"), 1], "has nan"),
        ([1, float("inf"), 1], "has inf"),
    ],
)
def test_invalid_weights_are_refused(weights, message):
    with pytest.raises(DataError, match=message):
        normalized_weights(weights, 3)


@given(weights=WEIGHTS, fractions=st.lists(st.floats(0, 1, exclude_max=True), max_size=20))
def test_a_fraction_is_in_the_interval_of_its_file(weights, fractions):
    normalized = normalized_weights(weights, len(weights))
    files = np.searchsorted(interval_ends(normalized), np.array(fractions), side="right").tolist()
    for file, fraction in zip(files, fractions, strict=True):
        assert normalized[:file].sum() <= fraction + 1e-12
        assert fraction - 1e-12 <= normalized[: file + 1].sum()


def test_rounding_leaves_no_gap_after_the_last_interval():
    ends = interval_ends(normalized_weights([1.0] * 49, 49))
    assert np.searchsorted(ends, 1 - 2.0**-53, side="right") == 48
