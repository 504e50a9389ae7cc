"""Several files in one batch, each with its share of the rows."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trainer.data.token_files import DataError


def normalized_weights(weights: Sequence[float], num_files: int) -> NDArray[np.float64]:
    """Return the weights scaled to a sum of 1.

    Raises:
        DataError: there is not one weight for each file, or one is not a finite number above 0.
    """
    if len(weights) != num_files:
        raise DataError(f"data.train_weights has {len(weights)} weights for {num_files} files: give one for each file")
    for weight in weights:
        if not 0 < weight < math.inf:
            raise DataError(
                f"data.train_weights has {weight}: give numbers above 0, and leave out a file that should not be used"
            )
    scaled = np.array(weights, np.float64) / max(weights)  # first, since a sum of large weights may be infinite
    return scaled / scaled.sum()


def choose_files(weights: NDArray[np.float64], fractions: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return for each fraction in [0, 1) the file whose part of [0, 1) it lies in; parts are as wide as weights.

    >>> choose_files(np.array([0.25, 0.75]), np.array([0.0, 0.2, 0.25, 0.9])).tolist()
    [0, 0, 1, 1]
    """
    ends = np.cumsum(weights)[:-1]  # without the last, which rounding may have put just below 1
    return np.searchsorted(ends, fractions, side="right")
