"""A shuffled order of any length in no memory: where each place goes is computed, not looked up.

The cipher is the generalized Feistel network of Black and Rogaway (2002, "Ciphers with arbitrary finite domains",
section 5) with cycle walking (section 4). A place below `size ≤ a · b` is written as two digits, `place = left · b +
right`. Each round adds to one digit a hash of the other, which can be undone, so that all rounds together permute the
`a · b` places. One that lands at `size` or beyond is sent through again until it lands below: it comes back at the
latest where it started, since permutations run in cycles, so what is left is a permutation of `size` places.
"""

import math

import numpy as np
from numpy.typing import NDArray

from trainer.data.counter_random import as_integers, mix, random_words

_ROUNDS = 12  # with 8, some orders of five places are still measurably likelier than others; with 12 none is


def shuffled(places: NDArray[np.int64], size: int, *key: int) -> NDArray[np.int64]:
    """Return where a shuffle of `range(size)` sends each of some places.

    Args:
        places: of at least 0 and below `size`.
        size: how many there are in all, below 2⁶².
        key: whole numbers that name the shuffle; another key is another shuffle.

    >>> sorted(shuffled(np.arange(10), 10, 2024).tolist()) == list(range(10))
    True
    """
    rights = math.isqrt(size - 1) + 1  # the two digits are about as large as each other
    lefts = -(-size // rights)
    round_keys = random_words(*key, np.arange(_ROUNDS))
    result = np.array(places, np.int64)
    walking = np.arange(len(result))
    while len(walking):
        left, right = np.divmod(result[walking], rights)
        for k in range(0, _ROUNDS, 2):
            left = (left + _digit(right, round_keys[k], lefts)) % lefts
            right = (right + _digit(left, round_keys[k + 1], rights)) % rights
        result[walking] = left * rights + right
        walking = walking[result[walking] >= size]
    return result


def _digit(other: NDArray[np.int64], round_key: np.uint64, base: int) -> NDArray[np.int64]:
    return as_integers(mix(other.astype(np.uint64) + round_key), base)
