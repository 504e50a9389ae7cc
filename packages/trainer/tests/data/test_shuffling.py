from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from trainer.data.shuffling import shuffled


@given(size=st.integers(1, 3000), seed=st.integers(0, 2**63 - 1), epoch=st.integers(0, 100))
def test_it_is_a_bijection(size, seed, epoch):
    assert np.array_equal(np.sort(shuffled(np.arange(size), size, seed, epoch)), np.arange(size))


@given(size=st.integers(1, 2**61), seed=st.integers(0, 99), data=st.data())
def test_the_result_for_a_place_does_not_depend_on_the_other_places(size, seed, data):
    places = np.array(data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=20, unique=True)))
    together = shuffled(places, size, seed)
    assert len(set(together.tolist())) == len(places)
    assert 0 <= together.min() <= together.max() < size
    assert together.tolist() == [int(shuffled(places[k : k + 1], size, seed)[0]) for k in range(len(places))]


@pytest.mark.parametrize(("size", "limit"), [(3, 20.5), (4, 49.7), (5, 172.7)])
def test_every_order_is_equally_likely(size, limit):
    """Chi-square over all orders; the limits are the 0.1 % points for 5, 23 and 119 degrees of freedom."""
    orders = list(permutations(range(size)))
    expected = 60
    shuffles = (shuffled(np.arange(size), size, 11, epoch) for epoch in range(expected * len(orders)))
    counts = Counter(tuple(order.tolist()) for order in shuffles)
    assert sum((counts[order] - expected) ** 2 / expected for order in orders) < limit


def test_neighbours_end_up_far_apart():
    """After a uniform shuffle the mean distance of any two places is a third of the size, also of neighbours."""
    size = 100_000
    order = shuffled(np.arange(size), size, 5)
    for lag in (1, 2, 317, 50_000):  # 317 is the base of the digits
        assert abs(np.abs(order[lag:] - order[:-lag]).mean() / size - 1 / 3) < 0.01
    assert not np.array_equal(order, shuffled(np.arange(size), size, 6))
