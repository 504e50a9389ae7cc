r"""Sets of code points, as ranges, and their division into classes that a pattern treats alike.

A set is a tuple of `(first, last)`, in order and with gaps in between:

>>> union([((48, 57),), ((58, 60), (70, 71))])
((48, 60), (70, 71))

What is in a set such as `\p{L}` is asked of the `regex` package, so that the Unicode version is always its own.
"""

import struct
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import regex

Ranges = tuple[tuple[int, int], ...]
"""A set of code points: inclusive ranges, ascending, at least one code point apart."""

LAST = 0x10FFFF
EVERYTHING: Ranges = ((0, LAST),)

# Unicode has assigned characters in these two ranges only, and private ones; `regex` is asked about each of them. In
# every other plane all code points are alike, except the two noncharacters at its end: one of them is asked about.
_VARIED = (range(0x40000), range(0xE0000, 0xE1000))
_ALIKE = tuple(
    (first, last)
    for plane in range(0x40000, LAST, 0x10000)
    for first, last in (
        (0xE1000 if plane == 0xE0000 else plane, plane + 0xFFFD),
        (plane + 0xFFFE, plane + 0xFFFF),
    )
)


def union(sets: Iterable[Ranges]) -> Ranges:
    """Return the code points that are in at least one of the sets."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted(r for ranges in sets for r in ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(last, joined[-1][1])
        else:
            joined.append((first, last))
    return tuple(joined)


def complement(ranges: Ranges) -> Ranges:
    """Return the code points that are not in the set.

    >>> complement(((0, 9), (11, 0x10FFFF)))
    ((10, 10),)
    """
    firsts = [0, *(last + 1 for _, last in ranges)]
    lasts = [*(first - 1 for first, _ in ranges), LAST]
    return tuple((first, last) for first, last in zip(firsts, lasts, strict=True) if first <= last)


def contains(ranges: Ranges, code_point: int) -> bool:
    """Return whether a code point is in the set."""
    k = bisect_right(ranges, (code_point, LAST + 1)) - 1
    return k >= 0 and code_point <= ranges[k][1]


@lru_cache(maxsize=256)
def matching(expression: str) -> Ranges:
    r"""Return the code points that an expression for one character, such as `\p{L}` or `(?i:s)`, matches."""
    compiled = regex.compile(f"(?:{expression})+")
    found = [
        (code_points.start + match.start(), code_points.start + match.end() - 1)
        for code_points in _VARIED
        for match in compiled.finditer(_characters(code_points.start, code_points.stop))
    ]
    found += [(first, last) for first, last in _ALIKE if compiled.fullmatch(chr(first))]
    return union([tuple(found)])


@lru_cache(maxsize=2)
def _characters(first: int, end: int) -> str:
    """Return all characters from `first` to before `end`, including surrogates."""
    code_points = struct.pack(f"<{end - first}I", *range(first, end))
    return code_points.decode("utf-32-le", errors="surrogatepass")


@dataclass(frozen=True)
class Classes:
    """The division of all code points into classes, numbered from 0."""

    firsts: Sequence[int]
    """Where each range begins, ascending; a range ends where the next begins, the last one at `LAST`."""
    numbers: Sequence[int]
    """The class of each range."""
    count: int

    def of(self, code_point: int) -> int:
        """Return the class of a code point."""
        return self.numbers[bisect_right(self.firsts, code_point) - 1]

    def ranges(self) -> Iterator[tuple[int, int, int]]:
        """Yield `(first, last, class)` for all code points in order."""
        ends = [*self.firsts[1:], LAST + 1]
        for first, end, number in zip(self.firsts, ends, self.numbers, strict=True):
            yield first, end - 1, number


def divide(sets: Sequence[Ranges]) -> tuple[Classes, list[list[int]]]:
    """Divide all code points into the fewest classes of which each set is a union.

    Returns:
        The classes; and for each set the classes in it.
    """
    changes: dict[int, int] = {0: 0}  # at which code point which sets begin or end, a bit for each
    for k, ranges in enumerate(sets):
        for first, last in ranges:
            changes[first] = changes.get(first, 0) ^ 1 << k
            changes[last + 1] = changes.get(last + 1, 0) ^ 1 << k
    changes.pop(LAST + 1, None)
    number_of: dict[int, int] = {}
    firsts, numbers, members = [], [], 0
    for first in sorted(changes):
        members ^= changes[first]
        firsts.append(first)
        numbers.append(number_of.setdefault(members, len(number_of)))
    classes = Classes(firsts, numbers, len(number_of))
    return classes, [[number for bits, number in number_of.items() if bits >> k & 1] for k in range(len(sets))]


def refine(left: Classes, right: Classes) -> tuple[Classes, list[tuple[int, int]]]:
    """Divide all code points into the fewest classes that each are in one class of `left` and in one of `right`.

    Returns:
        The classes; and for each its class in `left` and in `right`.
    """
    number_of: dict[tuple[int, int], int] = {}
    firsts = sorted({*left.firsts, *right.firsts})
    numbers = [number_of.setdefault((left.of(first), right.of(first)), len(number_of)) for first in firsts]
    return Classes(firsts, numbers, len(number_of)), list(number_of)
