"""Random numbers without a generator: each is a hash of a few integers that say what it is for.

The state of a generator would have to be saved with a run, and advanced to reach a later number. Here any number is
computed directly, in any process, for example that of `(seed, purpose, step, row)`. The hash applies one round of
SplitMix64 per coordinate (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators", figure 17).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

_GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)  # odd, 2⁶⁴ divided by the golden ratio


def mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return a bijection of 64-bit words in which every bit of the result depends on every bit of the word."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def random_words(*coordinates: ArrayLike) -> NDArray[np.uint64]:
    """Return 64 random bits for each point of the coordinates, which are broadcast against each other.

    >>> random_words(0, 7, [0, 1, 2])[1] == random_words(0, 7, 1)[0]
    np.True_
    """
    words = np.zeros(1, np.uint64)  # an array: a scalar would warn of the overflow that the hash relies on
    for coordinate in coordinates:
        steps = np.atleast_1d(np.asarray(coordinate)).astype(np.uint64) + np.uint64(1)
        words = mix(words + _GOLDEN_GAMMA * steps)
    return words


def as_fractions(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return uniform numbers in [0, 1), from random words."""
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def as_integers(words: NDArray[np.uint64], sizes: ArrayLike) -> NDArray[np.int64]:
    """Return integers of at least 0 and below `sizes`, from random words.

    They are remainders, so that some are more likely than others, by a relative difference of at most `size / 2⁶⁴`:
    for 10¹⁰ tokens 5·10⁻¹⁰.
    """
    return (words % np.asarray(sizes).astype(np.uint64)).astype(np.int64)
