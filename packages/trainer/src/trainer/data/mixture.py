"""The share of each of several files in the rows of a batch."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trainer.data.token_files import DataError


def normalized_weights(weights: Sequence[float], num_files: int) -> NDArray[np.float64]:
    """Return the weights scaled to a sum of 1.

    Raises:
        DataError: the number of weights is not the number of files, or a weight is not a finite number above 0.
    """
    if len(weights) != num_files:
        raise DataError(f"data.train_weights has {len(weights)} weights for {num_files} files: give one for each file")
    for weight in weights:
        if not 0 < weight < math.inf:
            raise DataError(
                f"data.train_weights has {weight}: give finite numbers above 0, "
                "and remove a file that should not be used from data.train_tokens"
            )
    scaled = np.array(weights, np.float64) / max(weights)  # first, since the sum of large weights may be infinite
    return scaled / scaled.sum()


def interval_ends(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where the interval of each file ends in [0, 1), without the last; intervals are as long as the weights.

    The last end would be 1, but rounding can make it slightly less, so that no file would be found for a number there.

    >>> ends = interval_ends(np.array([0.25, 0.75]))
    >>> np.searchsorted(ends, [0.0, 0.2, 0.25, 0.9], side="right").tolist()  # the file of each number
    [0, 0, 1, 1]
    """
    return np.cumsum(weights)[:-1]
