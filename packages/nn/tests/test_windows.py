"""Which part of a long text is read, compared with a simulation of what generation does."""

import pytest

from nn import context_window


def simulated(length, context):
    """Return how many of the latest tokens a model reads that has continued a single token to this length."""
    read = 1
    for _ in range(length - 1):
        read += 1
        if read > context:
            read = max(1, context // 2)
    return read


@pytest.mark.parametrize("context", [1, 2, 3, 4, 7, 24])
def test_the_window_of_every_length(context):
    for length in range(1, 5 * context + 3):
        window = context_window(range(length), context)
        assert window == list(range(length - simulated(length, context), length))
        assert min(length, max(1, context // 2)) <= len(window) <= context


def test_an_empty_text_stays_empty():
    assert context_window([], 8) == []
