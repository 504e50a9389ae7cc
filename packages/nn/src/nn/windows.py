"""Which part of a long text a model reads.

When a text fills the context, its older half is dropped: the model reads the newer half again, from position 0, and
continues. So it always sees at least half a context of the latest text, and the cost of reading that again is spread
over half a context of tokens.
"""

from collections.abc import Sequence


def kept_tokens(context_length: int) -> int:
    """Return how many of the latest tokens are kept when the context is full."""
    return max(1, context_length // 2)


def window_start(length: int, context_length: int) -> int:
    """Return the index of the first token that the model reads to predict the one after `length` tokens."""
    beyond = length - context_length - 1
    if beyond < 0:
        return 0
    kept = kept_tokens(context_length)
    period = context_length - kept + 1  # tokens from one time that the context is exceeded to the next
    return context_length + 1 + beyond // period * period - kept


def context_window(ids: Sequence[int], context_length: int) -> list[int]:
    """Return the ids that a model reads to continue a text of any length; at most the context.

    They are those that `generate` would have kept had it generated the text itself. So a long text can be continued
    from them as if it had never been interrupted.

    >>> context_window([1, 2, 3, 4, 5], context_length=4)
    [4, 5]
    """
    return list(ids[window_start(len(ids), context_length) :])
