"""The pairs that learning begins with: those of bytes, of which there are at most 65,536.

The words are read twice, first to count the pairs, then to write their places, those of one pair in a row: a counting
sort.

Reference: the first loop of `bpe.reference.learn_merges`.
"""

from typing import Any

import numpy as np

from bpe.kernels.runtime.compiler import kernel
from bpe.kernels.runtime.memory import view
from bpe.kernels.training.layout import BORDER, BYTE_PAIR_TIMES, BYTE_PAIR_WEIGHT, DONE, FREQUENCY, PLACES, SYMBOLS


@kernel
def count_byte_pairs(a: Any) -> int:
    """Count the pairs of bytes, at index `left << 8 | right`.

    BYTE_PAIR_TIMES is the number of places, BYTE_PAIR_WEIGHT the number of occurrences in the text.
    """
    symbols, frequency = view(a, SYMBOLS, np.int32), view(a, FREQUENCY, np.int64)
    times, weight = view(a, BYTE_PAIR_TIMES, np.int64), view(a, BYTE_PAIR_WEIGHT, np.int64)
    word = 0
    for p in range(1, symbols.shape[0] - 1):
        left, right = symbols[p], symbols[p + 1]
        if left == BORDER:
            word += 1
        elif right != BORDER:
            pair = (left << 8) | right
            times[pair] += 1
            weight[pair] += frequency[word]
    return DONE


@kernel
def list_byte_pairs(a: Any) -> int:
    """Write the places of the pairs of bytes, those of each pair from `BYTE_PAIR_TIMES[left << 8 | right]` on."""
    symbols, places = view(a, SYMBOLS, np.int32), view(a, PLACES, np.int64)
    following = view(a, BYTE_PAIR_TIMES, np.int64)
    word = 0
    for p in range(1, symbols.shape[0] - 1):
        left, right = symbols[p], symbols[p + 1]
        if left == BORDER:
            word += 1
        elif right != BORDER:
            pair = (left << 8) | right
            places[following[pair]] = (p << 32) | word
            following[pair] += 1
    return DONE
