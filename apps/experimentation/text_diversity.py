"""How varied texts are, and how much a text repeats itself: shares of n-grams, runs of n tokens.

>>> distinct_share([[1, 2, 3], [1, 2, 4]], 2)
0.75
>>> repeated_share([[1, 2, 1, 2, 1, 2]], 2)
0.6
"""

from collections.abc import Hashable, Sequence
from itertools import chain

Tokens = Sequence[Hashable]


def distinct_share(texts: Sequence[Tokens], n: int) -> float:
    """Return the share of different n-grams among all n-grams of all texts together, known as distinct-n.

    It measures variety between texts: 1 if no n-gram occurs twice. It falls with the length and the number of texts, so
    only collections of similar size can be compared. Source: Li et al. 2016, arXiv:1510.03055.

    Args:
        texts: the tokens of each text.
        n: tokens in an n-gram, at least 1.

    Returns:
        A share from 0 to 1; 0 if no text has n tokens.
    """
    grams = list(chain.from_iterable(n_grams(text, n) for text in texts))
    return len(set(grams)) / len(grams) if grams else 0.0


def repeated_share(texts: Sequence[Tokens], n: int) -> float:
    """Return the share of n-grams that have occurred before in the same text.

    It measures loops: near 1 if a text repeats one sentence for ever, 0 if no n-gram comes again. Source: Welleck et
    al. 2020, arXiv:1908.04319, who call it seq-rep-n.

    Args:
        texts: the tokens of each text.
        n: tokens in an n-gram, at least 1.

    Returns:
        A share from 0 to 1, of the n-grams of all texts; 0 if no text has n tokens.
    """
    counts = [(len(grams), len(set(grams))) for grams in (n_grams(text, n) for text in texts)]
    total = sum(number for number, _ in counts)
    return (total - sum(different for _, different in counts)) / total if total else 0.0


def n_grams(text: Tokens, n: int) -> list[tuple[Hashable, ...]]:
    """Return the n-grams of a text, in order.

    >>> n_grams("abcd", 3)
    [('a', 'b', 'c'), ('b', 'c', 'd')]
    """
    return [tuple(text[start : start + n]) for start in range(len(text) - n + 1)]
