"""The order in which cases that are compared with each other are measured."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

Case = TypeVar("Case")


def in_rounds(cases: Sequence[Case], rounds: int) -> Iterator[tuple[int, Case]]:
    """Yield the number of the round and a case: each case once in every round, in reverse order in odd rounds.

    Reversing the order keeps a machine that slowly becomes faster or slower from favouring the first or the last case.

    >>> [case for _, case in in_rounds("abc", 2)]
    ['a', 'b', 'c', 'c', 'b', 'a']
    """
    for number in range(rounds):
        for case in cases if number % 2 == 0 else reversed(cases):
            yield number, case
