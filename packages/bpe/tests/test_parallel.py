import threading
from itertools import count

import pytest
from hypothesis import given, strategies as st

from bpe.parallel import available_cores, map_in_order


@given(items=st.lists(st.integers()), num_threads=st.integers(1, 6))
def test_results_come_in_order(items, num_threads):
    assert list(map_in_order(str, items, num_threads)) == [str(item) for item in items]


def test_the_first_call_may_be_the_slowest():
    others_done = threading.Event()

    def work(item):
        if item == 0:
            assert others_done.wait(10)
        if item == 2:
            others_done.set()
        return item

    assert list(map_in_order(work, range(3), 2)) == [0, 1, 2]


@pytest.mark.parametrize("num_threads", [1, 2, 5])
def test_items_are_requested_as_they_are_needed(num_threads):
    taken = []

    def items():
        for k in count():
            taken.append(k)
            yield k

    results = map_in_order(lambda item: item, items(), num_threads)
    for expected in range(50):
        assert next(results) == expected
        assert len(taken) <= expected + 2 * num_threads
    results.close()


@pytest.mark.parametrize("num_threads", [1, 3])
def test_after_an_error_no_more_calls_are_started(num_threads):
    begun = []

    def work(item):
        begun.append(item)
        if item == 3:
            raise ValueError("three")
        return item

    results = []
    with pytest.raises(ValueError, match="three"):
        results.extend(map_in_order(work, range(1000), num_threads))
    assert len(begun) <= 4 + 2 * num_threads


@pytest.mark.parametrize("num_threads", [1, 3])
def test_an_error_of_the_items_is_raised_and_threads_end(num_threads):
    before = threading.active_count()

    def items():
        yield 1
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(map_in_order(str, items(), num_threads))
    assert threading.active_count() == before


def test_no_threads_are_left_if_results_are_abandoned():
    before = threading.active_count()
    results = map_in_order(str, range(1000), 4)
    assert next(results) == "0"
    results.close()
    assert threading.active_count() == before


def test_the_cores_of_this_process_are_counted():
    assert available_cores() >= 1
