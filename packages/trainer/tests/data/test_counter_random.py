import numpy as np
from hypothesis import given, strategies as st

from trainer.data.counter_random import as_fractions, as_integers, mix, random_words

MASK = 2**64 - 1


def splitmix64(state):
    """One output of SplitMix64, in Python's integers, as published."""
    state = (state + 0x9E3779B97F4A7C15) & MASK
    z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def unmix(z):
    """The inverse of `mix`."""

    def unshift(value, by):
        result = value
        for _ in range(64 // by + 1):
            result = value ^ (result >> by)
        return result

    z = unshift(z, 31) * pow(0x94D049BB133111EB, -1, 2**64) & MASK
    z = unshift(z, 27) * pow(0xBF58476D1CE4E5B9, -1, 2**64) & MASK
    return unshift(z, 30)


def test_one_coordinate_is_splitmix64():
    # The first outputs of the published generator from seed 0.
    published = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert random_words([0, 1, 2]).tolist() == published
    assert splitmix64(0) == published[0]


@given(st.integers(0, MASK))
def test_mix_is_a_bijection(word):
    assert unmix(int(mix(np.array([word], np.uint64))[0])) == word


@given(st.lists(st.integers(0, 2**63), min_size=1, max_size=4))
def test_each_coordinate_adds_a_round(coordinates):
    word = 0
    for coordinate in coordinates:
        word = splitmix64((word + 0x9E3779B97F4A7C15 * coordinate) & MASK)
    assert random_words(*coordinates).tolist() == [word]


def test_a_number_does_not_depend_on_the_other_coordinates_of_the_call():
    together = random_words(5, np.arange(4)[:, None], np.arange(3))
    assert together.shape == (4, 3)
    assert all(random_words(5, k, j)[0] == together[k, j] for k in range(4) for j in range(3))
    assert len(set(together.ravel().tolist())) == 12


def test_fractions_and_integers_cover_their_range():
    words = np.array([0, 2**11 - 1, 2**63, MASK], np.uint64)
    assert as_fractions(words).tolist() == [0.0, 0.0, 0.5, 1 - 2.0**-53]
    assert as_integers(words, [7, 10, 4, 2**40]).tolist() == [0, 2047 % 10, 0, 2**40 - 1]
    drawn = as_integers(random_words(1, np.arange(10_000)), 10)
    counts = np.bincount(drawn, minlength=10)
    assert ((counts - 1000) ** 2 / 1000).sum() < 27.9  # the 0.1 % point of chi-square with 9 degrees of freedom
