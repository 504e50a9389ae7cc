"""A shuffle of any length that needs no memory: the new place of each element is computed, not looked up.

The permutation is the generalized Feistel network of Black and Rogaway (2002, "Ciphers with arbitrary finite domains",
section 5) with cycle walking (section 4). A place below `size ≤ a · b` is written as two digits, `place = left · b +
right`. Each round adds to one digit a hash of the other, which can be inverted, so that the rounds together permute the
`a · b` places. A result of `size` or more goes through the network again until it is below `size`. That ends, since
the cycle of a permutation leads back to its start, and the result is a permutation of the first `size` places.
"""

import math

import numpy as np
from numpy.typing import NDArray

from trainer.data.counter_random import as_integers, mix, random_words

_ROUNDS = 12  # with 8, some orders of five places are measurably more likely than others; with 12 none is


def shuffled(places: NDArray[np.int64], size: int, *key: int) -> NDArray[np.int64]:
    """Return the places to which a shuffle of `range(size)` moves the given ones.

    Args:
        places: at least 0 and below `size`.
        size: number of places, below 2⁶².
        key: integers that identify the shuffle; another key gives another shuffle.

    >>> sorted(shuffled(np.arange(10), 10, 2024).tolist()) == list(range(10))
    True
    """
    rights = math.isqrt(size - 1) + 1  # so that both digits have about the same range
    lefts = -(-size // rights)
    round_keys = random_words(*key, np.arange(_ROUNDS))
    result = np.array(places, np.int64)
    walking = np.arange(len(result))  # indices of results that are not below `size` yet
    while len(walking):
        left, right = np.divmod(result[walking], rights)
        for k in range(0, _ROUNDS, 2):
            left = (left + _hash_digit(right, round_keys[k], lefts)) % lefts
            right = (right + _hash_digit(left, round_keys[k + 1], rights)) % rights
        result[walking] = left * rights + right
        walking = walking[result[walking] >= size]
    return result


def _hash_digit(digit: NDArray[np.int64], round_key: np.uint64, base: int) -> NDArray[np.int64]:
    return as_integers(mix(digit.astype(np.uint64) + round_key), base)
